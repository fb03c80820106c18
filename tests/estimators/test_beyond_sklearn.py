"""What scikit-learn hasn't: each option does what `eigenmlp.train` does with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import mean_pinball_loss

import eigenmlp as em
from eigenmlp.estimators.initial import glorot
from estimator_problems import digits, labels_without_order, numbers, parameters, two_digits

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

EPOCHS = 4
HIDDEN = [20, 10]


def trained(
    X: Any,
    y: Any,
    n_outputs: int,
    *,
    network: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
) -> em.Network:
    """Train by hand from the same initial parameters, in the order of the samples."""
    random_state = np.random.RandomState(0)
    network = network or {}
    sizes = [X.shape[1], *HIDDEN, n_outputs]
    kinds = np.broadcast_to(network.get("activation", "relu"), 2).tolist()
    weights, biases = glorot(random_state, sizes, kinds, np.float64)
    seed = random_state.randint(2**31 - 1)
    net = em.Network(sizes, dtype="float64", rng=int(seed), **network)
    net.set_parameters(weights, biases)
    fixed = {
        "optimizer": em.optimizers.Adam(epsilon_hat=True),
        "batch_size": 64,
        "epochs": EPOCHS,
        "l2": 1e-4,
        "l2_divided": True,
        "shuffle": False,
    }
    em.train(net, X, y, **{**fixed, **(training or {})})
    return net


def settings(**parameters: Any) -> dict[str, Any]:
    fixed = {
        "hidden_layer_sizes": HIDDEN,
        "random_state": 0,
        "batch_size": 64,
        "max_iter": EPOCHS,
        "shuffle": False,
    }
    return {**fixed, **parameters}


def check_equal(model: Any, net: em.Network) -> None:
    assert_array_equal(model._network.get_flat_parameters(), net.get_flat_parameters(), strict=True)


@pytest.mark.parametrize(
    "activation", ["leaky_relu", "elu", "silu", "gelu", "selu", "mish", ["gelu", "logistic"]]
)
def test_activations(activation: Any) -> None:
    X, y = digits()
    model = em.MLPClassifier(**settings(activation=activation)).fit(X, y)
    check_equal(model, trained(X, y, 10, network={"activation": activation}))
    assert model.set_params(max_iter=60, learning_rate_init=0.01).fit(X, y).score(X, y) > 0.97


@pytest.mark.parametrize(
    "network",
    [
        {"dropout": 0.3},
        {"dropout": [0.0, 0.5]},
        {"normalization": "batch"},
        {"normalization": [None, "layer"]},
        {"normalization": "batch", "dropout": 0.1, "activation": ["tanh", "relu"]},
    ],
)
def test_dropout_and_normalization(network: dict[str, Any]) -> None:
    X, y = digits()
    model = em.MLPClassifier(**settings(**network)).fit(X, y)
    net = trained(X, y, 10, network=network)
    check_equal(model, net)
    assert_array_equal(model.predict_proba(X), net.predict_proba(X))


def test_dropout_follows_random_state_and_nothing_else_does() -> None:
    X, y = digits()
    fits = [
        em.MLPClassifier(**settings(dropout=0.3, random_state=seed, n_threads=threads)).fit(X, y)
        for seed, threads in [(0, 1), (0, 2), (1, 1)]
    ]
    assert_array_equal(parameters(fits[0]), parameters(fits[1]))
    assert fits[0]._network.dropout_seed != fits[2]._network.dropout_seed
    # Without dropout nothing is drawn: what follows is scikit-learn's.
    states = [np.random.RandomState(0), np.random.RandomState(0)]
    em.MLPClassifier(**settings(dropout=[0, 0.0], random_state=states[0])).fit(X, y)
    em.MLPClassifier(**settings(random_state=states[1])).fit(X, y)
    assert states[0].randint(2**31) == states[1].randint(2**31)


@pytest.mark.parametrize(
    ("parameters", "loss"),
    [
        ({"loss": "absolute_error"}, em.losses.AbsoluteError()),
        ({"loss": "huber"}, em.losses.Huber()),
        ({"loss": "huber", "huber_delta": 0.2}, em.losses.Huber(0.2)),
        ({"loss": "quantile"}, em.losses.Quantile(0.5)),
        ({"loss": "quantile", "quantile": 0.9}, em.losses.Quantile(0.9)),
    ],
)
@pytest.mark.parametrize("n_targets", [1, 3])
def test_losses(parameters: dict[str, Any], loss: em.losses.Loss, n_targets: int) -> None:
    X, y = numbers(n_targets=n_targets)
    model = em.MLPRegressor(**settings(**parameters)).fit(X, y)
    network = {"output": "identity"}
    net = trained(X, y, n_targets, network=network, training={"loss": loss})
    check_equal(model, net)
    # A mean over outputs, before the last epoch a little more.
    assert model.loss_ == pytest.approx(net.evaluate(X, y, loss=loss).loss / n_targets, rel=0.2)


def test_quantiles_of_noise_that_depends_on_x() -> None:
    """With noise uniform on [0, x], the quantile q is q x; and scikit-learn measures the same."""
    rng = np.random.default_rng(0)
    X = rng.uniform(1, 2, (4000, 1))
    y = X[:, 0] * rng.uniform(size=4000)
    for quantile in (0.1, 0.9):
        model = em.MLPRegressor(
            "quantile", 20, quantile=quantile, learning_rate_init=0.01, max_iter=60, tol=0,
            random_state=0,
        ).fit(X, y)  # fmt: skip
        predicted = model.predict(X)
        np.testing.assert_allclose(predicted, quantile * X[:, 0], atol=0.05)
        assert np.mean(y <= predicted) == pytest.approx(quantile, abs=0.02)
        loss = model._network.evaluate(X, y, loss=em.losses.Quantile(quantile)).loss
        assert loss == pytest.approx(mean_pinball_loss(y, predicted, alpha=quantile), rel=1e-12)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile"])
def test_lbfgs_fits_smooth_losses_well(loss: str) -> None:
    X, y = numbers()
    model = em.MLPRegressor(loss, 20, solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.95


def test_robust_losses_pass_outliers_over() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (500, 1))
    y = 2 * X[:, 0]
    y[::10] += 50
    scores = {
        loss: em.MLPRegressor(loss, 20, learning_rate_init=0.01, random_state=0)
        .fit(X, y)
        .score(X, 2 * X[:, 0])
        for loss in ("squared_error", "absolute_error", "huber")
    }
    assert scores["squared_error"] < 0
    assert min(scores["absolute_error"], scores["huber"]) > 0.9


def test_label_smoothing() -> None:
    X, y = digits()
    model = em.MLPClassifier(**settings(label_smoothing=0.2)).fit(X, y)
    loss = em.losses.CrossEntropy(0.2)
    check_equal(model, trained(X, y, 10, training={"loss": loss}))


@pytest.mark.parametrize("several", [False, True])
def test_label_smoothing_of_logistic_outputs(several: bool) -> None:
    X, y = labels_without_order() if several else two_digits()
    model = em.MLPClassifier(**settings(label_smoothing=0.2)).fit(X, y)
    network = {"output": "logistic"}
    net = trained(X, 0.8 * y + 0.1, model.n_outputs_, network=network)
    check_equal(model, net)


@pytest.mark.parametrize("kind", ["two classes", "classes"])
def test_label_smoothing_bounds_what_is_learnt(kind: str) -> None:
    X, y = two_digits(30) if kind == "two classes" else digits(30)
    model = em.MLPClassifier(
        20, solver="lbfgs", alpha=0, label_smoothing=0.2, random_state=0, max_iter=500, tol=1e-6
    ).fit(X, y)
    assert_allclose(model.predict_proba(X).max(axis=1), 1 - 0.2 + 0.2 / len(set(y)), atol=0.01)


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        ({"solver": "adamw"}, em.optimizers.AdamW()),
        ({"solver": "adamw", "weight_decay": 0.5}, em.optimizers.AdamW(weight_decay=0.5)),
        ({"amsgrad": True}, em.optimizers.Adam(amsgrad=True, epsilon_hat=True)),
        ({"solver": "adamw", "amsgrad": True}, em.optimizers.AdamW(amsgrad=True)),
        (
            {"solver": "adamw", "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-4},
            em.optimizers.AdamW(0.5, 0.9, 1e-4),
        ),
    ],
)
def test_rules(parameters: dict[str, Any], rule: em.optimizers.Optimizer) -> None:
    X, y = digits()
    model = em.MLPClassifier(**settings(**parameters)).fit(X, y)
    check_equal(model, trained(X, y, 10, training={"optimizer": rule}))


@pytest.mark.parametrize(
    "bounds", [{"clip_norm": 0.1}, {"clip_value": 0.01}, {"rate_factors": {"biases": 0.1}}]
)
def test_options_of_training_are_passed_on(bounds: dict[str, Any]) -> None:
    X, y = digits()
    model = em.MLPClassifier(**settings(**bounds)).fit(X, y)
    check_equal(model, trained(X, y, 10, training=bounds))
    free = em.MLPClassifier(**settings()).fit(X, y)
    assert not np.array_equal(parameters(free), parameters(model))


@pytest.mark.parametrize("unit", ["epoch", "step"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "adamw"])
def test_schedules(unit: str, solver: str) -> None:
    X, y = digits()
    schedule = em.schedules.exponential(0.05, gamma=0.8)
    model = em.MLPClassifier(
        **settings(solver=solver, learning_rate=schedule, schedule_unit=unit)
    ).fit(X, y)
    rules = {
        "adam": em.optimizers.Adam(epsilon_hat=True),
        "sgd": em.optimizers.SGD(0.9, nesterov=True),
        "adamw": em.optimizers.AdamW(),
    }
    training = {"optimizer": rules[solver], "learning_rate": schedule, "schedule_unit": unit}
    check_equal(model, trained(X, y, 10, training=training))
    last = EPOCHS - 1 if unit == "epoch" else EPOCHS * 5 - 1
    assert model._optimizer.learning_rate == schedule(last)


def test_a_function_is_a_schedule() -> None:
    X, y = digits()
    rates = [0.1, 0.01, 0.0, 0.0]
    model = em.MLPClassifier(**settings(learning_rate=rates.__getitem__, solver="sgd", momentum=0))
    after_four = parameters(model.fit(X, y))
    after_two = parameters(model.set_params(max_iter=2).fit(X, y))
    assert_array_equal(after_four, after_two)


def test_callbacks_see_every_epoch_and_may_stop() -> None:
    X, y = digits()

    class Stop(em.callbacks.Callback):
        def on_epoch_end(self, state: em.callbacks.TrainingState) -> bool:
            seen.append((state.epoch, state.history.last["train_penalized_loss"]))
            return state.epoch == 2

    seen: list[tuple[int, float]] = []
    model = em.MLPClassifier(max_iter=50, random_state=0, callbacks=[Stop()])
    model.fit(X, y)
    assert seen == list(enumerate(model.loss_curve_))
    assert model.n_iter_ == 3


def test_the_progress_bar_is_drawn_instead_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    em.MLPClassifier(max_iter=3, verbose="bar").fit(*digits())
    assert capsys.readouterr().out == ""


def test_verbose_lbfgs_prints_its_iterations(capsys: pytest.CaptureFixture[str]) -> None:
    model = em.MLPClassifier(solver="lbfgs", max_iter=3, verbose=1, random_state=0).fit(*digits())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_ == 3
    assert lines[-1] == f"Iteration 3, loss = {model.loss_:.8f}"


def test_lbfgs_with_layer_normalization() -> None:
    X, y = digits()
    model = em.MLPClassifier(
        solver="lbfgs", normalization="layer", activation="gelu", max_iter=100, random_state=0
    ).fit(X, y)
    assert model.score(X, y) == 1.0
    assert model.fit(X.astype(np.float32), y).coefs_[0].dtype == np.float32
    assert model.score(X, y) == 1.0
