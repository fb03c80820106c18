"""A fit that is continued is the fit that wasn't interrupted, to the bit."""

from __future__ import annotations

import copy
import io
import pickle
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

import eigenmlp as em
from estimator_problems import digits, numbers, parameters, record

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SOLVERS: dict[str, dict[str, Any]] = {
    "plain sgd": {"solver": "sgd", "momentum": 0.0},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd"},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "tol": 1.0,
        "n_iter_no_change": 1,
    },
    "adam": {},
    "amsgrad": {"amsgrad": True},
    "adamw": {"solver": "adamw", "weight_decay": 0.1},
    "amsgrad with decay": {"solver": "adamw", "amsgrad": True},
    "clipped": {"clip_norm": 0.1, "clip_value": 0.01},
    "rates of groups": {"rate_factors": {"biases": 0.5, 0: 2.0}},
    "epochs": {"learning_rate": em.schedules.exponential(0.01, gamma=0.5)},
    "steps": {
        "learning_rate": em.schedules.exponential(0.01, gamma=0.9),
        "schedule_unit": "step",
    },
    "batch normalization": {"normalization": "batch"},
    "layer normalization": {"normalization": ["layer", None], "activation": ["gelu", "tanh"]},
}


def untrained(setting: dict[str, Any], **parameters: Any) -> em.MLPClassifier:
    fixed = {
        "hidden_layer_sizes": (20, 10),
        "dropout": [0.3, 0.1],
        "batch_size": 64,
        "n_iter_no_change": 50,
        "warm_start": True,
    }
    return em.MLPClassifier(**{**fixed, **setting, **parameters})


def pickled(model: Any) -> Any:
    return pickle.loads(pickle.dumps(model))  # noqa: S301  our own


def dumped(model: Any) -> Any:
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def check_same(first: Any, second: Any) -> None:
    assert_array_equal(parameters(first), parameters(second))
    assert record(first) == record(second)
    X, _ = digits()
    assert_array_equal(first.predict_proba(X), second.predict_proba(X))


