"""With the same random_state, every number is scikit-learn's."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning

import eigenmlp as em
from estimator_problems import (
    digits,
    labels_without_order,
    numbers,
    parameters,
    two_digits,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

PROBLEMS: dict[str, Any] = {
    "classes": ("MLPClassifier", *digits()),
    "two classes": ("MLPClassifier", *two_digits()),
    "text": ("MLPClassifier", two_digits()[0], np.array(["no", "yes"])[two_digits()[1]]),
    "labels": ("MLPClassifier", *labels_without_order()),
    "numbers": ("MLPRegressor", *numbers()),
    "several numbers": ("MLPRegressor", *numbers(n_targets=3)),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "adam": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3, "learning_rate_init": 0.01},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "classical momentum": {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5},
    "no momentum": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.1},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "tol": 0.05,
        "n_iter_no_change": 1,
        "learning_rate_init": 0.05,
    },
    "identity": {"activation": "identity"},
    "logistic": {"activation": "logistic", "hidden_layer_sizes": (30, 20)},
    "tanh": {"activation": "tanh", "hidden_layer_sizes": (20, 10, 5)},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "batches": {"batch_size": 33, "alpha": 0.5},
    "in order": {"batch_size": 33, "shuffle": False},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3, "tol": 0.01},
    "stops": {"tol": 0.1, "n_iter_no_change": 2},
    "lbfgs": {"solver": "lbfgs", "max_iter": 15},
    "lbfgs tanh": {"solver": "lbfgs", "max_iter": 8, "activation": "tanh", "alpha": 1.0},
}


# The loss of several squared errors isn't the one that scikit-learn's gradient belongs to, and ours
# is: lbfgs, which looks at the loss, goes other ways.
BOTH_SENSIBLE = [
    (problem, setting)
    for problem in PROBLEMS
    for setting in SETTINGS
    if problem != "several numbers" or not setting.startswith("lbfgs")
]


def pair(problem: str, **parameters: Any) -> tuple[Any, Any, NDArray[Any], NDArray[Any]]:
    kind, X, y = PROBLEMS[problem]
    parameters = {"random_state": 3, "max_iter": 12, **parameters}
    return getattr(neural_network, kind)(**parameters), getattr(em, kind)(**parameters), X, y


def fitted_attributes(model: Any) -> set[str]:
    return {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}


def check_record(theirs: Any, ours: Any) -> None:
    """Compare all fitted attributes of scikit-learn's."""
    assert fitted_attributes(ours) - {"validation_loss_curve_"} == fitted_attributes(theirs)
    for name in fitted_attributes(theirs) - {"coefs_", "intercepts_"}:
        their_value, our_value = getattr(theirs, name), getattr(ours, name)
        if isinstance(their_value, (float, list)):
            assert_allclose(our_value, their_value, rtol=1e-9, atol=1e-12, err_msg=name)
        else:
            assert_array_equal(our_value, their_value, err_msg=name)


@pytest.mark.parametrize(("problem", "setting"), BOTH_SENSIBLE)
def test_fit(problem: str, setting: str) -> None:
    theirs, ours, X, y = pair(problem, **SETTINGS[setting])
    theirs.fit(X, y)
    ours.fit(X, y)
    assert_allclose(parameters(ours), parameters(theirs), rtol=0, atol=1e-9)
    check_record(theirs, ours)
    counts = [getattr(model, "_no_improvement_count", None) for model in (theirs, ours)]
    assert counts[0] == counts[1]
    for method in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(theirs, method):
            predicted, expected = getattr(ours, method)(X), getattr(theirs, method)(X)
            assert predicted.dtype == expected.dtype
            if predicted.dtype.kind == "f":
                assert_allclose(predicted, expected, rtol=1e-8, atol=1e-9)
            else:
                assert_array_equal(predicted, expected)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y))


