"""`eigenmlp predict` says what `predict` and `predict_proba` of the loaded model say."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import sparse
from sklearn import neural_network

import eigenmlp as em
from command_runs import Run, fitted, rows

pytestmark = pytest.mark.usefixtures("data")  # the current folder is a temporary one

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
K = np.arange(60) % 3
BINARY = np.arange(60) % 2
ODD_NAMES = np.array(['a, "b"', "line\nbreak", "ü ∑", " space ", "5"])

CLASSIFIER_LABELS: dict[str, npt.NDArray[Any]] = {
    "binary": BINARY,
    "minus and plus": np.where(BINARY, 1, -1),
    "one and two": BINARY + 1,
    "bools": BINARY.astype(bool),
    "floats": np.where(BINARY, 2.0, -1.0),
    "single floats": (K + 1).astype(np.float32),
    "texts": np.array(["no", "yes"])[BINARY],
    "objects": np.array(["no", "yes"], object)[BINARY],
    "three from 1": K + 1,
    "three texts": np.array(["ape", "bee", "cow"])[K],
    "odd texts": ODD_NAMES[np.arange(60) % 5],
    "dates": np.array(["2024-01-01", "2025-02-03"], "M8[D]")[BINARY],
    "one class": np.full(60, "only"),
    "one number": np.full(60, 7),
}
LABELS_OF_SAMPLES = np.stack([K == 0, BINARY, K > 0], axis=1).astype(int)


def predicted(run: Run, *args: Any) -> tuple[list[str], npt.NDArray[Any]]:
    done = run("predict", "model.st", "X.npy", *args)
    assert (done.code, done.err) == (0, "")
    return rows(done.out)


@pytest.mark.parametrize("name", CLASSIFIER_LABELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_classifier_is_told_by_the_names_of_its_classes(run: Run, name: str, dtype: str) -> None:
    fitted(em.MLPClassifier, X.astype(dtype), CLASSIFIER_LABELS[name]).save("model.st")
    np.save("X.npy", X.astype(dtype))
    model: Any = em.load_model("model.st")
    header, cells = predicted(run)
    names = [str(label) for label in model.classes_]
    assert header == ["class", *(f"probability_{each}" for each in names)]
    assert cells[:, 0].tolist() == [str(label) for label in model.predict(X.astype(dtype))]
    found = cells[:, 1:].astype(dtype)
    probabilities = model.predict_proba(X.astype(dtype))
    np.testing.assert_array_equal(found, probabilities[:, : len(names)], strict=True)
    assert len(set(cells[:, 0])) == len(names)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_several_labels_a_sample_have_a_column_each(run: Run, make: Any) -> None:
    fitted(em.MLPClassifier, X, make(LABELS_OF_SAMPLES)).save("model.st")
    np.save("X.npy", X)
    model: Any = em.load_model("model.st")
    header, cells = predicted(run)
    assert header == [f"{what}_{k}" for what in ("class", "probability") for k in range(3)]
    expected = model.predict(X)
    expected = expected.toarray() if sparse.issparse(expected) else expected
    np.testing.assert_array_equal(cells[:, :3].astype(int), expected)
    np.testing.assert_array_equal(cells[:, 3:].astype(float), model.predict_proba(X))
    assert predicted(run, "--columns", "class")[0] == header[:3]
    assert predicted(run, "--columns", "probabilities")[0] == header[3:]


@pytest.mark.parametrize(
    ("y", "options"),
    [
        (X[:, 0] * 3, {}),
        (X[:, :2], {}),
        (K, {"loss": "poisson"}),
        (X[:, 0], {"loss": "huber"}),
    ],
)
def test_a_regressor_writes_its_numbers(run: Run, y: Any, options: dict[str, Any]) -> None:
    fitted(em.MLPRegressor, X, y, **options).save("model.st")
    np.save("X.npy", X)
    model: Any = em.load_model("model.st")
    header, cells = predicted(run)
    assert header == (["prediction"] if y.ndim == 1 else ["prediction_0", "prediction_1"])
    expected = model.predict(X).reshape(len(X), -1)
    np.testing.assert_array_equal(cells.astype(float), expected)
    for columns in ("class", "probabilities", "both"):
        done = run("predict", "model.st", "X.npy", "--columns", columns)
        assert done.code == 2
        assert "--columns: model.st predicts numbers" in done.err
        assert not done.out


@pytest.mark.parametrize(
    ("output", "n", "expected"),
    [
        ("softmax", 3, ["class", "probability_0", "probability_1", "probability_2"]),
        ("logistic", 1, ["class", "probability_1"]),
        (
            "logistic",
            2,
            ["output_0", "output_1", "probability_output_0", "probability_output_1"],
        ),
        ("identity", 1, ["prediction"]),
        ("identity", 2, ["prediction_0", "prediction_1"]),
        ("exponential", 1, ["prediction"]),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_bare_network_keeps_its_indices(
    run: Run, output: str, n: int, expected: list[str], dtype: str
) -> None:
    network = em.Network([4, 6, n], output=output, dtype=dtype, rng=0)
    network.save("model.st")
    np.save("X.npy", X)
    header, cells = predicted(run)
    assert header == expected
    of_predictions = network.predict(X).reshape(len(X), -1)
    width = of_predictions.shape[1]
    np.testing.assert_array_equal(cells[:, :width].astype(of_predictions.dtype), of_predictions)
    if output in {"softmax", "logistic"}:
        probabilities = network.predict_proba(X)
        np.testing.assert_array_equal(cells[:, width:].astype(dtype), probabilities, strict=True)


def test_what_scikit_learn_fitted_is_told_as_it_says(run: Run) -> None:
    theirs = fitted(neural_network.MLPClassifier, X, np.array(["left", "right"])[BINARY])
    em.from_sklearn(theirs).save("model.st")
    np.save("X.npy", X)
    header, cells = predicted(run)
    assert header == ["class", "probability_left", "probability_right"]
    assert cells[:, 0].tolist() == theirs.predict(X).tolist()
    np.testing.assert_allclose(cells[:, 1:].astype(float), theirs.predict_proba(X), atol=1e-12)


def test_classes_that_are_equally_probable_are_told_as_predict_does(run: Run) -> None:
    network = em.Network([1, 2], output="softmax", rng=0)
    # float32 rounds both probabilities to the same number, but the second output is larger.
    network.set_parameters([[[0.0, 1e-9]]], [[0.0, 0.0]])
    network.save("model.st")
    np.save("X.npy", np.ones((1, 1)))
    _, cells = predicted(run)
    assert cells[0, 1] == cells[0, 2]
    assert int(cells[0, 0]) == network.predict(np.ones((1, 1)))[0]


def test_a_sample_that_overflows_is_told_by_its_place(run: Run) -> None:
    network = em.Network([1, 1], output="exponential", rng=0)
    network.set_parameters([[[1.0]]], [[0.0]])
    network.save("model.st")
    for place, told in ((3, "error: row 3 has"), (4100, "error: after the first 4,096")):
        samples = np.zeros((5000, 1))
        samples[place] = 1e6
        np.save("X.npy", samples)
        done = run("predict", "model.st", "X.npy", "-o", "p.csv")
        assert done.code == 1
        assert done.err.startswith(told)
        assert not Path("p.csv").exists()


def test_a_terminal_doesnt_obey_a_files_labels(run: Run) -> None:
    fitted(em.MLPClassifier, X, np.array(["\x1b[2Jred", "b"])[BINARY]).save("model.st")
    np.save("X.npy", X)
    header, _ = predicted(run)
    assert header[1] == "probability_\x1b[2Jred"
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "import eigenmlp.cli; eigenmlp.cli.main()", "predict"]
    process = subprocess.Popen([*command, "model.st", "X.npy"], stdout=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 2**16)
        except OSError:  # what Linux says at the end
            break
        shown += part
        if not part:
            break
    os.close(ours)
    assert process.wait(timeout=60) == 0
    assert b"\x1b[2J" not in shown
    assert rb"probability_\x1b[2Jred" in shown


# --- scores ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSIFIER_LABELS)
@pytest.mark.parametrize("kind", ["npy", "csv", "parquet"])
def test_the_score_of_a_classifier_is_its_own(run: Run, name: str, kind: str) -> None:
    y = CLASSIFIER_LABELS[name]
    fitted(em.MLPClassifier, X, y).save("model.st")
    np.save("X.npy", X)
    shuffled = np.random.default_rng(1).permutation(y)
    texts = np.array([str(label) for label in shuffled])
    if kind == "npy":
        np.save("y.npy", texts if shuffled.dtype == object else shuffled)
    elif kind == "csv":
        pd.DataFrame({"y": texts}).to_csv("y.csv", index=False)
    else:
        pd.DataFrame({"y": shuffled}).to_parquet("y.parquet")
    model: Any = em.load_model("model.st")
    done = run("predict", "model.st", "X.npy", "--labels", f"y.{kind}")
    assert done.code == 0, done.err
    column = np.searchsorted(model.classes_, shuffled)
    loss = -np.log(model.predict_proba(X)[np.arange(60), column]).mean()
    assert done.err == (f"loss {loss:.4f}, accuracy {model.score(X, shuffled):.4f} on 60 samples\n")


def test_numbers_are_compared_by_value_and_texts_as_they_are(run: Run) -> None:
    np.save("X.npy", X)
    for classes, labels in [
        (BINARY, BINARY.astype(float)),
        (BINARY, BINARY.astype(bool)),
        (BINARY.astype(bool), BINARY),
        (BINARY.astype(float), BINARY),
        (np.where(BINARY, 1, -1), np.where(BINARY, "1", "-1")),
        (np.where(BINARY, "1", "0"), BINARY),
    ]:
        model = fitted(em.MLPClassifier, X, classes)
        model.save("model.st")
        np.save("y.npy", labels)
        done = run("predict", "model.st", "X.npy", "--labels", "y.npy", "-o", "p.csv", "--force")
        assert f"accuracy {model.score(X, classes):.4f} on 60" in done.err


@pytest.mark.parametrize(
    ("classes", "label", "message"),
    [
        (K + 1, 0, "the label 0 in row 4 (rows count from 1), which is not a class of the model"),
        (np.where(BINARY, 1, -1), 0, "the label 0 in row 4"),
        (np.array(["ape", "bee", "cow"])[K], "dog", "Its classes are 'ape', 'bee', 'cow'"),
        (np.array(["ape", "bee", "cow"])[K], "Ape", "the label 'Ape' in row 4"),
        (np.array(["a" * 70, "b"])[K % 2], "c", "aaaaaaaaaaaaaa' (72 characters), 'b'"),
        (BINARY, 0.5, "the label 0.5 in row 4"),
        (BINARY, float("nan"), "the label nan in row 4"),
    ],
)
def test_a_label_that_is_no_class_is_an_error(
    run: Run, classes: Any, label: Any, message: str
) -> None:
    fitted(em.MLPClassifier, X, classes).save("model.st")
    np.save("X.npy", X)
    labels = classes.astype(type(label))
    labels[3] = label
    np.save("y.npy", labels)
    done = run("predict", "model.st", "X.npy", "--labels", "y.npy")
    assert done.code == 1
    assert message in done.err
    assert not done.out


def test_class_numbers_are_no_labels_of_named_classes(run: Run) -> None:
    fitted(em.MLPClassifier, X, np.array(["ape", "bee", "cow"])[K]).save("model.st")
    np.save("X.npy", X)
    np.save("y.npy", K)
    done = run("predict", "model.st", "X.npy", "--labels", "y.npy")
    assert done.code == 1
    assert "the label 0 in row 1 (rows count from 1), which is not a class of the model" in done.err


@pytest.mark.parametrize("classes", [["01", "1", "1e0"], ["1.50", "1.5", "True"]])
def test_texts_that_look_like_numbers_stay_texts(run: Run, classes: list[str]) -> None:
    names = np.array(classes)[K]
    model = fitted(em.MLPClassifier, X, names)
    model.save("model.st")
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame.assign(y=names).to_csv("table.csv", index=False)
    frame.to_csv("unlabelled.csv", index=False)
    pd.DataFrame({"y": names}).to_csv("y.csv", index=False)
    for images, labels in (("table.csv", "y"), ("unlabelled.csv", "y.csv")):
        done = run("predict", "model.st", images, "--labels", labels)
        assert f"accuracy {model.score(X, names):.4f} on 60" in done.err


def test_classes_called_like_missing_values(run: Run) -> None:
    classes = np.array(["NA", "None", "null"])[K]
    model = fitted(em.MLPClassifier, X, classes)
    model.save("model.st")
    table = pd.DataFrame(X, columns=list("abcd")).assign(label=classes)
    table.to_csv("table.csv", index=False)
    table[["label"]].to_csv("labels.csv", index=False)
    np.save("X.npy", X)
    for images, labels in (("table.csv", "label"), ("X.npy", "labels.csv")):
        done = run("predict", "model.st", images, "--labels", labels)
        assert f"accuracy {model.score(X, classes):.4f} on 60 samples" in done.err
    table.loc[3, "label"] = ""
    table.to_csv("table.csv", index=False)
    done = run("predict", "model.st", "table.csv", "--labels", "label")
    assert "table.csv['label'] has no value in row 4 (1 of 60 rows lack it" in done.err


@pytest.mark.parametrize("name", ["one", "two", "poisson", "bare", "bare counts"])
def test_scores_of_numbers_are_r_squared(run: Run, name: str) -> None:
    y: Any = {"one": X[:, 0] * 2, "two": X[:, :2], "poisson": K}.get(name, X[:, 0] ** 2)
    np.save("X.npy", X)
    if name.startswith("bare"):
        output = "exponential" if "counts" in name else "identity"
        network = em.Network([4, 5, 1], output=output, dtype="float64", rng=0)
        network.save("model.st")
        residual, total = y - network.predict(X).ravel(), y - y.mean()
        score, loss = 1 - (residual**2).sum() / (total**2).sum(), network.evaluate(X, y).loss
    else:
        model = fitted(
            em.MLPRegressor, X, y, loss="poisson" if name == "poisson" else "squared_error"
        )
        model.save("model.st")
        score, loss = model.score(X, y), model._model().evaluate(X, y).loss
    np.save("y.npy", y)
    done = run("predict", "model.st", "X.npy", "--labels", "y.npy")
    assert done.err == f"loss {loss:.4f}, R² {score:.4f} on 60 samples\n"


@pytest.mark.parametrize(
    ("output", "n", "value", "message"),
    [
        ("identity", 1, "nan", "y.npy holds nan in row 4 (counted from 1), where there must be a "),
        ("identity", 1, "-inf", "y.npy holds -inf in row 4 (counted from 1)"),
        ("identity", 2, "inf", "y.npy holds inf in row 4, column 2 (counted from 1)"),
        ("exponential", 2, "-1", "y.npy holds -1.0 in row 4, column 2 (counted from 1), where"),
    ],
)
def test_a_number_that_cant_be_scored_is_told_by_its_place(
    run: Run, output: str, n: int, value: str, message: str
) -> None:
    em.Network([4, n], output=output, rng=0).save("model.st")
    np.save("X.npy", X)
    y = np.abs(X[:, :n])
    y[3, -1] = float(value)
    np.save("y.npy", y[:, 0] if n == 1 else y)
    done = run("predict", "model.st", "X.npy", "--labels", "y.npy")
    assert (done.code, done.out) == (1, "")
    assert message in done.err


def test_scores_of_several_labels_a_sample(run: Run) -> None:
    model = fitted(em.MLPClassifier, X, LABELS_OF_SAMPLES)
    model.save("model.st")
    np.save("X.npy", X)
    np.save("y.npy", LABELS_OF_SAMPLES)
    done = run("predict", "model.st", "X.npy", "--labels", "y.npy")
    assert f"accuracy {model.score(X, LABELS_OF_SAMPLES):.4f} on 60 samples" in done.err
    for wrong, message in [
        (LABELS_OF_SAMPLES[:, :2], "has shape (60, 2), but the model gives 3 labels, 0 or 1 each"),
        (LABELS_OF_SAMPLES * 2, "y.npy holds 2 in row"),
        (LABELS_OF_SAMPLES.astype(str), "holds values of type <U21, not labels, 0 or 1 each"),
    ]:
        np.save("y.npy", wrong)
        done = run("predict", "model.st", "X.npy", "--labels", "y.npy")
        assert done.code == 1
        assert message in done.err
        assert not done.out