@pytest.mark.parametrize("setting", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize("how", [lambda model: model, pickled, dumped, copy.deepcopy])
@pytest.mark.parametrize("shuffle", [False, True])
def test_two_warm_starts(setting: dict[str, Any], how: Callable[[Any], Any], shuffle: bool) -> None:
    X, y = digits()
    whole = untrained(setting, shuffle=shuffle, random_state=np.random.RandomState(0), max_iter=7)
    whole.fit(X, y)
    parts = untrained(setting, shuffle=shuffle, random_state=np.random.RandomState(0), max_iter=3)
    parts = how(parts.fit(X, y)).set_params(max_iter=4).fit(X, y)
    check_same(whole, parts)


@pytest.mark.parametrize("setting", SOLVERS.values(), ids=SOLVERS)
def test_partial_fits(setting: dict[str, Any]) -> None:
    X, y = digits()
    whole = untrained(setting, random_state=np.random.RandomState(0), max_iter=5).fit(X, y)
    parts = untrained(setting, random_state=np.random.RandomState(0), warm_start=False)
    for _ in range(5):
        parts.partial_fit(X, y, classes=np.arange(10))
    check_same(whole, parts)


def test_a_seed_without_shuffling_will_do() -> None:
    X, y = numbers()
    settings: dict[str, Any] = {"shuffle": False, "batch_size": 32, "random_state": 0}
    whole = em.MLPRegressor(max_iter=6, dropout=0.2, **settings).fit(X, y)
    parts = em.MLPRegressor(max_iter=2, dropout=0.2, warm_start=True, **settings).fit(X, y)
    parts.fit(X, y).fit(X, y)
    assert_array_equal(parameters(whole), parameters(parts))
    assert parts.n_iter_ == 2
    assert parts.loss_curve_ == whole.loss_curve_


def test_without_warm_start_nothing_is_left() -> None:
    X, y = digits()
    model = untrained({"learning_rate": "adaptive", "solver": "sgd"}, random_state=0, max_iter=3)
    once = clone(model).set_params(warm_start=False).fit(X, y)
    twice = clone(once).fit(X, y).partial_fit(X, y).fit(X, y)
    check_same(once, twice)


def test_constants_may_change_on_the_way() -> None:
    X, y = digits()
    model = untrained({}, random_state=np.random.RandomState(0), max_iter=3).fit(X, y)
    same = copy.deepcopy(model)
    clock = model._optimizer.rule.state_dict(model._network)["clock"]
    model.set_params(beta_1=0.5, dropout=0.0, activation="tanh", learning_rate_init=1e-4)
    model.fit(X, y)
    assert model._optimizer.rule == em.optimizers.Adam(0.5, epsilon_hat=True)
    assert model._optimizer.rule.state_dict(model._network)["clock"] == 2 * clock
    assert model._optimizer.learning_rate == 1e-4
    assert model._network.activations == ("tanh", "tanh")
    assert model._network.dropouts == (0.0, 0.0)
    assert not np.array_equal(parameters(model), parameters(same.fit(X, y)))


def test_an_adaptive_rate_goes_on_until_another_is_asked_for() -> None:
    X, y = digits()
    model = untrained(
        SOLVERS["adaptive"], random_state=0, max_iter=8, n_iter_no_change=1, learning_rate_init=0.1
    )
    rates = [model.fit(X, y)._optimizer.learning_rate for _ in range(2)]
    assert 0.1 > rates[0] > rates[1]
    model.set_params(learning_rate_init=0.2, n_iter_no_change=50, max_iter=1).fit(X, y)
    assert model._optimizer.learning_rate == 0.2


def test_a_generator_orders_any_number_of_samples() -> None:
    X, y = digits()
    model = untrained({}, random_state=np.random.RandomState(0), warm_start=False)
    for n_samples in (300, 100, 250):
        model.partial_fit(X[:n_samples], y[:n_samples], classes=np.arange(10))
        order = model._optimizer.order
        assert order is not None
        assert sorted(order) == list(range(n_samples))


def test_another_solver_starts_with_nothing_to_remember() -> None:
    X, y = digits()
    model = untrained({}, random_state=0, max_iter=3).fit(X, y)
    for solver in ({"solver": "sgd"}, {"momentum": 0.0}, {"solver": "adamw"}, {"amsgrad": True}):
        model.set_params(**solver).fit(X, y)
        steps = model._optimizer.rule.state_dict(model._network)["clock"]
        assert steps == 3 * -(-len(X) // 64)
    assert len(model.loss_curve_) == 15


def test_lbfgs_and_then_epochs() -> None:
    X, y = digits()
    model = em.MLPClassifier(
        solver="lbfgs", hidden_layer_sizes=20, warm_start=True, max_iter=30, random_state=0
    ).fit(X, y)
    assert not hasattr(model, "loss_curve_")
    reached = model.loss_
    model.set_params(solver="sgd", learning_rate_init=1e-4, max_iter=3).fit(X, y)
    assert len(model.loss_curve_) == 3
    assert model.loss_curve_[0] < 2 * reached < 0.01  # the penalty of two batches counts twice
    model.set_params(warm_start=False, solver="lbfgs").fit(X, y)
    assert not hasattr(model, "loss_curve_")
    assert not hasattr(model, "_optimizer")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_layer_sizes": (20, 11)}, r"layers of \[64, 20, 10, 10\] units, but hidden_layer"),
        (
            {"normalization": "batch"},
            r"has normalization=\[None, None\], but normalization='batch'",
        ),
    ],
)
def test_refuses_to_go_on_with_another_model(change: dict[str, Any], message: str) -> None:
    X, y = digits()
    model = untrained({}, max_iter=1).fit(X, y).set_params(**change)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
