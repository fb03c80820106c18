"""Estimators for tables come back from files; files that contradict themselves are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import eigenmlp as em
from altered_model import altered

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
TABLE = {
    "x": np.where(RNG.random(60) < 0.2, np.nan, RNG.normal(size=60)),
    "word": RNG.choice(["a", "b", "c", "d", "ü"], 60).astype(object),
    "flag": RNG.random(60) < 0.5,
}
SMALL: dict[str, Any] = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}
CLASSES = np.array(["low", "high", "mid"])[RNG.integers(0, 3, 60)]


def stored(model: Any, folder: Path) -> Any:
    model.save(folder / "model.safetensors")
    return em.load_model(folder / "model.safetensors")


@pytest.mark.parametrize("n_estimators", [1, 3])
@pytest.mark.parametrize("labels", ["words", "numbers", "flags"])
def test_classifiers_come_back(tmp_path: Path, labels: str, n_estimators: int) -> None:
    y = {"words": CLASSES, "numbers": RNG.integers(5, 8, 60), "flags": TABLE["flag"]}[labels]
    model = em.TabularClassifier(**SMALL, n_estimators=n_estimators, max_categories=3)
    model.fit(TABLE, y)
    again = stored(model, tmp_path)
    np.testing.assert_array_equal(again.predict_proba(TABLE), model.predict_proba(TABLE))
    assert again.predict(TABLE).dtype == model.predict(TABLE).dtype
    assert again.get_params() == model.get_params()
    assert again.n_iter_ == 3
    assert again.feature_names_in_.tolist() == list(TABLE)
    assert again.get_feature_names_out().tolist() == model.get_feature_names_out().tolist()
    shuffled = dict(reversed(TABLE.items()))
    np.testing.assert_array_equal(again.predict(shuffled), model.predict(TABLE))


@pytest.mark.parametrize("loss", ["squared_error", "quantile", "poisson"])
@pytest.mark.parametrize("n_outputs", [None, 1, 2])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_regressors_come_back(tmp_path: Path, loss: str, n_outputs: int | None) -> None:
    y = RNG.integers(0, 9, 60 if n_outputs is None else (60, n_outputs))
    X = np.column_stack([TABLE["x"], TABLE["flag"]])
    model = em.TabularRegressor(loss, **SMALL).fit(X, y)
    again = stored(model, tmp_path)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert not hasattr(again, "feature_names_in_")


def test_a_column_of_gaps_alone_comes_back(tmp_path: Path) -> None:
    table = {**TABLE, "empty": [None] * 60}
    again = stored(em.TabularClassifier(**SMALL).fit(table, CLASSES), tmp_path)
    with pytest.warns(UserWarning, match="'empty' holds '3' in row 1.* nothing but gaps in"):
        predicted = again.predict_proba({**TABLE, "empty": ["3"] * 60})
    np.testing.assert_array_equal(predicted, again.predict_proba(table))


def test_a_loaded_model_can_be_fitted_again(tmp_path: Path) -> None:
    model = em.TabularClassifier(**SMALL).fit(TABLE, CLASSES)
    again = stored(model, tmp_path).fit(TABLE, CLASSES)
    np.testing.assert_array_equal(again.predict_proba(TABLE), model.predict_proba(TABLE))


def test_several_networks_are_no_single_one(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model = em.TabularClassifier(**SMALL, n_estimators=2).fit(TABLE, CLASSES)
    model.save(path)
    with pytest.raises(em.ModelFileError, match="holds 2 networks, which an estimator averages"):
        em.load_network(path)
    em.TabularClassifier(**SMALL).fit(TABLE, CLASSES).save(path)
    assert em.load_network(path).layer_sizes == model.networks_[0].layer_sizes


def test_what_cant_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(NotFittedError):
        em.TabularRegressor().save(path)
    model = em.TabularClassifier(**SMALL, monitor=lambda *_: 0.0).fit(TABLE, CLASSES)
    with pytest.raises(TypeError, match=r"monitor=.* can't be stored in a model file"):
        model.save(path)
    assert not list(tmp_path.iterdir())


NUMBER = {"number": "x", "median": 0.0, "scale": 1.0, "gaps": True, "borders": []}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pickle": "gASV"}, "unknown entries"),
        ({"parameters/dropout": 2}, "'dropout' parameter of TabularClassifier"),
        ({"n_iter": -1}, "n_iter=-1 is no number of epochs"),
        ({"table": None}, "the table is not described"),
        ({"table/columns": []}, "the table is not described"),
        ({"table/columns": [NUMBER]}, "the table has 2 features, but the network reads \\d+"),
        ({"table/columns": [NUMBER, NUMBER]}, "several columns of the table have the same name"),
        ({"table/columns": [{**NUMBER, "scale": -1.0}]}, "describes no column of a table"),
        *(
            ({"table/columns": [{**NUMBER, "borders": borders}]}, "describes no column of a table")
            for borders in ([1.0], [1.0, 2.0], [1.0, 3.0, 2.0], [1, 2, 3], [-1e308, 0.0, 1e308], 3)
        ),
        ({"table/columns": [{**NUMBER, "median": None}]}, "has a scale or borders, but no median"),
        ({"table/columns": [{**NUMBER, "code": "x"}]}, "describes no column of a table"),
        ({"table/columns": [{"category": "x", "categories": [1], "rare": []}]}, "no column"),
        ({"classes": {"dtype": "<i8", "values": [2, 1]}}, "not sorted"),
        ({"classes": {"dtype": "<i8", "values": [1, 2]}}, "3 softmax outputs are not those of"),
        ({"/output": "identity"}, "3 identity outputs are not those of a TabularClassifier"),
        ({"/input_scale": 0.5}, "input_scale is 0.5, not 1"),
        ({"kind": "MLPClassifier"}, "unknown entries"),
    ],
)
def test_descriptions_that_contradict(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "model.safetensors"
    em.TabularClassifier(**SMALL).fit(TABLE, CLASSES).save(path)
    altered(path, change)
    with pytest.raises(em.ModelFileError, match=f"describes no estimator: .*(?:{message})"):
        em.load_model(path)


@pytest.mark.parametrize(
    "change", [{"mean": []}, {"deviation": [0.0]}, {"mean": [1]}, {"flat": 1}, {"mean": [1.0, 2.0]}]
)
def test_scales_that_contradict(tmp_path: Path, change: Any) -> None:
    path = tmp_path / "model.safetensors"
    em.TabularRegressor(**SMALL).fit(TABLE, RNG.normal(size=60)).save(path)
    altered(path, {f"target/{name}": value for name, value in change.items()})
    with pytest.raises(em.ModelFileError, match="is no scale of targets"):
        em.load_model(path)


@pytest.mark.parametrize("n", [0, 3, 10**9, True, "2", None])
def test_numbers_of_networks_that_contradict(tmp_path: Path, n: Any) -> None:
    path = tmp_path / "model.safetensors"
    em.TabularClassifier(**SMALL, n_estimators=2).fit(TABLE, CLASSES).save(path)
    altered(path, {"/n_networks": n})
    with pytest.raises(em.ModelFileError, match=r"n_networks=|should hold the arrays"):
        em.load_model(path)
