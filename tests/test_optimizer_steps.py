"""Steps by hand: those of training, which test_update_rules.py compares with NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.optimizers import SGD, Adam, AdamW, Optimizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

RULES = [
    SGD(),
    SGD(momentum=0.9),
    SGD(momentum=0.9, nesterov=True),
    Adam(),
    Adam(epsilon=1e-3, epsilon_hat=True),
    Adam(beta2=0.7, amsgrad=True),
    Adam(beta2=0.7, amsgrad=True, epsilon_hat=True),
    AdamW(weight_decay=0.3),
    AdamW(weight_decay=0.3, decay_biases=True),
    AdamW(weight_decay=0.3, beta2=0.7, amsgrad=True),
]
N_SAMPLES, BATCH, EPOCHS = 150, 32, 3
RNG = np.random.default_rng(0)
X, Y, WEIGHTS = (
    RNG.normal(size=(N_SAMPLES, 5)),
    RNG.integers(0, 3, N_SAMPLES),
    RNG.uniform(0.2, 3, N_SAMPLES),
)


def network(dtype: str = "float32") -> em.Network:
    return em.Network(
        [5, 33, 17, 9, 3], activation=["gelu", "relu", "tanh"], dropout=[0.3, 0.1, 0],
        normalization=["batch", None, "layer"], dtype=dtype, rng=1,
    )  # fmt: skip


def rate(step: int) -> float:
    return 0.01 * (1 + (step % 3)) * 0.95**step


def walk(net: em.Network, rule: Optimizer, epochs: range, **options: Any) -> None:
    for epoch in epochs:
        for number, first in enumerate(range(0, N_SAMPLES, BATCH)):
            rows = slice(first, first + BATCH)
            step = epoch * -(-N_SAMPLES // BATCH) + number
            _, gradient = net.loss_and_gradient(
                X[rows], Y[rows], sample_weight=WEIGHTS[rows], dropout_step=step,
                batch_statistics=True, **options,
            )  # fmt: skip
            rule.step(net, gradient, rate(step))


def train(net: em.Network, rule: Optimizer, epochs: int, **options: Any) -> None:
    em.train(
        net, X, Y, optimizer=rule, learning_rate=rate, schedule_unit="step", batch_size=BATCH,
        epochs=epochs, shuffle=False, sample_weight=WEIGHTS, **options,
    )  # fmt: skip


def everything(net: em.Network, rule: Optimizer) -> tuple[Any, ...]:
    state = rule.state_dict(net)
    return (
        net.get_flat_parameters().tobytes(),
        state["clock"],
        *[moments.tobytes() for moments in state["moments"]],
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_they_are_those_of_training_to_the_bit(rule: Optimizer, dtype: str) -> None:
    trained, stepped = network(dtype), network(dtype)
    train(trained, rule, EPOCHS)
    walk(stepped, rule, range(EPOCHS))
    assert everything(stepped, rule) == everything(trained, rule)
    assert rule.state_dict(stepped)["clock"] == EPOCHS * 5


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("rule", [SGD(), Adam(epsilon=1e-3)], ids=repr)
def test_a_penalty_is_part_of_the_gradient(rule: Optimizer, biases: bool) -> None:
    trained, stepped = network("float64"), network("float64")
    train(trained, rule, EPOCHS, l2=0.1, l2_biases=biases)
    walk(stepped, rule, range(EPOCHS), l2=0.1, l2_biases=biases)
    np.testing.assert_allclose(
        stepped.get_flat_parameters(), trained.get_flat_parameters(), rtol=1e-11, atol=1e-12
    )


def test_they_go_on_from_training_and_training_from_them() -> None:
    rule, mixed, stepped = Adam(), network(), network()
    walk(mixed, rule, range(1))
    em.train(
        mixed, X, Y, optimizer=rule, learning_rate=lambda step: rate(5 + step), batch_size=BATCH,
        schedule_unit="step", epochs=1, shuffle=False, sample_weight=WEIGHTS,
    )  # fmt: skip
    walk(mixed, rule, range(2, 3))
    walk(stepped, rule, range(3))
    assert everything(mixed, rule) == everything(stepped, rule)


def test_a_gradient_alone_leaves_the_running_statistics() -> None:
    net, rule = network(), Adam()
    walk(net, rule, range(1))
    before = net.get_flat_parameters()
    _, gradient = net.loss_and_gradient(X, Y)
    gradient.flags.writeable = False
    copy = gradient.copy()
    rule.step(net, gradient, 0.1)
    np.testing.assert_array_equal(gradient, copy)
    after, n = net.get_flat_parameters(), net.n_parameters
    assert after[n:].tobytes() == before[n:].tobytes()
    assert (after[:n] != before[:n]).mean() > 0.9


def test_a_gradient_of_another_precision_is_converted() -> None:
    nets = network(), network()
    _, gradient = nets[0].loss_and_gradient(X, Y)
    SGD().step(nets[0], gradient, 0.1)
    SGD().step(nets[1], gradient.astype(float)[::-1].copy()[::-1], 0.1)
    assert nets[0].get_flat_parameters().tobytes() == nets[1].get_flat_parameters().tobytes()


def test_a_rate_of_0_keeps_all_but_the_memory() -> None:
    net, rule = network(), Adam()
    before = net.get_flat_parameters()
    rule.step(net, net.loss_and_gradient(X, Y)[1], 0)
    assert net.get_flat_parameters().tobytes() == before.tobytes()
    assert rule.state_dict(net)["clock"] == 1
    assert rule.state_dict(net)["moments"][0].any()


def gradient_of(net: em.Network) -> NDArray[Any]:
    return net.loss_and_gradient(X, Y, batch_statistics=True)[1]


def with_nan(net: em.Network) -> NDArray[Any]:
    gradient = gradient_of(net)
    gradient[7] = np.nan
    return gradient


def with_a_negative_variance(net: em.Network) -> NDArray[Any]:
    gradient = gradient_of(net)
    gradient[-1] = -1
    return gradient


@pytest.mark.parametrize(
    ("gradient", "learning_rate", "error", "message"),
    [
        (lambda net: gradient_of(net)[:-1], 0.1, ValueError, r"gradient has shape \(1117,\), but "),
        (lambda net: gradient_of(net).tolist(), 0.1, TypeError, "gradient is a list, not a NumPy"),
        (lambda net: gradient_of(net) * 1j, 0.1, TypeError, "gradient must hold real numbers, got"),
        (with_nan, 0.1, ValueError, "gradient holds NaN, infinity or a value beyond float32"),
        (with_a_negative_variance, 0.1, ValueError, "gradient holds a negative running variance"),
        (gradient_of, -0.1, ValueError, "learning_rate=-0.1 must be finite and >= 0"),
        (gradient_of, np.nan, ValueError, "learning_rate=nan must be finite and >= 0"),
        (gradient_of, "0.1", TypeError, "learning_rate='0.1' is not a number; pass a learning rat"),
    ],
)
def test_what_is_refused_changes_nothing(
    gradient: Any, learning_rate: Any, error: type[Exception], message: str
) -> None:
    net, rule = network(), Adam()
    walk(net, rule, range(1))
    before = everything(net, rule)
    with pytest.raises(error, match=message):
        rule.step(net, gradient(net), learning_rate)
    assert everything(net, rule) == before


def test_a_network_is_asked_for() -> None:
    with pytest.raises(TypeError, match=r"network='net' is not an eigenmlp\.Network"):
        Adam().step("net", np.zeros(3), 0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "gradient", "learning_rate"),
    # Of a parameter, and of Adam's squares alone, whose parameter would stand still from then on.
    [(SGD(), 1e30, 1e30), (Adam(), 1e30, 1e-3)],
    ids=repr,
)
def test_what_overflows_is_told(rule: Optimizer, gradient: float, learning_rate: float) -> None:
    net = em.Network([2, 2], rng=0)
    with pytest.raises(ArithmeticError, match=r"no longer finite after a step at learning rate"):
        rule.step(net, np.full(net.n_parameters, gradient), learning_rate)
