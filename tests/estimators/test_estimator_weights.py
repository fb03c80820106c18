"""Weights of samples and classes: a weight of 2 is the sample twice, one of 0 its absence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

import eigenmlp as em
from estimator_problems import (
    digits,
    labels_without_order,
    numbers,
    parameters,
    record,
    two_digits,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

PROBLEMS: dict[str, tuple[type[Any], Any, Any]] = {
    "classes": (em.MLPClassifier, *digits(90)),
    "two classes": (em.MLPClassifier, *two_digits(90)),
    "labels": (em.MLPClassifier, *labels_without_order(90)),
    "numbers": (em.MLPRegressor, *numbers(90, n_targets=2)),
}
SOLVERS = ["adam", "sgd", "adamw", "lbfgs"]


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_weight_of_two_is_the_sample_twice(problem: str, solver: str) -> None:
    kind, X, y = PROBLEMS[problem]
    twice = np.arange(0, 90, 3)
    weights = np.ones(90)
    weights[twice] = 2
    settings = {"solver": solver, "alpha": 0.1, "max_iter": 20, "random_state": 0}
    weighted = kind(**settings).fit(X, y, weights)
    repeated = kind(**settings).fit(np.concatenate([X, X[twice]]), np.concatenate([y, y[twice]]))
    assert_allclose(parameters(weighted), parameters(repeated), rtol=0, atol=1e-9)
    assert weighted.loss_ == pytest.approx(repeated.loss_, rel=1e-9)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(
    "setting",
    [
        *({"solver": solver} for solver in SOLVERS),
        {"batch_size": 16},
        {"batch_size": 16, "early_stopping": True},
        {"batch_size": 16, "dropout": 0.2, "normalization": "batch"},
    ],
)
def test_a_weight_of_zero_is_absence(problem: str, setting: dict[str, Any]) -> None:
    kind, X, y = PROBLEMS[problem]
    absent = np.arange(1, 90, 4)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 90)
    weights[absent] = 0
    model = kind(max_iter=10, random_state=0, **setting)
    weighted = record_of(model.fit(X, y, weights))
    kept = weights > 0
    without = record_of(model.fit(X[kept], y[kept], weights[kept]))
    assert_array_equal(weighted.pop("parameters"), without.pop("parameters"))
    assert weighted == without


def record_of(model: Any) -> dict[str, Any]:
    curves = record(model) if model.solver != "lbfgs" else {"loss": model.loss_}
    return {"parameters": parameters(model), **curves}


def test_a_class_without_weight_is_still_known() -> None:
    X, y = digits(90)
    model = em.MLPClassifier(max_iter=2).fit(X, y, (y != 7).astype(float))
    assert_array_equal(model.classes_, np.arange(10))


@pytest.mark.parametrize("problem", ["classes", "two classes"])
@pytest.mark.parametrize("setting", [{}, {"solver": "lbfgs"}, {"early_stopping": True}])
@pytest.mark.parametrize("with_names", [False, True])
def test_balanced_is_scikit_learns(problem: str, setting: dict[str, Any], with_names: bool) -> None:
    _, X, y = PROBLEMS[problem]
    X, y = X[5:70], y[5:70]
    labels = np.array([f"digit {digit}" for digit in y]) if with_names else y
    model = em.MLPClassifier(max_iter=10, random_state=0, class_weight="balanced", **setting)
    balanced = parameters(model.fit(X, labels))
    model.set_params(class_weight=None)
    by_hand = parameters(model.fit(X, labels, compute_sample_weight("balanced", labels)))
    assert_array_equal(balanced, by_hand)


def test_balanced_counts_the_weights_of_samples() -> None:
    X, y = digits(90)
    weights = np.random.default_rng(0).integers(0, 3, 90)
    weights[y == 4] = 0
    model = em.MLPClassifier(max_iter=10, random_state=0, class_weight="balanced")
    weighted = parameters(model.fit(X, y, weights))
    # The class that is absent is still an output: by one sample more, of no weight.
    rows = np.append(np.repeat(np.arange(90), weights), np.flatnonzero(y == 4)[:1])
    counted = np.append(np.ones(weights.sum()), 0.0)
    assert_allclose(parameters(model.fit(X[rows], y[rows], counted)), weighted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("names", [np.arange(10), np.array([f"digit {d}" for d in range(10)])])
def test_weights_of_classes_multiply_those_of_samples(names: Any) -> None:
    X, y = digits(90)
    labels = names[y]
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 90)
    by_class = {names[3]: 5.0, names[0]: 0.0}
    factors = np.where(y == 3, 5.0, 1.0) * (y != 0)
    model = em.MLPClassifier(max_iter=10, random_state=0, class_weight=by_class)
    by_dict = parameters(model.fit(X, labels, weights))
    model.set_params(class_weight=None)
    assert_array_equal(by_dict, parameters(model.fit(X, labels, weights * factors)))


def test_partial_fit_takes_weights_by_class() -> None:
    X, y = digits(90)
    few = y < 3
    by_class = {2: 3.0, 9: 0.1}
    model = em.MLPClassifier(random_state=0, class_weight=by_class)
    model.partial_fit(X[few], y[few], classes=np.arange(10))
    factors = compute_class_weight(by_class, classes=np.arange(10), y=y)
    by_hand = em.MLPClassifier(random_state=0)
    by_hand.partial_fit(X[few], y[few], factors[y[few]], classes=np.arange(10))
    assert_array_equal(parameters(model), parameters(by_hand))


def test_weights_rescue_a_rare_class() -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (950, 2)), rng.normal(1.5, 1, (50, 2))])
    y = np.repeat([0, 1], [950, 50])
    shares = [
        em.MLPClassifier(max_iter=50, random_state=0, class_weight=weight)
        .fit(X, y)
        .predict(X[y == 1])
        .mean()
        for weight in (None, "balanced")
    ]
    assert shares[0] < 0.3
    assert shares[1] > 0.7


@pytest.mark.parametrize(
    ("weight", "y", "message"),
    [
        ("balanced", None, "class_weight='balanced' needs all samples to count, but partial_fit"),
        ({0: 2.0}, labels_without_order(90)[1], "class_weight={0: 2.0} weighs a sample by its cl"),
        ("equal", None, "The 'class_weight' parameter of MLPClassifier must be"),
    ],
)
def test_refused_weights_of_classes(weight: Any, y: Any, message: str) -> None:
    X, labels = digits(90)
    y = labels if y is None else y
    classes = np.arange(10) if y.ndim == 1 else np.arange(5)
    with pytest.raises(ValueError, match=message):
        em.MLPClassifier(class_weight=weight).partial_fit(X, y, classes=classes)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(90), "must contain at least one non-zero number"),
        (-np.ones(90), "Negative values in data passed to `sample_weight`"),
        (np.ones(89), r"sample_weight.shape == \(89,\), expected \(90,\)"),
        (np.full(90, np.nan), "sample_weight contains NaN"),
    ],
)
@pytest.mark.parametrize("kind", [em.MLPClassifier, em.MLPRegressor])
def test_refused_weights_of_samples(kind: type[Any], weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind().fit(*digits(90), weights)


def test_weights_of_classes_leave_someone() -> None:
    X, y = digits(90)
    with pytest.raises(ValueError, match="no sample has a weight above 0"):
        em.MLPClassifier(class_weight=dict.fromkeys(range(10), 0.0)).fit(X, y)


@pytest.mark.parametrize("by_class", [{99: 5.0}, {3: 5.0, 99: 0.5}, {"3": 5.0}, {}])
@pytest.mark.parametrize("how", ["fit", "partial_fit", "lbfgs", "early_stopping"])
def test_labels_that_do_not_occur_count_nothing(by_class: dict[Any, float], how: str) -> None:
    X, y = digits(90)
    settings: dict[str, dict[str, Any]] = {
        "lbfgs": {"solver": "lbfgs"},
        "early_stopping": {"early_stopping": True},
    }
    models = []
    for weight in (by_class, {3: by_class.get(3, 1.0)}):
        model = em.MLPClassifier(max_iter=5, random_state=0, class_weight=weight)
        model.set_params(**settings.get(how, {}))
        fit = model.partial_fit if how == "partial_fit" else model.fit
        models.append(fit(X, y, **({"classes": np.arange(10)} if how == "partial_fit" else {})))
    assert_array_equal(parameters(models[0]), parameters(models[1]))


@pytest.mark.parametrize(
    ("by_class", "weight", "error", "message"),
    [
        ({3: np.nan}, 1.0, ValueError, r"^class_weight\[3\]=nan must be finite and >= 0"),
        ({3: np.inf}, 1.0, ValueError, r"^class_weight\[3\]=inf must be finite and >= 0"),
        ({3: -1}, 1.0, ValueError, r"^class_weight\[3\]=-1 must be finite and >= 0"),
        ({3: "a"}, 1.0, TypeError, r"^class_weight\[3\]='a' is not a number"),
        ({3: None}, 1.0, TypeError, r"^class_weight\[3\]=None is not a number"),
        ({99: np.nan}, 1.0, ValueError, r"^class_weight\[99\]=nan must be finite and >= 0"),
        ({3: 1e200}, 1e200, ValueError, r"^class_weight\[3\] multiplies the .* of class 3, by 1e"),
        ({3: 1e292}, 1e9, ValueError, r"^class_weight\[3\] .* to 1e\+301, .* network of float64"),
        ({3: 1e-200}, 1e-200, ValueError, r"^class_weight\[3\] .* by 1e-200 to 0, which"),
    ],
)
def test_weights_of_classes_are_blamed_themselves(
    by_class: dict[Any, Any], weight: float, error: type[Exception], message: str
) -> None:
    X, y = digits(90)
    with pytest.raises(error, match=message):
        em.MLPClassifier(class_weight=by_class).fit(X, y, np.full(90, weight))
    network = em.Network([64, 10], dtype="float64", rng=0)
    if 99 not in by_class:
        with pytest.raises(error, match=message):
            em.train(network, X, y, sample_weight=np.full(90, weight), class_weight=by_class)
    else:
        with pytest.raises(ValueError, match="class_weight has the class 99, but the network's"):
            em.train(network, X, y, class_weight=by_class)


def test_weights_of_classes_beyond_float32_are_blamed_themselves() -> None:
    X, y = digits(90)
    told = (
        r"^class_weight\[0\] multiplies the weight of sample 0, .*a network of float32 can't take"
    )
    with pytest.raises(ValueError, match=told):
        em.train(em.Network([64, 10], rng=0), X, y, class_weight={0: 1e31})
    with pytest.raises(ValueError, match=told):
        em.MLPClassifier(class_weight={0: 1e31}).fit(X.astype(np.float32), y)
    em.MLPClassifier(class_weight={0: 1e31}, max_iter=1, solver="lbfgs", tol=1e9).fit(X, y)
    with pytest.raises(ValueError, match="no sample has a weight above 0 once class_weight is"):
        em.train(em.Network([64, 10]), X, y, class_weight=dict.fromkeys(range(10), 0.0))


@pytest.mark.parametrize("weight", [1e308, 1e301, 1e299, 1e-301])
@pytest.mark.parametrize("by_class", ["balanced", {0: 2.0}])
def test_weights_of_samples_are_blamed_where_it_is_theirs(weight: float, by_class: Any) -> None:
    X, y = digits(90)
    weights = np.full(90, weight)
    with pytest.raises(ValueError, match=r"^(the sum of )?sample_weight(\[0\])? is "):
        em.MLPClassifier(class_weight=by_class).fit(X, y, weights)
    network = em.Network([64, 10], dtype="float64", rng=0)
    with pytest.raises(ValueError, match=r"^(the sum of )?sample_weight(\[0\])? is "):
        em.train(network, X, y, sample_weight=weights, class_weight=by_class)
