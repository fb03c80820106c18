"""Values of activations where formulas cancel, overflow or underflow, against the C library's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Z = np.concatenate([
    [0.0],
    # Through all magnitudes: from where functions are linear to where they have saturated.
    np.geomspace(1e-30, 80, 3001),
    np.linspace(0.5, 0.75, 301),  # where tanh changes its formula
    np.linspace(0, 20, 2001),
])  # fmt: skip
Z = np.concatenate([Z, -Z])


def logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


# λ and α: by them a normal distribution keeps its mean of 0 and its variance of 1.
SELU = 1.0507009873554805, 1.6732632423543772
EXACT: dict[str, Callable[[float], float]] = {
    "identity": lambda z: z,
    "logistic": logistic,
    "tanh": math.tanh,
    "relu": lambda z: max(z, 0.0),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "elu": lambda z: z if z > 0 else math.expm1(z),
    "silu": lambda z: z * logistic(z),
    "gelu": lambda z: z * math.erfc(-z / math.sqrt(2)) / 2,
    "mish": lambda z: z * math.tanh(math.log1p(math.exp(z))),
    "selu": lambda z: SELU[0] * (z if z > 0 else SELU[1] * math.expm1(z)),
}
SLOPES: dict[str, Callable[[float], float]] = {
    "identity": lambda z: z**0,
    "logistic": lambda z: logistic(z) * logistic(-z),
    "tanh": lambda z: math.cosh(z) ** -2,
    "relu": lambda z: float(z > 0),
    "leaky_relu": lambda z: 1.0 if z > 0 else 0.01,
    "elu": lambda z: 1.0 if z > 0 else math.exp(z),
    "silu": lambda z: logistic(z) * (1 + z * logistic(-z)),
    "gelu": lambda z: (
        math.erfc(-z / math.sqrt(2)) / 2 + z * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    ),
    "mish": lambda z: (
        math.tanh(math.log1p(math.exp(z)))
        + z * logistic(z) / math.cosh(math.log1p(math.exp(min(z, 300)))) ** 2
    ),
    "selu": lambda z: SELU[0] * (1.0 if z > 0 else SELU[1] * math.exp(z)),
}


def epsilon(dtype: str) -> float:
    return float(np.finfo(dtype).eps)


def network(activation: str, dtype: str) -> em.Network:
    """Return a network whose output is the activation of its input."""
    net = em.Network([1, 1, 1], activation=activation, output="identity", dtype=dtype)
    net.set_parameters([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    return net


def activated(activation: str, z: NDArray[Any]) -> NDArray[Any]:
    values: NDArray[Any] = network(activation, z.dtype.name).predict_outputs(z[:, None])[:, 0]
    return values


def exact(functions: dict[str, Callable[[float], float]], name: str, z: NDArray[Any]) -> Any:
    return np.array([functions[name](float(value)) for value in z])


@pytest.mark.parametrize("activation", EXACT)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values(activation: str, dtype: str) -> None:
    z = Z.astype(dtype)
    actual, expected = activated(activation, z), exact(EXACT, activation, z)
    tolerance = np.full(len(z), 3 * epsilon(dtype))
    if activation == "gelu":
        # A half-ulp of z²/2 is a relative error of exp(-z²/2).
        tolerance = (10 + z**2) * epsilon(dtype)
    if activation == "mish":
        # An exponential, and a quotient that follows from it.
        tolerance *= 2
    # Subnormal numbers count as zero, also the logistic or Φ(z) that z is multiplied by.
    error = abs(actual - expected) - (1 + abs(z)) * np.finfo(dtype).tiny
    worst = np.argmax(error - tolerance * abs(expected))
    assert error[worst] <= tolerance[worst] * abs(expected[worst]), (z[worst], actual[worst])


@pytest.mark.parametrize("activation", EXACT)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_slopes(activation: str, dtype: str) -> None:
    """By the absolute error: they multiply what comes from above."""
    net = network(activation, dtype)
    z = Z.astype(dtype)[::7]
    expected = exact(SLOPES, activation, z)
    for value, slope in zip(z, expected, strict=True):
        # Above the target the absolute error's slope is 1, and the hidden bias's gradient da/dz.
        _, gradient = net.loss_and_gradient([[value]], [-1e30], loss="absolute_error")
        da = net.split(gradient)[0]["bias"]
        tolerance = (8 + abs(float(value))) * epsilon(dtype)
        assert da[0] == pytest.approx(slope, abs=tolerance), value


@pytest.mark.parametrize("activation", EXACT)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extremes(activation: str, dtype: str) -> None:
    """Neither huge nor tiny values overflow, turn into NaN or lose their sign."""
    tiny = 8 * np.finfo(dtype).tiny
    most = float(np.finfo(dtype).max) / 2  # SELU's slope is above 1
    z = np.array([most, 1e30, 1e10, 1e4, tiny, 0], dtype=dtype)
    above, below = activated(activation, z), activated(activation, -z)
    expected: dict[str, tuple[Any, Any]] = {
        "identity": (z, -z),
        "logistic": ([1, 1, 1, 1, 0.5, 0.5], [0, 0, 0, 0, 0.5, 0.5]),
        "tanh": ([1, 1, 1, 1, tiny, 0], [-1, -1, -1, -1, -tiny, 0]),
        "relu": (z, 0 * z),
        "leaky_relu": (z, [*(-z[:4] * z.dtype.type(0.01)), 0, 0]),
        "elu": (z, [-1, -1, -1, -1, -tiny, 0]),
        "silu": ([*z[:4], tiny / 2, 0], [0, 0, 0, 0, -tiny / 2, 0]),
        "gelu": ([*z[:4], tiny / 2, 0], [0, 0, 0, 0, -tiny / 2, 0]),
        "mish": ([*z[:4], 0.6 * tiny, 0], [0, 0, 0, 0, -0.6 * tiny, 0]),
        "selu": (
            SELU[0] * z.astype(float),
            SELU[0] * SELU[1] * np.array([-1, -1, -1, -1, -tiny, 0]),
        ),
    }
    for actual, wanted in zip((above, below), expected[activation], strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=4 * epsilon(dtype), atol=0)
    _, gradient = network(activation, dtype).loss_and_gradient(
        np.array([[1e4], [-1e4], [0]]), [1.0, 2.0, 3.0]
    )
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", ["softmax", "logistic", "exponential"])
def test_outputs(output: str, dtype: str) -> None:
    """Of one output: logistic and exponential to the last places, over all of their range."""
    z = Z.astype(dtype)
    net = em.Network([1, 2 if output == "softmax" else 1], output=output, dtype=dtype)
    if output == "softmax":
        net.set_parameters([[[0, 1]]], [[0, 0]])  # the second one's probability is logistic(z)
    else:
        net.set_parameters([[[1]]], [[0]])
    actual = net.predict_outputs(z[:, None])[:, -1]
    expected = [math.exp(value) if output == "exponential" else logistic(value) for value in z]
    np.testing.assert_allclose(
        actual, expected, rtol=6 * epsilon(dtype), atol=float(np.finfo(dtype).tiny)
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_at_extremes(dtype: str) -> None:
    """Confident and wrong, or confident and right: finite, and right to the last places."""
    eps, tiny = epsilon(dtype), float(np.finfo(dtype).tiny)
    for z in (-5000.0, -30.0, -1e-3, 0.0, 1e-3, 30.0, 5000.0):
        wanted = max(z, 0.0) + math.log1p(math.exp(-abs(z)))
        binary = em.Network([1, 1], output="logistic", dtype=dtype)
        binary.set_parameters([[[1]]], [[0]])
        loss, gradient = binary.loss_and_gradient([[z]], [0])
        assert loss == pytest.approx(wanted, rel=4 * eps, abs=4 * eps)
        assert gradient[1] == pytest.approx(logistic(z), rel=4 * eps, abs=tiny)
        two = em.Network([1, 2], dtype=dtype)
        two.set_parameters([[[0, 1]]], [[0, 0]])
        loss, gradient = two.loss_and_gradient([[z]], [0])
        assert loss == pytest.approx(wanted, rel=4 * eps, abs=4 * eps)
        assert gradient[3] == pytest.approx(logistic(z), rel=4 * eps, abs=tiny)


def test_poisson_at_its_edges() -> None:
    net = em.Network([1, 1], output="exponential", dtype="float64")
    net.set_parameters([[[1]]], [[0]])
    # A count of 0 costs μ, and one that is the mean nothing.
    assert net.evaluate([[1.0]], [0.0]).loss == pytest.approx(math.e, rel=1e-15)
    assert net.evaluate([[math.log(7)]], [7.0]).loss == pytest.approx(0, abs=1e-14)
    assert net.evaluate([[-700.0]], [2.0]).loss == pytest.approx(2 * math.log(2) + 1400 - 2)
