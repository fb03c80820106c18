"""Gradients against finite differences of the loss, over the sizes where vectors begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import eigenmlp as em
import reference_mlp

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES = [1, 2, 3, 15, 16, 17, 31, 33, 63, 65]
STEP = 1e-6
TOLERANCE = 1e-7


def problem(
    sizes: list[int], n_samples: int, seed: int | list[int]
) -> tuple[em.Network, NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    net = em.Network(sizes, dtype="float64", init="torch_linear", rng=rng)
    return net, rng.normal(size=(n_samples, sizes[0])), rng.integers(0, sizes[-1], n_samples)


def by_kind(
    net: em.Network, X: NDArray[np.float64], y: NDArray[np.int64], l2: float, l2_biases: bool
) -> tuple[float, list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """The loss, and its gradients by the weights and by the biases of each layer."""
    loss, gradient = net.loss_and_gradient(X, y, l2, l2_biases)
    layers = net.split(gradient)
    return loss, [layer["weight"] for layer in layers], [layer["bias"] for layer in layers]


def keeps_its_side(
    net: em.Network,
    X: NDArray[np.float64],
    dw: list[NDArray[np.float64]],
    db: list[NDArray[np.float64]],
) -> bool:
    """Whether no ReLU changes side within two steps: there the loss has no derivative."""
    sides = []
    for step in (-2 * STEP, 2 * STEP):
        weights = [w + step * d for w, d in zip(net.weights, dw, strict=True)]
        biases = [b + step * d for b, d in zip(net.biases, db, strict=True)]
        _, inputs = reference_mlp.probabilities(X, weights, biases)
        sides.append([a > 0 for a in inputs[1:]])
    return all(np.array_equal(low, high) for low, high in zip(*sides, strict=True))


def check_direction(sizes: list[int], n_samples: int, *, l2: float, l2_biases: bool) -> None:
    """Compare the derivative along a random direction through all parameters."""
    for attempt in range(20):
        seed = [*sizes, n_samples, attempt]
        net, X, y = problem(sizes, n_samples, seed)
        weights, biases = net.weights, net.biases
        rng = np.random.default_rng([*seed, 1])
        along_w = [rng.normal(size=w.shape) for w in weights]
        along_b = [rng.normal(size=b.shape) for b in biases]
        if keeps_its_side(net, X, along_w, along_b):
            break
    else:
        pytest.fail(f"no problem without a kink for {sizes}, {n_samples} samples")
    _, dw, db = by_kind(net, X, y, l2, l2_biases)
    losses = []
    for step in (-STEP, STEP):
        net.set_parameters(
            [w + step * d for w, d in zip(weights, along_w, strict=True)],
            [b + step * d for b, d in zip(biases, along_b, strict=True)],
        )
        losses.append(net.loss_and_gradient(X, y, l2, l2_biases)[0])
    numeric = (losses[1] - losses[0]) / (2 * STEP)
    pairs = zip([*dw, *db], [*along_w, *along_b], strict=True)
    analytic = sum(float((g * d).sum()) for g, d in pairs)
    assert analytic == pytest.approx(numeric, rel=TOLERANCE, abs=TOLERANCE), (sizes, n_samples)


@pytest.mark.parametrize("n_classes", SIZES)
@pytest.mark.parametrize("n_features", SIZES)
def test_without_hidden_layer(n_features: int, n_classes: int) -> None:
    for n_samples in SIZES:
        check_direction([n_features, n_classes], n_samples, l2=0.1, l2_biases=True)


@pytest.mark.parametrize("n_classes", SIZES)
@pytest.mark.parametrize("n_units", SIZES)
def test_with_a_hidden_layer(n_units: int, n_classes: int) -> None:
    # Samples run through all sizes as features do, in another order.
    for n_features, n_samples in zip(SIZES, SIZES[3:] + SIZES[:3], strict=True):
        check_direction([n_features, n_units, n_classes], n_samples, l2=0.01, l2_biases=False)


@pytest.mark.parametrize("n_samples", SIZES)
@pytest.mark.parametrize("n_units", SIZES)
def test_with_three_hidden_layers(n_units: int, n_samples: int) -> None:
    check_direction([3, n_units, 17, n_units, 2], n_samples, l2=0.0, l2_biases=False)


def test_every_single_parameter() -> None:
    net, X, y = problem([4, 5, 3, 2], 7, seed=5)
    _, dw, db = by_kind(net, X, y, 0.05, True)
    weights, biases = net.weights, net.biases
    for gradients, arrays in ((dw, weights), (db, biases)):
        for gradient, array in zip(gradients, arrays, strict=True):
            for index in np.ndindex(array.shape):
                losses = []
                for step in (-STEP, STEP):
                    array[index] += step
                    net.set_parameters(weights, biases)
                    losses.append(net.loss_and_gradient(X, y, 0.05, True)[0])
                    array[index] -= step
                numeric = (losses[1] - losses[0]) / (2 * STEP)
                assert gradient[index] == pytest.approx(numeric, rel=TOLERANCE, abs=TOLERANCE)


@pytest.mark.parametrize(("l2", "l2_biases"), [(0.0, False), (0.3, False), (0.3, True)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loss_and_gradient_follow_the_reference(dtype: str, l2: float, l2_biases: bool) -> None:
    net, X, y = problem([33, 17, 15, 5], 63, seed=3)
    single = em.Network(net.layer_sizes, dtype=dtype, rng=0)
    single.set_parameters(net.weights, net.biases)
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    loss, penalty, dw, db = reference_mlp.loss_and_gradients(
        X, y, net.weights, net.biases, l2=l2, l2_biases=l2_biases
    )
    actual, actual_dw, actual_db = by_kind(single, X, y, l2, l2_biases)
    assert actual == pytest.approx(loss + penalty, rel=tolerance)
    for g, expected in zip([*actual_dw, *actual_db], [*dw, *db], strict=True):
        assert g.dtype == dtype
        assert g.shape == expected.shape
        np.testing.assert_allclose(g, expected, rtol=tolerance, atol=tolerance)
