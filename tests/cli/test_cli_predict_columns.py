"""`eigenmlp predict` and `train` take the columns of tables by name."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import eigenmlp as em
from command_runs import Run, fitted, rows

pytestmark = pytest.mark.usefixtures("data")  # the current folder is a temporary one

X = np.random.default_rng(0).normal(size=(60, 4))
BINARY = np.arange(60) % 2
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
        model = fitted(em.MLPClassifier, FRAME[NAMES], BINARY)
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
