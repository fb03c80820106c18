"""`eigenmlp export`: what it writes is what the library writes."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import safetensors
import safetensors.numpy

import eigenmlp as em
from command_runs import N_FEATURES, Data, Run


@pytest.fixture
def classifier(data: Data) -> em.MLPClassifier:
    names = np.array(["ape", "bee", "cow"])[data.y]
    model = em.MLPClassifier((6,), solver="lbfgs", max_iter=100, random_state=0)
    model.fit(data.X / 255, names).save("clf.st")
    np.save("scaled.npy", data.X / 255)
    return model


def contents(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_to_c(run: Run, network: em.Network) -> None:
    done = run("export", "--format", "c", "net.st", "out/")
    assert (done.code, done.err) == (0, "")
    em.export.to_c(network, "expected")
    assert contents("out") == contents("expected")
    assert "Network of 12-8-3 units, 131 parameters" in done.out
    assert "out/model.h and out/model.c" in done.out
    # The input scale is a factor of each of the 8 units.
    assert f"{131 * 4 + 8 * 4:,} bytes of tables (weights of float32), 32 bytes" in done.out


@pytest.mark.usefixtures("network")
def test_to_c_again_under_a_name_of_ones_own(run: Run) -> None:
    for _ in range(2):
        assert run("export", "-f", "c", "net.st", "out", "--name", "digits").code == 0
    assert set(contents("out")) == {"digits.c", "digits.h"}


@pytest.mark.usefixtures("data")
def test_models_for_tables(run: Run) -> None:
    table = {"size": np.arange(40.0), "town": ["Ulm", "Bonn"] * 20}
    model = em.TabularClassifier((4,), max_iter=1, n_estimators=2).fit(table, ["a", "b"] * 20)
    model.save("model.st")
    done = run("export", "-f", "onnx", "model.st", "model.onnx")
    assert (done.code, done.err) == (0, "")
    # The number, two parts of its range, and a pair of towns.
    assert "TabularClassifier of 2 networks of 4-4-2 units, 60 parameters" in done.out
    em.export.to_onnx(model, "expected.onnx")
    assert Path("model.onnx").read_bytes() == Path("expected.onnx").read_bytes()
    assert run("export", "-f", "c", "model.st", "out").code == 0
    em.export.to_c(model, "expected")
    assert contents("out") == contents("expected")
    done = run("export", "-f", "c", "--int8", "--data", "x.npy", "model.st", "other")
    assert done.code == 2
    assert "em.export.to_c(model, folder, int8=True, X=table, y=targets)" in done.err
    assert not Path("other").exists()
    done = run("export", "-f", "torch", "model.st", "state.st")
    assert done.code == 1
    assert "whose networks read rows that it has prepared" in done.err
    assert not Path("state.st").exists()


def test_8_bits_and_what_they_cost(run: Run, network: em.Network, data: Data) -> None:
    done = run("export", "-f", "c", "--int8", "--data", "x.npy", "--labels", "y.npy", "net.st", "o")
    expected = em.export.to_c(network, "expected", int8=True, X=data.X, y=data.y)
    assert contents("o") == contents("expected")
    assert f"outputs differ by {expected.largest_difference:.3g} at most" in done.out
    assert f"accuracy {expected.score:.4f} becomes {expected.int8_score:.4f}" in done.out
    assert "on 90 samples" in done.out
    done = run("export", "-f", "c", "--int8", "--data", "x.npy", "net.st", "o")
    assert "at most, on 90 samples" in done.out
    assert "what they cost is not known" in run("export", "-f", "c", "--int8", "net.st", "o").out


def test_labels_of_a_classifier_are_its_class_numbers(
    run: Run, classifier: em.MLPClassifier, data: Data
) -> None:
    options = ("--int8", "--data", "scaled.npy", "--labels", "y.npy")
    done = run("export", "-f", "c", "clf.st", "out", *options)
    assert done.code == 0
    score = classifier.score(data.X / 255, np.array(["ape", "bee", "cow"])[data.y])
    assert f"accuracy {score:.4f} becomes" in done.out
    assert '"bee"' in Path("out/model.c").read_text()


def test_to_onnx(run: Run, classifier: em.MLPClassifier, data: Data) -> None:
    done = run("export", "--format", "onnx", "clf.st", "model.onnx")
    assert (done.code, done.err) == (0, "")
    assert f"model.onnx, {Path('model.onnx').stat().st_size:,} bytes" in done.out
    session = onnxruntime.InferenceSession("model.onnx")
    labels, _ = session.run(None, {"X": data.X / 255})
    np.testing.assert_array_equal(labels, classifier.predict(data.X / 255))


def test_to_torch(run: Run, network: em.Network) -> None:
    assert run("export", "--format", "torch", "net.st", "state.st").code == 0
    state = safetensors.numpy.load_file("state.st")
    expected = em.export.to_torch_state_dict(network)
    assert state.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(state[name], array)


@pytest.mark.parametrize("kind", ["onnx", "torch"])
@pytest.mark.usefixtures("network")
def test_files_are_overwritten_by_force_alone(run: Run, kind: str) -> None:
    Path("there").write_text("mine")
    done = run("export", "-f", kind, "net.st", "there")
    assert done.code == 2
    assert "OUT: there exists; choose another name, or overwrite it with --force" in done.err
    assert Path("there").read_text() == "mine"
    assert run("export", "-f", kind, "net.st", "there", "--force").code == 0
    assert Path("there").read_bytes() != b"mine"


@pytest.mark.usefixtures("network")
def test_c_of_others_is_left_alone(run: Run) -> None:
    Path("model.c").write_text("int main(void) { return 0; }\n")
    done = run("export", "-f", "c", "net.st", ".")
    assert done.code == 1
    assert "error: model.c exists and is not an earlier export" in done.err
    assert not Path("model.h").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "Missing option '--format'"),
        ("-f java", "--format: 'java' is unknown; use one of c, onnx, torch"),
        ("-f c --force", "--force: the format c does not take it; leave it out"),
        ("-f onnx --name a", "--name: the format onnx does not take it; leave it out"),
        ("-f torch --int8", "--int8: the format torch does not take it"),
        ("-f c --data x.npy", "--data: the samples show what 8 bits cost; give --int8"),
        ("-f c --int8 --labels y.npy", "--labels: labels need their samples; give --data"),
        ("-f onnx", "OUT: out is a folder; name a file in it"),
    ],
)
@pytest.mark.usefixtures("network")
def test_bad_usage_of_export(run: Run, options: str, message: str) -> None:
    Path("out").mkdir()
    done = run("export", "net.st", "out", *options.split())
    assert done.code == 2
    assert message in done.err
    assert not contents("out")


@pytest.mark.usefixtures("data")
def test_labels_for_a_model_without_classes(run: Run) -> None:
    em.Network([N_FEATURES, 2], output="identity").save("values.st")
    options = ("--int8", "--data", "x.npy", "--labels", "y.npy")
    done = run("export", "-f", "c", "values.st", "out", *options)
    assert done.code == 2
    assert "--labels: this model does not pick one class; leave it out" in done.err
    done = run("export", "-f", "c", "values.st", "out", *options[:3])
    assert done.code == 0
    assert "outputs differ by" in done.out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("-f c no.st out", "no model file no.st"),
        ("-f c x.npy out", "x.npy is not a readable safetensors file"),
        ("-f c net.st out --name 2", "name='2' is not a name in C"),
        ("-f c net.st out --int8 --data wide.npy", "X has 13 features a row"),
    ],
)
@pytest.mark.usefixtures("network")
def test_failures_of_export_leave_nothing(run: Run, args: str, message: str) -> None:
    np.save("wide.npy", np.zeros((2, N_FEATURES + 1)))
    done = run("export", *args.split())
    assert done.code == 1
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not done.out
    assert not Path("out").exists()


@pytest.mark.usefixtures("network")
def test_a_missing_extra_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    done = run("export", "-f", "onnx", "net.st", "m.onnx")
    assert done.code == 1
    assert 'pip install "eigenmlp[onnx]"' in done.err


@pytest.mark.parametrize("classes", [(-1, 1), (1, 2), (True, False), (0.0, 1.0), ("b", "a")])
def test_labels_are_the_classes_of_the_model(
    run: Run, data: Data, classes: tuple[Any, Any]
) -> None:
    y = np.array(classes)[data.y % 2]
    model = em.MLPClassifier((6,), solver="lbfgs", max_iter=100, random_state=0).fit(data.X, y)
    model.save("clf.st")
    np.save("y.npy", y)
    options = ("--int8", "--data", "x.npy", "--labels", "y.npy")
    done = run("export", "-f", "c", "clf.st", "out", *options)
    assert f"accuracy {model.score(data.X, y):.4f} becomes" in done.out
    np.save("y.npy", np.full(90, 5))
    done = run("export", "-f", "c", "clf.st", "out", *options)
    assert done.code == 1
    assert "holds the label 5 in row 1 (rows count from 1), which is not a class" in done.err


def test_data_go_by_the_names_of_their_columns(run: Run, data: Data) -> None:
    frame = pd.DataFrame(data.X * np.arange(1.0, N_FEATURES + 1)).add_prefix("f")
    model = em.MLPClassifier((6,), solver="lbfgs", max_iter=500, random_state=0)
    model.fit(frame, data.y % 2).save("clf.st")
    frame.iloc[:, ::-1].assign(y=data.y % 2).to_csv("table.csv", index=False)
    options = ("--int8", "--data", "table.csv", "--labels", "y")
    done = run("export", "-f", "c", "clf.st", "out", *options)
    assert (done.code, done.err) == (0, "")
    assert f"accuracy {model.score(frame, data.y % 2):.4f} becomes" in done.out


def test_a_state_dict_tells_its_labels_beside_it(
    run: Run, classifier: em.MLPClassifier, data: Data
) -> None:
    done = run("export", "-f", "torch", "clf.st", "state.st")
    assert "3, softmax: the probability of each class; what comes before that" in done.out
    assert "3: ape, bee, cow; in the metadata alone" in done.out
    classifier.fit(data.X / 255, data.y == 1).save("clf.st")
    done = run("export", "-f", "torch", "clf.st", "state.st", "--force")
    assert "1, logistic: the probability of True" in done.out
    with safetensors.safe_open("state.st", "numpy") as file:
        assert json.loads(file.metadata()["classes"]) == ["False", "True"]
        assert file.metadata()["format"] == "pt"
