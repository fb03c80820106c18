"""`eigenmlp predict` says what `predict` and `predict_proba` of the loaded model say."""

import csv
import io
import os
import pty
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from command_runs import Run
from scipy import sparse
from sklearn import neural_network

import eigenmlp as em

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


def fitted(kind: Any, y: Any, X: Any = X, **options: Any) -> Any:
    sizes: Any = {"hidden_layer_sizes": (5,), "max_iter": 20, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(**sizes, solver="lbfgs", **options).fit(X, y)


def rows(text: str) -> tuple[list[str], npt.NDArray[Any]]:
    header, *cells = csv.reader(io.StringIO(text, newline=""))
    return header, np.array(cells)


def predicted(run: Run, *args: Any) -> tuple[list[str], npt.NDArray[Any]]:
    done = run("predict", "model.st", "X.npy", *args)
    assert (done.code, done.err) == (0, "")
    return rows(done.out)


@pytest.mark.parametrize("name", CLASSIFIER_LABELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_classifier_is_told_by_the_names_of_its_classes(run: Run, name: str, dtype: str) -> None:
    fitted(em.MLPClassifier, CLASSIFIER_LABELS[name], X.astype(dtype)).save("model.st")
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
    fitted(em.MLPClassifier, make(LABELS_OF_SAMPLES)).save("model.st")
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
    fitted(em.MLPRegressor, y, **options).save("model.st")
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
    theirs = fitted(neural_network.MLPClassifier, np.array(["left", "right"])[BINARY])
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
    fitted(em.MLPClassifier, np.array(["\x1b[2Jred", "b"])[BINARY]).save("model.st")
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
    fitted(em.MLPClassifier, y).save("model.st")
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
        model = fitted(em.MLPClassifier, classes)
        model.save("model.st")
        np.save("y.npy", labels)
        done = run("predict", "model.st", "X.npy", "--labels", "y.npy", "-o", "p.csv", "--force")
        assert f"accuracy {model.score(X, classes):.4f} on 60" in done.err


@pytest.mark.parametrize(
    ("classes", "label", "message"),
    [
        (K + 1, 0, "the label 0 in row 4 (rows count from 1), which is no class of the model"),
        (np.where(BINARY, 1, -1), 0, "the label 0 in row 4"),
        (np.array(["ape", "bee", "cow"])[K], "dog", "Its classes are 'ape', 'bee', 'cow'"),
        (np.array(["ape", "bee", "cow"])[K], "Ape", "the label 'Ape' in row 4"),
        (BINARY, 0.5, "the label 0.5 in row 4"),
        (BINARY, float("nan"), "the label nan in row 4"),
    ],
)
def test_a_label_that_is_no_class_is_an_error(
    run: Run, classes: Any, label: Any, message: str
) -> None:
    fitted(em.MLPClassifier, classes).save("model.st")
    np.save("X.npy", X)
    labels = classes.astype(type(label))
    labels[3] = label
    np.save("y.npy", labels)
    done = run("predict", "model.st", "X.npy", "--labels", "y.npy")
    assert done.code == 1
    assert message in done.err
    assert not done.out


def test_class_numbers_are_no_labels_of_named_classes(run: Run) -> None:
    fitted(em.MLPClassifier, np.array(["ape", "bee", "cow"])[K]).save("model.st")
    np.save("X.npy", X)
    np.save("y.npy", K)
    done = run("predict", "model.st", "X.npy", "--labels", "y.npy")
    assert done.code == 1
    assert "the label 0 in row 1 (rows count from 1), which is no class of the model" in done.err


@pytest.mark.parametrize("classes", [["01", "1", "1e0"], ["1.50", "1.5", "True"]])
def test_texts_that_look_like_numbers_stay_texts(run: Run, classes: list[str]) -> None:
    names = np.array(classes)[K]
    model = fitted(em.MLPClassifier, names)
    model.save("model.st")
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame.assign(y=names).to_csv("table.csv", index=False)
    frame.to_csv("unlabelled.csv", index=False)
    pd.DataFrame({"y": names}).to_csv("y.csv", index=False)
    for images, labels in (("table.csv", "y"), ("unlabelled.csv", "y.csv")):
        done = run("predict", "model.st", images, "--labels", labels)
        assert f"accuracy {model.score(X, names):.4f} on 60" in done.err


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
        model = fitted(em.MLPRegressor, y, loss="poisson" if name == "poisson" else "squared_error")
        model.save("model.st")
        score, loss = model.score(X, y), model._model().evaluate(X, y).loss
    np.save("y.npy", y)
    done = run("predict", "model.st", "X.npy", "--labels", "y.npy")
    assert done.err == f"loss {loss:.4f}, R² {score:.4f} on 60 samples\n"


def test_scores_of_several_labels_a_sample(run: Run) -> None:
    model = fitted(em.MLPClassifier, LABELS_OF_SAMPLES)
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


# --- columns -----------------------------------------------------------------------------------

FRAME = pd.DataFrame(X * [1, 10, 100, 1000], columns=["a", "b", "c", "d"]).assign(
    y=BINARY, note="text"
)
NAMES = ["a", "b", "c", "d"]


def save_model(kind: str) -> Any:
    """Save a model that knows the names of its columns."""
    if kind == "network":
        model: Any = em.Network([4, 5, 2], dtype="float64", rng=0)
        em.train(model, FRAME[NAMES], BINARY, epochs=2, rng=0)
    else:
        model = fitted(em.MLPClassifier, BINARY, FRAME[NAMES])
    model.save("model.st")
    return model


def save_table(name: str, frame: pd.DataFrame) -> None:
    if name.endswith(".csv"):
        frame.to_csv(name, index=False)
    else:
        frame.to_parquet(name)


@pytest.mark.parametrize("kind", ["network", "estimator"])
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_columns_go_by_name(run: Run, kind: str, name: str) -> None:
    model = save_model(kind)
    save_table(name, FRAME[["d", "b", "a", "c"]])
    done = run("predict", "model.st", name)
    assert (done.code, done.err) == (0, "")
    _, cells = rows(done.out)
    np.testing.assert_allclose(
        cells[:, 1:].astype(float), model.predict_proba(FRAME[NAMES]), rtol=1e-12
    )
    save_table(name, FRAME[["note", "d", "b", "y", "a", "c"]])
    more = run("predict", "model.st", name)
    assert more.out == done.out
    assert more.err == f"{name}: left aside, for the model knows no such columns: note, y\n"
    scored = run("predict", "model.st", name, "--labels", "y")
    assert scored.out == done.out
    told, score = scored.err.splitlines()
    assert told == f"{name}: left aside, for the model knows no such columns: note"
    accuracy = (model.predict(FRAME[NAMES]) == BINARY).mean()
    assert f"accuracy {accuracy:.4f}" in score
    save_table(name, FRAME[["d", "y", "note"]])
    missing = run("predict", "model.st", name)
    assert missing.code == 1
    assert f"{name} lacks 3 of the 4 columns that the model was trained on: a, b, c" in missing.err
    assert not missing.out


def test_columns_of_a_network_that_the_command_trained_go_by_name(run: Run) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80) * 50})
    frame["y"] = (frame.a > 0).astype(int)
    save_table("t.csv", frame)
    assert run("train", "t.csv", "-l", "y", "--epochs", "2", "-o", "model.st").code == 0
    network = em.load_network("model.st")
    assert network.feature_names == ("a", "b")
    expected = network.predict_proba(frame[["a", "b"]])
    for columns in (["b", "a"], ["y", "b", "a"], ["b", "y", "a"]):
        save_table("p.csv", frame[columns])
        _, cells = rows(run("predict", "model.st", "p.csv").out)
        np.testing.assert_allclose(cells[:, 1:].astype("f4"), expected, rtol=1e-5)


def test_files_without_names_go_by_place_and_are_told(run: Run) -> None:
    model = save_model("estimator")
    np.save("X.npy", FRAME[NAMES].to_numpy())
    done = run("predict", "model.st", "X.npy")
    told = "X.npy names no columns, which are taken for those of the model: a, b, c, d\n"
    assert done.err == told
    _, cells = rows(done.out)
    np.testing.assert_array_equal(cells[:, 1:].astype(float), model.predict_proba(FRAME[NAMES]))


def test_a_table_for_a_model_without_names_has_as_many_columns(run: Run) -> None:
    em.Network([4, 2], rng=0).save("model.st")
    save_table("t.csv", FRAME[[*NAMES, "y"]])
    done = run("predict", "model.st", "t.csv")
    assert done.code == 1
    assert "t.csv has 5 columns, a, b, c, d, y, but the model takes 4" in done.err
    assert run("predict", "model.st", "t.csv", "--labels", "y").code == 0
