"""`eigenmlp train`: what it trains, writes and says."""

import csv
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import eigenmlp as em
from command_runs import N_CLASSES, N_FEATURES, Data, Run


def parameters(path: str | Path = "model.safetensors") -> npt.NDArray[Any]:
    return em.load_network(path).get_flat_parameters()


@pytest.mark.usefixtures("data")
def test_train_says_what_it_did(run: Run) -> None:
    done = run(
        "train", "x.npy", "-l", "y.npy", "-o", "m.st", "--epochs", 60, "--hidden", 20,
        "--history", "h.csv", "--learning-rate", 0.1, "--patience", 3,
    )  # fmt: skip
    assert done.code == 0
    assert not done.err
    assert "81 samples to train, 9 to validate" in done.out
    assert "12, 20, 3; 323 parameters of float32" in done.out
    assert "uint8, times 1/255 (auto for uint8, see --input-scale)" in done.out
    assert "Model saved in m.st." in done.out
    with Path("h.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    losses = [float(row["val_loss"]) for row in rows]
    best = int(np.argmin(losses))
    assert len(rows) == best + 4 < 60
    assert f"Epochs   {len(rows)} in " in done.out
    assert f"; stopped early; kept the weights after {best + 1} (best validation" in done.out


def test_train_shows_scores(run: Run, data: Data) -> None:
    done = run("train", "x.npy", "-l", "y.npy", "--epochs", 3, "--validation", 0.3)
    fractions = (0.7, 0.3)
    fit, held_out = em.datasets.split(data.X, data.y, fractions, rng=np.random.default_rng(0))
    network = em.load_network("model.safetensors")
    for name, part in (("training", fit), ("validation", held_out)):
        X, y = data.X[part], data.y[part]
        confusion = np.zeros((N_CLASSES, N_CLASSES))
        np.add.at(confusion, (y, network.predict(X)), 1)
        hits, in_class, called = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
        evaluation = network.evaluate(X, y)
        scores = [
            evaluation.loss,
            evaluation.accuracy,
            (hits / in_class).mean(),
            (2 * hits / (in_class + called)).mean(),
        ]
        assert len(set(scores)) == 4  # so that none can stand for another
        line = next(line for line in done.out.splitlines() if line.startswith(name))
        assert line.split()[1:] == [f"{score:.4f}" for score in scores]


def test_train_scales_only_uint8_by_itself(run: Run, data: Data) -> None:
    np.save("x.npy", data.X / 255)
    done = run("train", "x.npy", "-l", "y.npy", "--epochs", 1, "--validation", 0)
    assert em.load_network("model.safetensors").input_scale == 1
    assert "float64, times 1 (auto for float64" in done.out
    assert "90 samples to train, 0 to validate" in done.out
    assert not any(line.startswith("validation") for line in done.out.splitlines())
    assert not done.err


def test_train_on_a_table(run: Run, data: Data) -> None:
    header = [*(f"f{index}" for index in range(N_FEATURES)), "class"]
    rows = np.column_stack([data.X, data.y])
    np.savetxt("t.csv", rows, fmt="%d", delimiter=",", header=",".join(header), comments="")
    run("train", "x.npy", "-l", "y.npy", "--epochs", 1, "-o", "a.st")
    done = run(
        "train", "t.csv", "-l", "class", "--epochs", 1, "-o", "b.st", "--input-scale", "1/255"
    )
    assert done.code == 0
    np.testing.assert_array_equal(parameters("a.st"), parameters("b.st"))
    predicted = run("predict", "b.st", "t.csv", "--labels", "class")
    assert predicted.out == run("predict", "a.st", "x.npy").out


@pytest.mark.usefixtures("data")
def test_files_are_overwritten_only_by_force(run: Run) -> None:
    train = ("train", "x.npy", "-l", "y.npy", "--epochs", 1, "--history", "h.csv")
    assert run(*train).code == 0
    before = Path("model.safetensors").read_bytes()
    for refused in (run(*train, "--seed", 1), run(*train, "-o", "other.st")):
        assert refused.code == 2
    assert "h.csv exists; choose another name, or overwrite it with --force" in refused.err
    assert Path("model.safetensors").read_bytes() == before
    assert not Path("other.st").exists()
    assert "model.safetensors exists; choose" in run(*train[:-2]).err
    assert run(*train, "--seed", 1, "--force").code == 0
    assert Path("model.safetensors").read_bytes() != before
    predict = ("predict", "model.safetensors", "x.npy", "-o")
    assert "x.npy exists" in run(*predict, "x.npy").err
    assert run(*predict, "x.npy", "--force").code == 0


@pytest.mark.usefixtures("data")
def test_ctrl_c_saves_what_was_trained(tmp_path: Path) -> None:
    options = ["--validation", "0", "--epochs", "100000000", "--history", "h.csv"]
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import eigenmlp.cli; eigenmlp.cli.main()",
            "train",
            "x.npy",
            "-l",
            "y.npy",
            *options,
        ],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    while process.poll() is None:
        time.sleep(0.01)
        if Path("h.csv").exists() and Path("h.csv").read_text(encoding="utf-8").count("\n") > 2:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == (
        "Interrupted. The network, as far as it was trained, is saved in model.safetensors.\n"
    )
    assert em.load_network(tmp_path / "model.safetensors").layer_sizes == (12, 100, 3)


@pytest.mark.usefixtures("data")
def test_a_checkpoint_goes_on_to_the_same_bits(run: Run) -> None:
    command = ["train", "x.npy", "--labels", "y.npy", "--hidden", "4", "--epochs"]
    assert run(*command, 6, "-o", "whole.safetensors").code == 0
    kept = ("--checkpoint", "kept", "--history", "h.csv")
    assert run(*command, 4, *kept, "-o", "part.safetensors").code == 0
    done = run(*command, 6, *kept)
    assert done.code == 0, done.err
    assert len(Path("h.csv").read_text(encoding="utf-8").splitlines()) == 7
    assert "Resumed  after 4 epochs, from kept\n" in done.out
    assert (parameters() == parameters("whole.safetensors")).all()


@pytest.mark.usefixtures("data")
def test_a_checkpoint_of_other_settings_is_refused(run: Run) -> None:
    command = [
        "train",
        "x.npy",
        "--labels",
        "y.npy",
        "--hidden",
        "4",
        "--epochs",
        "2",
        "--force",
        "--checkpoint",
        "kept",
    ]
    assert run(*command).code == 0
    done = run(*command, "--batch-size", "7")
    assert done.code == 1
    assert "batch_size was 64, is 7" in done.err.replace("\n", " ")
    assert "Traceback" not in done.err


def test_classes_that_a_part_lacks_are_told(run: Run, data: Data) -> None:
    y = data.y.copy()
    y[0] = N_CLASSES
    np.save("rare.npy", y)
    options = ("--epochs", 1, "--force")
    done = run("train", "x.npy", "-l", "rare.npy", *options, "--validation", 0.5)
    assert re.search(
        rf"Classes +No sample for (training|validation) of 1 of the {N_CLASSES + 1} classes:\s+"
        rf"{N_CLASSES} \(of 1 sample\)",
        done.out,
    )
    for same in (("y.npy", 0.1), ("rare.npy", 0)):
        done = run("train", "x.npy", "-l", same[0], *options, "--validation", same[1])
        assert "Classes" not in done.out
