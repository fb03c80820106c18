"""`eigenmlp predict`: the CSV and the scores."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import eigenmlp as em
from command_runs import N_CLASSES, N_FEATURES, Data, Run


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_read_back_to_the_same_bits(run: Run, data: Data, dtype: str) -> None:
    network = em.Network([N_FEATURES, 8, N_CLASSES], dtype=dtype, input_scale=1 / 255, rng=0)
    network.save("net.st")
    done = run("predict", "net.st", "x.npy")
    assert done.code == 0
    assert not done.err
    header, *rows = table(done.out)
    assert header == ["class", "probability_0", "probability_1", "probability_2"]
    assert [int(row[0]) for row in rows] == network.predict(data.X).tolist()
    probabilities = np.array([row[1:] for row in rows], dtype)
    np.testing.assert_array_equal(probabilities, network.predict_proba(data.X), strict=True)


def test_predict_writes_the_columns_asked_for(run: Run, network: em.Network, data: Data) -> None:
    both = table(run("predict", "net.st", "x.npy").out)
    only = run("predict", "net.st", "x.npy", "--columns", "class", "-o", "p.csv")
    assert not only.out
    assert only.err == "Predictions of 90 samples written to p.csv.\n"
    assert table(Path("p.csv").read_text(encoding="utf-8")) == [row[:1] for row in both]
    probabilities = run("predict", "net.st", "x.npy", "--columns", "probabilities")
    assert table(probabilities.out) == [row[1:] for row in both]
    np.save("x.npy", np.tile(data.X, (60, 1)))  # more than are predicted together
    many = table(run("predict", "net.st", "x.npy", "--columns", "class").out)
    assert many == [["class"], *([str(one)] for one in network.predict(data.X).tolist() * 60)]


def test_predict_scores_known_labels(run: Run, network: em.Network, data: Data) -> None:
    labels = np.where(data.y == 1, 2, data.y)  # class 1 is absent, which is not a mistake here
    np.save("y.npy", labels)
    done = run("predict", "net.st", "x.npy", "--labels", "y.npy")
    scores = network.evaluate(data.X, labels)
    assert done.err == f"loss {scores.loss:.4f}, accuracy {scores.accuracy:.4f} on 90 samples\n"
    assert done.out == run("predict", "net.st", "x.npy").out
    np.save("y.npy", np.full(90, 3))
    done = run("predict", "net.st", "x.npy", "--labels", "y.npy")
    assert done.code == 1
    assert "label 3, but with 3 classes labels must be the numbers 0 to 2" in done.err


@pytest.mark.usefixtures("network")
def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    np.save("x.npy", np.zeros((50_000, N_FEATURES), np.uint8))
    process = subprocess.Popen(
        [sys.executable, "-c", "import eigenmlp.cli; eigenmlp.cli.main()", "predict", "net.st",
         "x.npy"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"class,")
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) != 0


@pytest.mark.usefixtures("network")
def test_a_terminal_sees_how_far_it_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "Predicting" in run("predict", "net.st", "x.npy", "-o", "p.csv").err
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert "Predicting" not in run("predict", "net.st", "x.npy").err