@pytest.mark.parametrize(
    ("problem", "setting"),
    [
        case
        for case in BOTH_SENSIBLE
        if case[1] in {"default", "batches", "early stopping", "lbfgs", "invscaling"}
    ],
)
def test_fit_with_sample_weights(problem: str, setting: str) -> None:
    theirs, ours, X, y = pair(problem, **SETTINGS[setting])
    weights = np.random.default_rng(0).uniform(0.1, 3.0, len(X))
    theirs.fit(X, y, weights)
    ours.fit(X, y, sample_weight=weights)
    assert_allclose(parameters(ours), parameters(theirs), rtol=0, atol=1e-9)
    check_record(theirs, ours)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_poisson(solver: str) -> None:
    theirs, ours, X, y = pair("several numbers", loss="poisson", solver=solver)
    counts = np.round(np.abs(3 * y))
    theirs.fit(X, counts)
    ours.fit(X, counts)
    assert_allclose(parameters(ours), parameters(theirs), rtol=0, atol=1e-9)
    check_record(theirs, ours)
    assert_allclose(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("setting", ["default", "batches", "sgd", "invscaling", "in order"])
@pytest.mark.parametrize("fitted_before", [False, True])
def test_partial_fit(problem: str, setting: str, fitted_before: bool) -> None:
    theirs, ours, X, y = pair(problem, **SETTINGS[setting])
    classes = {"classes": np.unique(y)} if hasattr(ours, "predict_proba") else {}
    if y.ndim == 2 and classes:
        classes = {"classes": np.arange(y.shape[1])}
    for model in (theirs, ours):
        if fitted_before:
            model.fit(X, y)
        for start in (0, 50, 0):
            model.partial_fit(X[start : start + 80], y[start : start + 80], **classes)
    assert_allclose(parameters(ours), parameters(theirs), rtol=0, atol=1e-9)
    check_record(theirs, ours)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_float32(problem: str, solver: str) -> None:
    theirs, ours, X, y = pair(problem, solver=solver, max_iter=5)
    single = X.astype(np.float32)
    theirs.fit(single, y)
    ours.fit(single, y)
    assert {array.dtype for array in [*ours.coefs_, *ours.intercepts_]} == {np.dtype("float32")}
    assert_allclose(parameters(ours), parameters(theirs), rtol=0, atol=2e-4)


def test_lbfgs_computes_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    computed_in = set()
    original = em.Network.loss_and_gradient

    def spy(network: em.Network, *args: Any, **kwargs: Any) -> Any:
        computed_in.add(network.dtype.name)
        return original(network, *args, **kwargs)

    monkeypatch.setattr(em.Network, "loss_and_gradient", spy)
    theirs, ours, X, y = pair("classes", solver="lbfgs", max_iter=20)
    single = X.astype(np.float32)
    theirs.fit(single, y)
    ours.fit(single, y)
    assert ours.coefs_[0].dtype == ours.predict_proba(single).dtype == np.float32
    assert computed_in == {"float64"}
    assert_allclose(parameters(ours), parameters(theirs), rtol=0, atol=1e-5)


def test_a_single_class_is_all_there_is() -> None:
    X, _ = digits()
    for module in (neural_network, em):
        model = module.MLPClassifier(max_iter=2).fit(X, np.full(300, "only"))
        model.intercepts_[1] = np.array([100.0])
        assert_array_equal(model.predict(X), np.full(300, "only"))


def test_a_generator_goes_through_both_alike() -> None:
    draws = []
    for module in (neural_network, em):
        random_state = np.random.RandomState(5)
        model = module.MLPClassifier(
            max_iter=3, batch_size=1000, early_stopping=True, random_state=random_state
        )
        with pytest.warns(UserWarning, match="Got `batch_size` less than 1 or larger than sample"):
            model.fit(*digits())
        draws.append(random_state.randint(2**31, size=4))
    assert_array_equal(draws[0], draws[1])


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_iter": 3},
        {"solver": "sgd", "max_iter": 100, "tol": 1.0, "n_iter_no_change": 2},
        {
            "solver": "sgd",
            "max_iter": 100,
            "tol": 1.0,
            "n_iter_no_change": 1,
            "learning_rate": "adaptive",
        },
        {"max_iter": 100, "tol": 0.5, "n_iter_no_change": 2, "early_stopping": True},
    ],
)
def test_prints_and_warns_the_same(
    parameters: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for module in (neural_network, em):
        model = module.MLPClassifier(verbose=True, random_state=0, **parameters)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(*digits(100))
        said.append((capsys.readouterr().out, [(w.category, str(w.message)) for w in caught]))
    assert said[0] == said[1]
    assert said[0][0].startswith("Iteration 1, loss = ")


def test_lbfgs_goes_by_the_loss_that_its_gradient_belongs_to() -> None:
    _, ours, X, y = pair("several numbers", solver="lbfgs", alpha=0.01, activation="tanh")
    theta = parameters(ours.fit(X, y))
    along = np.random.default_rng(0).normal(size=theta.size) * 1e-5
    losses = [ours._loss_grad_lbfgs(theta + step, X, y, None)[0] for step in (-along, along)]
    loss, gradient = ours._loss_grad_lbfgs(theta, X, y, None)
    assert losses[1] - losses[0] == pytest.approx(2 * gradient @ along, rel=1e-6)
    # What is shown of it is scikit-learn's mean over the outputs.
    penalty = 0.01 / 2 * sum((coef**2).sum() for coef in ours.coefs_) / len(X)
    assert ours.loss_ == pytest.approx((loss - penalty) / 3 + penalty)


def test_lbfgs_warns_the_same() -> None:
    theirs, ours, X, y = pair("numbers", solver="lbfgs", max_iter=2)
    messages = []
    for model in (theirs, ours):
        with pytest.warns(ConvergenceWarning) as caught:
            model.fit(X, y)
        messages.append([str(warning.message) for warning in caught])
    assert messages[0] == messages[1]
    assert messages[0][0].startswith("lbfgs failed to converge after 2 iteration(s)")
