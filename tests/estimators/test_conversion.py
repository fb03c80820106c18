"""Fitted models of scikit-learn's become ours, and ours theirs."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import neural_network
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import eigenmlp as em
from estimator_problems import digits, labels_without_order, numbers, parameters, two_digits

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CLASSIFIER, REGRESSOR = "MLPClassifier", "MLPRegressor"
CASES: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
    "classes": (CLASSIFIER, *digits(), {}),
    "text": (CLASSIFIER, digits()[0], np.array(list("abcdefghij"))[digits()[1]], {}),
    "two classes": (CLASSIFIER, *two_digits(), {"activation": "tanh"}),
    "labels": (CLASSIFIER, *labels_without_order(), {"activation": "logistic"}),
    "numbers": (REGRESSOR, *numbers(), {"hidden_layer_sizes": (20, 10)}),
    "several numbers": (REGRESSOR, *numbers(n_targets=2), {"activation": "identity"}),
    "counts": (REGRESSOR, numbers()[0], np.round(numbers()[1] ** 2), {"loss": "poisson"}),
    "no hidden layer": (CLASSIFIER, *digits(), {"hidden_layer_sizes": ()}),
    "float32": (CLASSIFIER, digits()[0].astype(np.float32), digits()[1], {}),
    "lbfgs": (CLASSIFIER, *digits(), {"solver": "lbfgs"}),
    "early stopping": (CLASSIFIER, *digits(), {"early_stopping": True}),
    "sgd": (REGRESSOR, *numbers(), {"solver": "sgd", "learning_rate": "invscaling"}),
}


def public(model: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(model).items() if not name.startswith("_")}


def check_equal(first: Any, second: Any, X: Any) -> None:
    for name in ("predict", "predict_proba"):
        if hasattr(first, name):
            one, other = getattr(first, name)(X), getattr(second, name)(X)
            assert one.dtype == other.dtype
            if one.dtype.kind == "f":
                assert_allclose(one, other, rtol=1e-6, atol=1e-6)
            else:
                assert_array_equal(one, other)
    assert_array_equal(parameters(first), parameters(second))


@pytest.mark.parametrize("case", CASES)
def test_there_and_back(case: str) -> None:
    kind, X, y, settings = CASES[case]
    theirs = getattr(neural_network, kind)(max_iter=10, random_state=0, **settings).fit(X, y)
    before = copy.deepcopy(public(theirs))
    ours = em.from_sklearn(theirs)
    assert type(ours) is getattr(em, kind)
    check_equal(theirs, ours, X)
    assert ours.get_params().items() >= theirs.get_params().items()
    back = ours.to_sklearn()
    assert type(back) is type(theirs)
    check_equal(back, theirs, X)
    for name, value in before.items():
        for model in (theirs, back):
            if name in {"coefs_", "intercepts_"}:
                for array, expected in zip(getattr(model, name), value, strict=True):
                    assert_array_equal(array, expected)
            else:
                assert_array_equal(getattr(model, name), value, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_ours_to_theirs(case: str) -> None:
    kind, X, y, settings = CASES[case]
    ours = getattr(em, kind)(max_iter=10, random_state=0, **settings).fit(X, y)
    check_equal(ours, ours.to_sklearn(), X)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_both_can_be_trained_on(early_stopping: bool) -> None:
    X, y = digits()
    settings: dict[str, Any] = {"max_iter": 10, "random_state": 0, "warm_start": True}
    theirs = neural_network.MLPClassifier(early_stopping=early_stopping, **settings).fit(X, y)
    ours = em.from_sklearn(theirs)
    for model in (theirs, ours):
        model.fit(X, y)
        assert len(model.loss_curve_) == 20
    # Theirs begins with fresh moments as well.
    assert_allclose(parameters(ours), parameters(theirs), rtol=0, atol=1e-9)
    back = ours.to_sklearn().fit(X, y)
    assert len(back.loss_curve_) == 30


def test_arrays_are_copies() -> None:
    X, y = digits()
    ours = em.MLPClassifier(max_iter=10, random_state=0).fit(X, y)
    theirs = ours.to_sklearn()
    theirs.coefs_[0][:] = 0
    theirs.classes_[:] = 0
    theirs.loss_curve_.clear()
    assert ours.score(X, y) > 0.1
    assert len(ours.loss_curve_) == 10


def test_names_of_columns_go_along() -> None:
    pandas = pytest.importorskip("pandas")
    X, y = numbers()
    frame = pandas.DataFrame(X, columns=list("abcdefgh"))
    ours = em.MLPRegressor(max_iter=3).fit(frame, y)
    assert_array_equal(ours.to_sklearn().feature_names_in_, list("abcdefgh"))
    assert_array_equal(em.from_sklearn(ours.to_sklearn()).feature_names_in_, list("abcdefgh"))


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": [0.1]},
        {"label_smoothing": 0.1},
        {"class_weight": "balanced"},
        {"solver": "adamw"},
        {"amsgrad": True},
        {"clip_norm": 1.0},
        {"rate_factors": {"biases": 0.5}},
        {"learning_rate": em.schedules.constant(0.1)},
        {"callbacks": [em.callbacks.ProgressBar()]},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_what_only_training_uses_must_be_set_back(settings: dict[str, Any]) -> None:
    X, y = digits()
    model = em.MLPClassifier(max_iter=3, **settings).fit(X, y)
    name, value = next(iter(settings.items()))
    with pytest.raises(
        ValueError, match=r"have no .*; where only the predictions matter"
    ) as caught:
        model.to_sklearn()
    assert f"{name}={value!r}" in str(caught.value)
    neutral = em.MLPClassifier().get_params()
    model.set_params(**{name: neutral[name] for name in settings})
    check_equal(model, model.to_sklearn(), X)


def test_what_predictions_need_is_refused() -> None:
    X, y = numbers()
    cases: list[tuple[dict[str, Any], str]] = [
        ({"activation": "gelu"}, r"no activation=\['gelu', 'gelu'\], which the predictions"),
        ({"activation": ["relu", "tanh"]}, r"no activation=\['relu', 'tanh'\]"),
        ({"normalization": ["batch", None]}, r"no normalization=\['batch', None\]"),
    ]
    for settings, message in cases:
        model = em.MLPRegressor(hidden_layer_sizes=(5, 5), max_iter=1, **settings).fit(X, y)
        with pytest.raises(ValueError, match=message):
            model.to_sklearn()
    huber = em.MLPRegressor("huber", max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="no loss='huber'; where only"):
        huber.to_sklearn()


def test_what_makes_no_difference_is_left_behind() -> None:
    X, y = numbers()
    model = em.MLPRegressor(
        hidden_layer_sizes=(5, 5),
        activation=["tanh", "tanh"],
        max_iter=1,
        verbose="bar",
        n_threads=1,
        schedule_unit="step",
    ).fit(X, y)
    theirs = model.to_sklearn()
    assert (theirs.activation, theirs.verbose) == ("tanh", True)
    check_equal(model, theirs, X)


def test_refused_models() -> None:
    with pytest.raises(TypeError, match=r"mlp=LogisticRegression\(\) is neither an MLPClassifier"):
        em.from_sklearn(LogisticRegression())
    with pytest.raises(NotFittedError):
        em.from_sklearn(neural_network.MLPRegressor())
    with pytest.raises(NotFittedError):
        em.MLPRegressor().to_sklearn()
