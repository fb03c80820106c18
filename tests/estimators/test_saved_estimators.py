"""Fitted estimators as model files: what comes back, and what is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import eigenmlp as em
from altered_model import altered

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 40
X = np.random.default_rng(0).normal(size=(N, 2))
K = np.arange(N)
LABELS: dict[str, Any] = {
    "int64": K % 3,
    "big-endian": (K % 3).astype(">i4"),
    "uint8": (K % 2 + 7).astype(np.uint8),
    "bool": K % 2 == 1,
    "float16": (K % 3).astype(np.float16),
    "float64": (K % 2).astype(np.float64),
    "text": np.array(list("wxyz"))[K % 4].astype("U20"),
    "objects": np.array(["low", "hïgh"], dtype=object)[K % 2],
    "dates": (K % 3).astype("M8[D]"),
    "one class": np.array(["only"] * N),
    "multilabel": np.stack([K % 2, K % 3 == 0, K % 5 == 0], axis=1).astype(int),
    "sparse": sparse.csr_matrix(np.stack([K % 2, K % 3 == 0], axis=1).astype(int)),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "lbfgs": {"solver": "lbfgs"},
    "stopped early": {"early_stopping": True, "n_iter_no_change": math.inf, "verbose": False},
    "layered": {
        "hidden_layer_sizes": [4, np.int64(3)],
        "activation": ("gelu", "tanh"),
        "dropout": [0.2, 0.0],
        "normalization": ["batch", None],
        "alpha": np.float32(0.5),
    },
}
RECORD = [
    *("n_features_in_", "n_outputs_", "n_layers_", "out_activation_", "n_iter_", "t_", "loss_"),
    *("loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_"),
    "validation_loss_curve_",
]
# What a file leaves out.
LEFT_OUT = {"_optimizer", "_random_state", "_best_parameters"}


def stored(model: Any, folder: Path) -> Any:
    model.save(folder / "model.safetensors")
    return em.load_model(folder / "model.safetensors")


def dense(predictions: Any) -> NDArray[Any]:
    array: NDArray[Any] = (
        predictions.toarray() if sparse.issparse(predictions) else np.asarray(predictions)
    )
    return array


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("settings", SETTINGS)
def test_classifiers_come_back(tmp_path: Path, labels: str, settings: str) -> None:
    y = LABELS[labels]
    model = em.MLPClassifier((3,), max_iter=3).set_params(**SETTINGS[settings]).fit(X, y)
    loaded = stored(model, tmp_path)
    assert type(loaded) is em.MLPClassifier
    assert loaded.classes_.dtype == model.classes_.dtype.newbyteorder("=")
    assert np.array_equal(loaded.classes_, model.classes_)
    assert sparse.issparse(loaded.predict(X)) == sparse.issparse(y)
    assert np.array_equal(dense(loaded.predict(X)), dense(model.predict(X)))
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.score(X, y) == model.score(X, y)
    assert model.__dict__.keys() - loaded.__dict__.keys() <= LEFT_OUT


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_regressors_come_back(tmp_path: Path, dtype: Any, loss: str, n_outputs: int) -> None:
    y = np.exp(X[:, :n_outputs]).squeeze()
    model = em.MLPRegressor(loss, (3,), max_iter=3, random_state=1).fit(X.astype(dtype), y)
    loaded = stored(model, tmp_path)
    assert repr(loaded) == repr(model)
    predicted = loaded.predict(X.astype(dtype))
    assert predicted.dtype == dtype
    assert np.array_equal(predicted, model.predict(X.astype(dtype)))


def test_parameters_come_back_as_they_were(tmp_path: Path) -> None:
    parameters: dict[str, Any] = {
        "hidden_layer_sizes": (3, 4),
        "activation": ["relu", "silu"],
        "n_iter_no_change": math.inf,
        "class_weight": {"a": 2, "b": 0.5},
        "monitor": "f1_macro",
        "batch_size": 7,
        "max_iter": 2,
        "early_stopping": True,
    }
    model = em.MLPClassifier(**parameters).fit(X, np.array(["a", "b"])[K % 2])
    loaded = stored(model, tmp_path)
    assert loaded.get_params() == model.get_params()
    assert type(loaded.hidden_layer_sizes) is tuple
    clone(loaded).fit(X, np.array(["a", "b"])[K % 2])


def test_numbers_of_numpy_become_those_of_python(tmp_path: Path) -> None:
    parameters: dict[str, Any] = {"hidden_layer_sizes": np.array([3]), "alpha": np.float32(0.5)}
    model = em.MLPRegressor(**parameters, max_iter=1)
    loaded = stored(model.fit(X, X), tmp_path)
    assert loaded.hidden_layer_sizes == [3]
    assert type(loaded.alpha) is float


def test_the_record_comes_back(tmp_path: Path) -> None:
    frame = pd.DataFrame(X, columns=["länge", "width"])
    model = em.MLPClassifier((3,), max_iter=4, random_state=0)
    model.fit(frame, K % 2, X_val=frame[::2], y_val=(K % 2)[::2])
    loaded = stored(model, tmp_path)
    for name in RECORD:
        assert getattr(loaded, name) == getattr(model, name), name
    assert list(loaded.feature_names_in_) == ["länge", "width"]
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(frame[["width", "länge"]])


def test_numbers_that_json_has_not_come_back(tmp_path: Path) -> None:
    model = em.MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(X, X)
    model.loss_curve_[0], model.best_loss_ = math.nan, -math.inf
    loaded = stored(model, tmp_path)
    assert math.isnan(loaded.loss_curve_[0])
    assert loaded.best_loss_ == -math.inf


@pytest.mark.parametrize("validated", [False, True])
def test_training_goes_on_with_fresh_moments(tmp_path: Path, *, validated: bool) -> None:
    # Plain gradient descent has no moments: whether loaded or not, the same epochs follow.
    model = em.MLPClassifier(
        (3,), solver="sgd", momentum=0, shuffle=False, max_iter=3, warm_start=True, random_state=0
    )
    given = {"X_val": X, "y_val": K % 2} if validated else {}
    model.fit(X, K % 2, **given)
    loaded = stored(model, tmp_path)
    for estimator in (model, loaded):
        estimator.fit(X, K % 2, **given)
    assert loaded.loss_curve_ == model.loss_curve_
    assert loaded.t_ == model.t_ == 6 * N
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    loaded.partial_fit(X, K % 2)
    assert len(loaded.loss_curve_) == 7


def test_arrays_put_in_place_are_saved(tmp_path: Path) -> None:
    model = em.MLPRegressor(hidden_layer_sizes=(), solver="lbfgs").fit(X, X[:, 0])
    model.coefs_ = [np.array([[1.0], [2.0]])]
    assert stored(model, tmp_path).coefs_[0].tolist() == [[1.0], [2.0]]


def test_the_network_of_an_estimator(tmp_path: Path) -> None:
    model = em.MLPClassifier((3,), max_iter=2).fit(X, K % 3)
    model.save(tmp_path / "model.safetensors")
    network = em.load_network(tmp_path / "model.safetensors")
    assert np.array_equal(network.predict_proba(X), model.predict_proba(X))


def test_models_of_networks_are_networks(tmp_path: Path) -> None:
    em.Network([3, 2], rng=0).save(tmp_path / "model.safetensors")
    assert isinstance(em.load_model(tmp_path / "model.safetensors"), em.Network)


@pytest.mark.parametrize(
    "parameter",
    [
        {"random_state": np.random.RandomState(0)},
        {"callbacks": [em.callbacks.EarlyStopping()]},
        {"learning_rate": em.schedules.exponential(0.1, gamma=0.9)},
        {"monitor": lambda _estimator, _X, _y: 0.0},
    ],
)
def test_what_a_file_cant_hold_is_refused(tmp_path: Path, parameter: dict[str, Any]) -> None:
    model = em.MLPRegressor(hidden_layer_sizes=(3,), max_iter=1).fit(X, X).set_params(**parameter)
    with pytest.raises(TypeError, match=f"{next(iter(parameter))}=.* can't be stored in a model"):
        model.save(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_what_cant_be_saved_otherwise(tmp_path: Path) -> None:
    class Mine(em.MLPRegressor):
        pass

    path = tmp_path / "model.safetensors"
    with pytest.raises(NotFittedError):
        em.MLPRegressor().save(path)
    with pytest.raises(TypeError, match="Mine is a class of your own"):
        Mine(max_iter=1).fit(X, X).save(path)
    with pytest.raises(ValueError, match="'alpha' parameter of MLPRegressor"):
        em.MLPRegressor(max_iter=1).fit(X, X).set_params(alpha=-1).save(path)


def deep(levels: int) -> list[Any]:
    value: list[Any] = [1]
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "SVC"}, "kind='SVC' is unknown"),
        ({"kind": ["MLPClassifier"]}, r"kind=\['MLPClassifier'\] is unknown"),
        ({"kind": "MLPRegressor"}, r"unknown entries: \['classes'"),
        ({"pickle": "gASV"}, r"the description has unknown entries: \['pickle'\]"),
        ({"parameters": None}, "the set of parameters is not an object"),
        ({"parameters/gamma": 1}, r"the set of parameters has unknown entries: \['gamma'\]"),
        ({"parameters/alpha": -1}, "'alpha' parameter of MLPClassifier must be"),
        ({"parameters/n_threads": 1025}, "n_threads=1025 is more than 1024, the most"),
        ({"parameters/alpha": {"float": "1e5"}}, "stands for nothing"),
        ({"parameters/class_weight": {"dict": [[[], 1]]}}, "unhashable"),
        ({"parameters/hidden_layer_sizes": deep(9)}, "it is nested more than 8 deep"),
        ({"record": []}, "the record is not an object"),
        ({"record": {"n_iter_": 1}}, "no n_iter_ or no t_"),
        ({"record/t_": 1.5}, "the record has t_=1.5"),
        ({"record/loss_curve_": [1, "2"]}, "the record has loss_curve_="),
        ({"record/best_validation_score_": 0.5}, "validation scores without a best one"),
        ({"record/coefs_": 1}, r"unknown entries: \['coefs_'\]"),
        ({"feature_names": ["a"]}, "1 feature names for 2 features"),
        ({"feature_names": [1, 2]}, "not a list of texts"),
        ({"classes": [0, 1, 2]}, "not a dtype with values"),
        ({"classes": {"dtype": "<i8", "values": [0, 1]}}, "with 2 classes doesn't fit 3 softmax"),
        ({"classes": {"dtype": "<i8", "values": [0, 2, 1]}}, "not sorted"),
        ({"classes": {"dtype": "<i8", "values": [0, 1, True]}}, "not all of type int"),
        ({"classes": {"dtype": "<i8", "values": [0, 1, 2**64]}}, "too large|too big"),
        ({"classes": {"dtype": "|u1", "values": [0, 1, 256]}}, "out of bounds"),
        ({"classes": {"dtype": "<f2", "values": [0.0, 1.0, 1e9]}}, "don't fit into dtype <f2"),
        ({"classes": {"dtype": "<U1", "values": ["a", "b", "cd"]}}, "don't fit into dtype <U1"),
        ({"classes": {"dtype": "<U999999", "values": ["a"] * 99}}, "more than 268435456 bytes"),
        ({"classes": {"dtype": "<U99999999", "values": ["a"]}}, "can't be of dtype"),
        ({"classes": {"dtype": "O,O", "values": ["a"]}}, "can't be of dtype 'O,O'"),
        ({"target": "binary"}, "target='binary' with 3 classes doesn't fit 3 softmax outputs"),
        ({"target": []}, r"target=\[\] with 3 classes"),
        ({"sparse_target": 0}, "sparse_target=0 is not a bool"),
        ({"/input_scale": 0.5}, "the network's input_scale is 0.5, not 1"),
        ({"/output": "identity"}, "doesn't fit 3 identity outputs"),
    ],
)
def test_descriptions_that_contradict(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "model.safetensors"
    em.MLPClassifier((3,), max_iter=1, random_state=0).fit(X, K % 3).save(path)
    altered(path, change)
    with pytest.raises(em.ModelFileError, match=f"describes no estimator: .*(?:{message})"):
        em.load_model(path)
    em.load_network(path)


def test_a_regressor_with_a_classifiers_output(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    em.MLPRegressor(hidden_layer_sizes=(3,), max_iter=1).fit(X, X).save(path)
    altered(path, {"/output": "softmax"})
    with pytest.raises(em.ModelFileError, match="a regressor has no output='softmax'"):
        em.load_model(path)


def test_estimators_that_are_no_object(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    em.MLPRegressor(hidden_layer_sizes=(3,), max_iter=1).fit(X, X).save(path)
    altered(path, {"/estimator": "MLPRegressor"})
    with pytest.raises(em.ModelFileError, match="metadata describes no estimator"):
        em.load_network(path)
