"""What is measured of validation data is what `score` says of the same data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import r2_score

import eigenmlp as em
from estimator_problems import Snapshots, numbers, two_digits

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def kinds_of_y() -> dict[str, tuple[type[Any], Any]]:
    """Kinds of y of 90 samples, that no network has learnt after some epochs."""
    rng = np.random.default_rng(1)
    several = rng.integers(0, 4, 90)
    labels = rng.integers(0, 2, (90, 3))
    reals = rng.normal(size=(90, 2))
    classes, values = em.MLPClassifier, em.MLPRegressor
    return {
        "two classes": (classes, several % 2),
        "truth": (classes, several > 1),
        "two names": (classes, np.array(["no", "yes"])[several % 2]),
        "four classes": (classes, several),
        "four names": (classes, np.array(list("abcd"), dtype=object)[several]),
        "a column": (classes, several[:, None]),
        "one class": (classes, np.full(90, 7)),
        "one name": (classes, np.full(90, "only")),
        "labels": (classes, labels),
        "sparse labels": (classes, csr_matrix(labels)),
        "two labels": (classes, labels[:, :2]),
        "no label": (classes, 0 * labels),
        "all labels": (classes, 0 * labels + 1),
        "numbers": (values, reals[:, 0]),
        "a column of numbers": (values, reals[:, :1]),
        "two numbers": (values, reals),
        "counts": (values, rng.poisson(2.0, 90)),
        "one number": (values, np.full(90, 3.0)),
    }


SCORED: dict[type[Any], list[dict[str, Any]]] = {
    em.MLPClassifier: [
        {},
        {"label_smoothing": 1 - 1e-16},
        {"monitor": "accuracy", "dtype": np.float32, "label_smoothing": 0.1},
        {"activation": "tanh", "dropout": 0.2, "normalization": "batch"},
    ],
    em.MLPRegressor: [{}, {"loss": "poisson"}, {"loss": "huber", "dtype": np.float32}],
}


@pytest.mark.parametrize(
    ("name", "options"),
    [(name, options) for name, (kind, _) in kinds_of_y().items() for options in SCORED[kind]],
)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_without_a_monitor_it_is_the_score(
    name: str, options: dict[str, Any], weighted: bool
) -> None:
    kind, y = kinds_of_y()[name]
    options = {**options}
    X = np.random.default_rng(2).normal(size=(90, 3)).astype(options.pop("dtype", np.float64))
    if options.get("loss") == "poisson":
        y = abs(y)
    weights = np.random.default_rng(3).uniform(0, 2, 90) if weighted else None
    snapshots = Snapshots()
    model = kind((5,) if kind is em.MLPClassifier else "squared_error", random_state=0)
    model.set_params(max_iter=4, learning_rate_init=0.05, callbacks=[snapshots], **options)
    # Whatever the dtype that the model is fitted in.
    X_val = X.astype(np.float64)
    model.fit(X, y, X_val=X_val, y_val=y, sample_weight_val=weights)
    best = model.best_validation_score_
    assert model.score(X_val, y, weights) == best == max(model.validation_scores_)
    for taken, score in zip(snapshots.taken, model.validation_scores_, strict=True):
        model._network.set_flat_parameters(taken)
        model._show()
        assert model.score(X_val, y, weights) == score


@pytest.mark.parametrize("given", [list, pd.DataFrame, pd.Series, np.longdouble])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whatever_holds_the_numbers_the_score_is_one(given: Any, dtype: Any) -> None:
    X, y = numbers(n_targets=2 if given is pd.DataFrame else 1)
    X = X.astype(dtype)
    model = em.MLPRegressor(max_iter=3, random_state=0)
    model.fit(X[::2], y[::2], X_val=X[1::2], y_val=given(y[1::2]))
    score = model.score(X[1::2], given(y[1::2]))
    assert model.best_validation_score_ == score
    # A table lies in memory in another order, in which it is summed.
    assert score == pytest.approx(r2_score(y[1::2], model.predict(X[1::2])), rel=1e-12)


def test_a_score_of_ones_own_is_gone_by() -> None:
    class Strict(em.MLPClassifier):
        def predict(self, X: Any) -> Any:
            return (self.predict_proba(X)[:, 1] > 0.9).astype(int)

    X, y = two_digits()
    model = Strict((5,), max_iter=4, random_state=0, early_stopping=True)
    model.fit(X, y, X_val=X, y_val=y)
    assert model.score(X, y) == model.best_validation_score_
