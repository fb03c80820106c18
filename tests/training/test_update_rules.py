"""Training as a loop in NumPy over the network's own gradient: which step does what, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.training import TrainingSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_SAMPLES, BATCH, EPOCHS = 50, 16, 8
STEPS_AN_EPOCH = -(-N_SAMPLES // BATCH)


@dataclass
class Rule:
    """The update rules, as the documentation of `eigenmlp.optimizers` has them."""

    name: str
    momentum: float = 0.0
    nesterov: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    amsgrad: bool = False
    epsilon_hat: bool = False
    weight_decay: float = 0.0
    decay_biases: bool = False
    t: int = 0
    state: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def step(
        self,
        theta: NDArray[np.float64],
        g: NDArray[np.float64],
        eta: NDArray[np.float64],
        is_weight: Any,
    ) -> NDArray[np.float64]:
        if not self.state:
            self.state = {name: np.zeros_like(theta) for name in "vms"}
        self.t += 1
        s = self.state
        if self.name == "SGD":
            s["v"] = self.momentum * s["v"] - eta * g
            return theta + (self.momentum * s["v"] - eta * g if self.nesterov else s["v"])
        decays = self.weight_decay * (is_weight | self.decay_biases)
        theta = theta - eta * decays * theta
        s["m"] = self.beta1 * s["m"] + (1 - self.beta1) * g
        s["v"] = self.beta2 * s["v"] + (1 - self.beta2) * g * g
        s["s"] = np.maximum(s["s"], s["v"])
        v = s["s"] if self.amsgrad else s["v"]
        of_m, of_v = 1 - self.beta1**self.t, 1 - self.beta2**self.t
        if self.epsilon_hat:
            return theta - eta * math.sqrt(of_v) / of_m * s["m"] / (np.sqrt(v) + self.epsilon)
        return theta - eta * (s["m"] / of_m) / (np.sqrt(v / of_v) + self.epsilon)


RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "gradient descent": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "Nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "Adam": ("Adam", {}),
    "Adam with ε̂": ("Adam", {"epsilon_hat": True, "epsilon": 1e-3}),
    "Adam with a large ε": ("Adam", {"epsilon": 1e-3}),
    "AMSGrad": ("Adam", {"amsgrad": True, "beta2": 0.7}),
    "AMSGrad with ε̂": ("Adam", {"amsgrad": True, "beta2": 0.7, "epsilon_hat": True}),
    "AdamW": ("AdamW", {"weight_decay": 0.3}),
    "AdamW on biases": ("AdamW", {"weight_decay": 0.3, "decay_biases": True}),
    "AdamW with AMSGrad": ("AdamW", {"weight_decay": 0.3, "amsgrad": True, "beta2": 0.7}),
}


def rate(at: int) -> float:
    return 0.01 * (1 + (at % 3)) * 0.95**at


def trained_and_by_hand(
    rule: str,
    options: dict[str, Any],
    *,
    schedule_unit: str = "epoch",
    dtype: str = "float64",
    start_at: int = 0,
) -> tuple[em.Network, NDArray[np.float64]]:
    """Train; and repeat every step by hand on a copy, from gradients of the copy."""
    name, constants = RULES[rule]
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(N_SAMPLES, 3)), rng.integers(0, 4, N_SAMPLES)
    orders = [rng.permutation(N_SAMPLES) for _ in range(EPOCHS)]
    weights = rng.uniform(0.2, 3, N_SAMPLES)
    net, copy = (
        em.Network(
            [3, 17, 6, 4], activation=["gelu", "tanh"], dropout=[0.3, 0.1],
            normalization=["layer", None], dtype=dtype, rng=1,
        )
        for _ in range(2)
    )  # fmt: skip
    optimizer = getattr(em.optimizers, name)(**constants)
    if start_at:
        state = optimizer.state_dict(net)
        optimizer.load_state_dict(net, {**state, "clock": start_at})
    em.train(
        net, X, y, optimizer=optimizer, learning_rate=rate, schedule_unit=schedule_unit,  # type: ignore[arg-type]
        batch_size=BATCH, epochs=EPOCHS, shuffle=lambda epoch: orders[epoch],
        sample_weight=weights, **options,
    )  # fmt: skip

    is_weight = np.concatenate([
        np.repeat([True, False], [w.size, b.size + (0 if g is None else 2 * g.size)])
        for w, b, g in zip(copy.weights, copy.biases, [*copy.gains, None], strict=True)
    ])  # fmt: skip
    named = options.get("rate_factors", {})
    factors = np.concatenate([
        np.repeat(
            [named.get(layer, 1) * named.get(kind, 1) for kind in KINDS],
            [w.size, b.size, *([0, 0] if g is None else [g.size, g.size])],
        )
        for layer, (w, b, g) in enumerate(
            zip(copy.weights, copy.biases, [*copy.gains, None], strict=True)
        )
    ])  # fmt: skip
    reference = Rule(name, **constants, t=start_at)
    step = 0
    for epoch, order in enumerate(orders):
        for first in range(0, N_SAMPLES, BATCH):
            rows = order[first : first + BATCH]
            # Its dropout is that of the step, counted over all epochs.
            _, gradient = copy.loss_and_gradient(
                X[rows], y[rows], sample_weight=weights[rows], dropout_step=start_at + step
            )
            theta = copy.get_flat_parameters()
            l2 = options.get("l2", 0.0)
            if options.get("l2_divided"):
                l2 /= weights[rows].sum()
            gradient += l2 * theta * (is_weight | options.get("l2_biases", False))
            if "clip_value" in options:
                gradient = gradient.clip(-options["clip_value"], options["clip_value"])
            norm = np.linalg.norm(gradient)
            gradient *= min(1.0, options.get("clip_norm", math.inf) / norm)
            eta = rate(step if schedule_unit == "step" else epoch) * factors
            copy.set_flat_parameters(reference.step(theta, gradient, eta, is_weight))
            step += 1
    return net, copy.get_flat_parameters()


KINDS = ("weights", "biases", "gains", "shifts")
OPTIONS: list[dict[str, Any]] = [
    {},
    {"l2": 0.1},
    {"l2": 0.1, "l2_biases": True},
    {"l2": 1.0, "l2_divided": True},
    {"clip_norm": 0.3, "l2": 0.1},
    {"clip_value": 0.03, "l2": 0.1, "l2_biases": True},
    {"clip_value": 0.1, "clip_norm": 0.3},
    {"rate_factors": {"biases": 0.1, "shifts": 3.0}},
    {"rate_factors": {0: 0.3, 2: 2.0, "gains": 0.0, "weights": 0.5}, "l2": 0.1},
    {"rate_factors": {1: 0.0}, "clip_norm": 0.3, "l2": 0.1},
]


@pytest.mark.parametrize("schedule_unit", ["epoch", "step"])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: ", ".join(options) or "plain")
@pytest.mark.parametrize("rule", RULES)
def test_every_step(rule: str, options: dict[str, Any], schedule_unit: str) -> None:
    net, expected = trained_and_by_hand(rule, options, schedule_unit=schedule_unit)
    np.testing.assert_allclose(net.get_flat_parameters(), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("rule", RULES)
def test_every_step_in_single_precision(rule: str) -> None:
    net, expected = trained_and_by_hand(rule, {"l2": 0.1, "clip_norm": 0.3}, dtype="float32")
    np.testing.assert_allclose(net.get_flat_parameters(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("rule", RULES)
def test_a_clock_far_on(rule: str) -> None:
    """Of corrections that have vanished, and masks of steps beyond 32 bits."""
    net, expected = trained_and_by_hand(rule, {}, start_at=2**33)
    np.testing.assert_allclose(net.get_flat_parameters(), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_a_batch_of_several_chunks(normalization: str | None, n_threads: int) -> None:
    """It is one step, of one gradient and one mask a sample."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 3)), rng.integers(0, 4, 300)
    weights = rng.uniform(0.2, 3, 300)
    net = em.Network(
        [3, 17, 6, 4], dropout=0.4, normalization=normalization, dtype="float64", rng=1
    )
    theta = net.get_flat_parameters()[: net.n_parameters]
    _, gradient = net.loss_and_gradient(X, y, sample_weight=weights, dropout_step=0)
    em.train(
        net, X, y, optimizer=em.optimizers.SGD(), learning_rate=0.5, batch_size=None, epochs=1,
        sample_weight=weights, n_threads=n_threads,
    )  # fmt: skip
    moved = net.get_flat_parameters()[: net.n_parameters]
    np.testing.assert_allclose(moved, theta - 0.5 * gradient, rtol=1e-13, atol=1e-14)


