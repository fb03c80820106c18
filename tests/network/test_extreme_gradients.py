"""Gradients whose squares, or whose norm, no number of their type holds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import eigenmlp as em

# Of one sample, whose residual is 1 as long as the parameters are 0: the gradient's parts are these
# features, and 1 for the bias.
PARTS = np.array([3.0, -4.0, 0.5, 1.7])


def step(size: float, dtype: str, clip_norm: float | None, **options: Any) -> Any:
    """Return the parameters, 0 before, after one step down a gradient of this size."""
    net = em.Network([4, 1], output="identity", dtype=dtype, rng=0)
    net.set_flat_parameters(np.zeros(net.n_parameters, dtype))
    settings: dict[str, Any] = {
        "optimizer": em.optimizers.SGD(),
        "learning_rate": 1.0,
        "n_threads": 1,
    }
    em.train(
        net, (size * PARTS[None]).astype(dtype), np.full((1, 1), -1.0, dtype), clip_norm=clip_norm,
        epochs=1, rng=0, **(settings | options),
    )  # fmt: skip
    return net.get_flat_parameters().astype(np.longdouble)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("dtype", "size", "clip_norm"),
    [
        ("float64", 1e150, 1.0),
        ("float64", 1e160, 1.0),  # the squares overflow
        ("float64", 1e300, 1e-3),
        ("float64", 1e300, 1e-20),  # the factor vanishes
        ("float64", 4e307, 2.0),  # the norm overflows
        ("float64", 4e307, 1e307),
        ("float32", 1e18, 1.0),
        ("float32", 1e30, 1.0),
        ("float32", 1e37, 1.0),
        ("float32", 1e37, 1e-3),  # the factor vanishes
        ("float32", 8e37, 1e30),
    ],
)
def test_a_large_gradient_is_bounded(
    dtype: str, size: float, clip_norm: float, n_threads: int
) -> None:
    g = np.append((size * PARTS).astype(dtype), 1).astype(np.longdouble)
    unit = g / np.sqrt((g**2).sum())
    found = step(size, dtype, clip_norm, n_threads=n_threads)
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    assert np.abs(found + clip_norm * unit).max() <= tolerance * clip_norm


@pytest.mark.parametrize("l2", [0.0, 0.5])
def test_a_small_bound_of_a_small_gradient(l2: float) -> None:
    """Squares that vanish are no reason to let a gradient pass."""
    net = em.Network([4, 1], output="identity", dtype="float64", rng=0)
    net.set_flat_parameters(np.zeros(5))
    X, y = 1e-10 * PARTS[None], np.full((1, 1), -1e-180)
    g = 1e-180 * np.append(1e-10 * PARTS, 1)
    em.train(
        net, X, y, optimizer=em.optimizers.SGD(), learning_rate=1.0, clip_norm=1e-200, epochs=1,
        l2=l2,
    )  # fmt: skip
    np.testing.assert_allclose(
        net.get_flat_parameters(), -1e-200 * (g / math.hypot(*g)), rtol=1e-14
    )


def test_what_is_below_the_bound_passes() -> None:
    assert np.array_equal(step(1e300, "float64", 1e302), -np.append(1e300 * PARTS, 1))
    assert np.array_equal(step(1e-300, "float64", 1e-300)[4:], [-1e-300])


@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e38), ("float64", 1e308)])
def test_an_infinite_gradient_is_divergence(
    dtype: str, size: float, clip_norm: float | None
) -> None:
    net = em.Network([4, 1], output="identity", dtype=dtype, rng=0)
    net.set_flat_parameters(np.zeros(5, dtype))
    X = (size * np.array([[1.0, 0, 0, 0]])).astype(dtype)
    optimizer = em.optimizers.SGD()
    with pytest.raises(em.TrainingDivergedError, match="no longer finite"):
        em.train(
            net, X, np.full((1, 1), -1e3, dtype), optimizer=optimizer, learning_rate=1e-3,
            clip_norm=clip_norm, epochs=1,
        )  # fmt: skip
    assert not net.get_flat_parameters().any()


RULES: dict[str, Any] = {
    "Adam": em.optimizers.Adam(),
    "AMSGrad": em.optimizers.Adam(amsgrad=True),
    "ε̂": em.optimizers.Adam(epsilon_hat=True),
    "AdamW": em.optimizers.AdamW(),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e25), ("float64", 1e160)])
def test_adams_squares_that_overflow_are_divergence(dtype: str, size: float, rule: str) -> None:
    """A parameter that would never move again, and tell nothing."""
    with pytest.raises(em.TrainingDivergedError, match="square"):
        step(size, dtype, None, optimizer=RULES[rule])
    moved = step(size, dtype, 1.0, optimizer=RULES[rule], learning_rate=0.01)
    np.testing.assert_allclose(moved[:4], -0.01 * np.sign(PARTS), rtol=1e-5)
