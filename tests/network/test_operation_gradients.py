"""Gradients of every operation against finite differences, where vectors begin and end."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.network.architecture import ACTIVATIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES = [1, 2, 3, 15, 16, 17, 31, 33, 65]
TOLERANCE = 1e-7
LOSSES = {
    "cross-entropy": em.losses.CrossEntropy(),
    "label smoothing": em.losses.CrossEntropy(label_smoothing=0.2),
    "binary cross-entropy": em.losses.BinaryCrossEntropy(),
    "squared error": em.losses.SquaredError(),
    "absolute error": em.losses.AbsoluteError(),
    "Huber": em.losses.Huber(delta=0.7),
    "Poisson": em.losses.Poisson(),
    "quantile": em.losses.Quantile(0.8),
}


class Problem(NamedTuple):
    """A network, samples, and what else its loss is a function of."""

    net: em.Network
    X: NDArray[np.float64]
    y: NDArray[Any]
    arguments: dict[str, Any]

    def loss_and_gradient(self, values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        self.net.set_flat_parameters(values)
        return self.net.loss_and_gradient(self.X, self.y, **self.arguments)


def problem(
    layer_sizes: list[int],
    n_samples: int,
    seed: list[int],
    *,
    loss: em.losses.Loss = LOSSES["cross-entropy"],
    weighted: bool = False,
    dropout: float = 0.0,
    l2_biases: bool = False,
    n_threads: int | None = None,
    **layers: Any,
) -> Problem:
    rng = np.random.default_rng(seed)
    net = em.Network(
        layer_sizes, output=loss.output, dropout=dropout, dtype="float64", rng=rng, **layers
    )
    # Nothing at its neutral value: no bias 0, no gain 1, no statistics of 0 and 1.
    net.set_flat_parameters(net.get_flat_parameters() + rng.uniform(0.05, 0.5, n_values(net)))
    X = rng.normal(size=(n_samples, layer_sizes[0]))
    y: NDArray[Any]
    if loss.output == "softmax":
        y = rng.integers(0, layer_sizes[-1], n_samples)
    elif loss.output == "logistic":
        y = rng.uniform(size=(n_samples, layer_sizes[-1])).round(1)
    elif loss.output == "identity":
        y = rng.normal(size=(n_samples, layer_sizes[-1]))
    else:
        y = rng.poisson(1.0, size=(n_samples, layer_sizes[-1]))
        X *= 0.1  # exp(z) of a wide layer grows fast
    arguments: dict[str, Any] = {
        "loss": loss, "l2": 0.01, "l2_biases": l2_biases, "n_threads": n_threads,
    }  # fmt: skip
    if weighted:
        # All weights but the first may be zero.
        weights = rng.uniform(0.1, 3, n_samples) * (rng.uniform(size=n_samples) > 0.2)
        weights[0] += 0.5
        arguments["sample_weight"] = weights
    if dropout:
        arguments["dropout_step"] = seed[-1]
    return Problem(net, X, y, arguments)


def n_values(net: em.Network) -> int:
    return len(net.get_flat_parameters())


def slopes(at: Problem, along: NDArray[np.float64], step: float) -> tuple[float, float]:
    """Central differences of the loss along a direction, over one step and over two."""
    values = at.net.get_flat_parameters()
    losses = [at.loss_and_gradient(values + steps * step * along)[0] for steps in (-2, -1, 1, 2)]
    at.net.set_flat_parameters(values)
    return (losses[2] - losses[1]) / (2 * step), (losses[3] - losses[0]) / (4 * step)


def check_direction(layer_sizes: list[int], n_samples: int, **options: Any) -> None:
    """Compare the derivative along a random direction through all parameters.

    Where both differences disagree the loss has a kink in between (a ReLU, an absolute error) or a
    sharp bend, and no derivative to compare with: then another problem is drawn.
    """
    for attempt in range(20):
        seed = [*layer_sizes, n_samples, attempt]
        at = problem(layer_sizes, n_samples, seed, **options)
        along = np.random.default_rng([*seed, 1]).normal(size=n_values(at.net))
        # Running statistics have no part in training's loss; moving them must change nothing.
        along /= np.linalg.norm(along)
        near, far = slopes(at, along, 1e-5)
        if near == pytest.approx(far, rel=TOLERANCE, abs=TOLERANCE):
            break
    else:
        pytest.fail(f"no problem without a kink for {layer_sizes}, {n_samples} samples")
    _, gradient = at.loss_and_gradient(at.net.get_flat_parameters())
    assert gradient.shape == (at.net.n_parameters,)
    analytic = float(gradient @ along[: len(gradient)])
    assert analytic == pytest.approx(near, rel=TOLERANCE, abs=TOLERANCE), (layer_sizes, n_samples)


def check_sizes(**options: Any) -> None:
    """Run through all pairs of units and samples; features and outputs take turns."""
    others = itertools.cycle(itertools.pairwise([*SIZES[4:], *SIZES[:4], *SIZES[2:6]]))
    for n_units, n_samples in itertools.product(SIZES, SIZES):
        n_features, n_outputs = next(others)
        check_direction([n_features, n_units, n_units, n_outputs], n_samples, **options)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation: str) -> None:
    check_sizes(activation=activation)


@pytest.mark.parametrize("n_outputs", SIZES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses(loss: str, n_outputs: int, weighted: bool) -> None:
    for n_samples in SIZES:
        options: dict[str, Any] = {"loss": LOSSES[loss], "weighted": weighted}
        check_direction([2, n_outputs], n_samples, **options)
        check_direction([17, 3, n_outputs], n_samples, activation="tanh", **options)


@pytest.mark.parametrize("l2_biases", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_normalizations(normalization: str, weighted: bool, l2_biases: bool) -> None:
    check_sizes(
        activation="tanh", normalization=normalization, weighted=weighted, l2_biases=l2_biases
    )


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("weighted", [False, True])
def test_dropout(activation: str, weighted: bool) -> None:
    check_sizes(activation=activation, dropout=0.4, weighted=weighted)


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_dropout_after_normalization(normalization: str) -> None:
    check_sizes(activation="silu", dropout=0.3, normalization=normalization, weighted=True)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_more_samples_than_the_core_takes_at_once(
    normalization: str | None, dropout: float, n_threads: int
) -> None:
    for n_samples in [127, 128, 129, 300]:
        check_direction(
            [5, 33, 17, 4], n_samples,
            activation="gelu", normalization=normalization, dropout=dropout, weighted=True,
            n_threads=n_threads,
        )  # fmt: skip


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if "relu" not in name])
@pytest.mark.parametrize("loss", ["label smoothing", "binary cross-entropy", "Huber", "Poisson"])
def test_every_single_parameter(loss: str, activation: str) -> None:
    """What a direction adds up, apart: also of layers that differ from each other."""
    at = problem(
        [4, 5, 3, 6, 2], 7, [5],
        loss=LOSSES[loss], weighted=True, dropout=0.2, l2_biases=True,
        activation=[activation, "tanh", activation], normalization=["batch", None, "layer"],
    )  # fmt: skip
    values = at.net.get_flat_parameters()
    _, gradient = at.loss_and_gradient(values)
    for index, along in enumerate(np.eye(len(values))):
        near, _ = slopes(at, along, 1e-5)
        expected = gradient[index] if index < len(gradient) else 0.0
        assert expected == pytest.approx(near, rel=1e-7, abs=1e-7), index


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_single_precision_follows_double(
    activation: str, normalization: str | None, dropout: float
) -> None:
    for n_units, n_samples in [(1, 33), (15, 9), (17, 65), (65, 17), (33, 300)]:
        double = problem(
            [7, n_units, n_units, 5], n_samples, [n_units, n_samples],
            activation=activation, normalization=normalization, dropout=dropout, weighted=True,
        )  # fmt: skip
        net = em.Network(
            double.net.layer_sizes,
            activation=activation, normalization=normalization, dropout=dropout,
            rng=np.random.default_rng([n_units, n_samples]),
        )  # fmt: skip
        assert net.dropout_seed == double.net.dropout_seed
        net.set_flat_parameters(double.net.get_flat_parameters())
        loss, gradient = net.loss_and_gradient(double.X, double.y, **double.arguments)
        expected_loss, expected = double.loss_and_gradient(double.net.get_flat_parameters())
        assert loss == pytest.approx(expected_loss, rel=1e-5)
        error = np.linalg.norm(gradient - expected) / np.linalg.norm(expected)
        assert error < 1e-4, (n_units, n_samples)
