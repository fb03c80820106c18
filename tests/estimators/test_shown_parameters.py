"""coefs_ and intercepts_: what they show, what they take, and that they go through a pickle."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import eigenmlp as em
from estimator_problems import digits, numbers, parameters

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fitted(**settings: Any) -> Any:
    return em.MLPClassifier((20, 10), max_iter=5, random_state=0, **settings).fit(*digits())


def pickled(model: Any) -> Any:
    return pickle.loads(pickle.dumps(model))  # noqa: S301  our own


def test_they_are_plain_lists_of_arrays() -> None:
    model = fitted()
    assert type(model.coefs_) is type(model.intercepts_) is list
    assert [coef.shape for coef in model.coefs_] == [(64, 20), (20, 10), (10, 10)]
    assert [intercept.shape for intercept in model.intercepts_] == [(20,), (10,), (10,)]
    assert all(coef.flags.c_contiguous for coef in model.coefs_)


@pytest.mark.parametrize("how", [lambda model: model, copy.deepcopy, pickled])
def test_an_edit_in_place_is_refused_rather_than_ignored(how: Any) -> None:
    model = how(fitted())
    with pytest.raises(ValueError, match="read-only"):
        model.coefs_[0][0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        model.intercepts_[-1] += 1.0


@pytest.mark.parametrize("whole", [False, True])
def test_arrays_in_their_place_are_taken_over(whole: bool) -> None:
    X, y = digits()
    model, source = fitted(), fitted(learning_rate_init=0.01)
    assert not np.array_equal(model.predict_proba(X), source.predict_proba(X))
    arrays = [np.array(coef) for coef in source.coefs_]
    if whole:
        model.coefs_, model.intercepts_ = arrays, tuple(source.intercepts_)
    else:
        for layer in range(3):
            model.coefs_[layer] = arrays[layer]
            model.intercepts_[layer] = source.intercepts_[layer]
    assert_array_equal(model.predict_proba(X), source.predict_proba(X))
    # A later edit of the user's own array can't reach the model, and what is shown is the model.
    arrays[0][:] = 0
    assert_array_equal(model.coefs_[0], source.coefs_[0])
    with pytest.raises(ValueError, match="read-only"):
        model.coefs_[0][0, 0] = 1.0
    model.coefs_[0] = np.zeros((64, 20))
    model.partial_fit(X, y)
    assert np.abs(model.coefs_[0]).max() < 0.1


@pytest.mark.parametrize("how", [copy.deepcopy, pickled])
def test_arrays_in_their_place_go_along(how: Any) -> None:
    X, _ = digits()
    model = fitted()
    model.intercepts_[2] = np.arange(10.0)
    assert_array_equal(how(model).predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize(
    ("coefs", "message"),
    [
        ([np.zeros((64, 20)), np.zeros((20, 10))], "3 layers, but weights has 2 arrays"),
        (
            [np.zeros((64, 20)), np.zeros((20, 10)), np.zeros((10, 9))],
            r"weights\[2\] has shape \(10, 9\)",
        ),
        (
            [np.zeros((64, 20)), np.full((20, 10), np.nan), np.zeros((10, 10))],
            r"weights\[1\] holds NaN",
        ),
    ],
)
def test_what_makes_no_model_is_refused(coefs: Any, message: str) -> None:
    X, _ = digits()
    model = fitted()
    model.coefs_ = coefs
    with pytest.raises(
        ValueError, match=f"^coefs_ and intercepts_ don't make a model: .*{message}"
    ):
        model.predict(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_model_may_be_made_of_arrays_alone(dtype: type[Any]) -> None:
    source = em.MLPRegressor(hidden_layer_sizes=7, max_iter=20, random_state=0).fit(
        *numbers(n_targets=2)
    )
    model = em.MLPRegressor(hidden_layer_sizes=7)
    model.coefs_ = [coef.astype(dtype) for coef in source.coefs_]
    model.intercepts_ = [intercept.astype(dtype) for intercept in source.intercepts_]
    model.n_features_in_, model.out_activation_ = 8, "identity"
    X, _ = numbers()
    assert model.predict(X).dtype == dtype
    assert_allclose(model.predict(X), source.predict(X), rtol=1e-3, atol=1e-3)


def test_a_memory_mapped_model_predicts(tmp_path: Path) -> None:
    X, y = digits()
    model = fitted()
    joblib.dump(model, tmp_path / "model")
    loaded = joblib.load(tmp_path / "model", mmap_mode="r")
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert_array_equal(parameters(loaded.partial_fit(X, y)), parameters(model.partial_fit(X, y)))


def test_refitting_leaves_arrays_handed_out_alone() -> None:
    X, y = digits()
    model = fitted()
    handed_out = model.coefs_
    before = [coef.copy() for coef in handed_out]
    model.partial_fit(X, y)
    assert_array_equal(handed_out[0], before[0])
    assert not np.array_equal(model.coefs_[0], before[0])