def differences(options: dict[str, Any]) -> float:
    plain, _ = trained_and_by_hand("Adam", {})
    net, _ = trained_and_by_hand("Adam", options)
    return float(abs(net.get_flat_parameters() - plain.get_flat_parameters()).max())


@pytest.mark.parametrize("options", OPTIONS[1:], ids=lambda options: ", ".join(options) or "plain")
def test_the_options_matter(options: dict[str, Any]) -> None:
    """Far more than the tolerances above."""
    assert differences(options) > 1e-3


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("rule", RULES)
def test_a_group_moves_as_if_its_rate_were_that_of_all(rule: str, n_threads: int) -> None:
    """To the bit: every parameter takes the same instructions, wherever its group begins."""
    name, constants = RULES[rule]
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), rng.integers(0, 4, 200)

    def moved(**options: Any) -> list[dict[str, NDArray[Any]]]:
        net = em.Network([3, 17, 33, 4], normalization=["batch", None], rng=1)
        em.train(
            net, X, y, optimizer=getattr(em.optimizers, name)(**constants), epochs=1, l2=0.1,
            batch_size=None, n_threads=n_threads, **options,
        )  # fmt: skip
        return net.split(net.get_flat_parameters())

    rate_factors = {"biases": 0.25, 1: 2.0, "shifts": 0.0}
    found = moved(learning_rate=0.1, rate_factors=rate_factors)
    for layer, arrays in enumerate(found):
        for kind, array in arrays.items():
            group = {"bias": "biases"}.get(kind, f"{kind}s")
            factor = rate_factors.get(layer, 1.0) * rate_factors.get(group, 1.0)
            alone = moved(learning_rate=0.1 * factor)[layer][kind]
            assert np.array_equal(array, alone), (layer, kind)


@pytest.mark.parametrize("none", [{}, {"biases": 1}, {0: 1.0, "gains": 1.0, "2": 1}])
def test_factors_of_1_cost_nothing(none: dict[Any, float]) -> None:
    settings = TrainingSettings(rate_factors=none)
    assert settings == TrainingSettings()
    net, _ = trained_and_by_hand("Adam", {"rate_factors": none})
    plain, _ = trained_and_by_hand("Adam", {})
    assert np.array_equal(net.get_flat_parameters(), plain.get_flat_parameters())


def test_what_clipping_leaves_alone() -> None:
    """A bound that no gradient reaches changes no more than roundings."""
    assert differences({"clip_norm": 1e6, "clip_value": 1e6}) < 1e-12
