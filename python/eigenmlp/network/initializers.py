"""Initial weights and biases of a dense layer."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["INITIALIZERS", "Initializer"]

Parameters = tuple[NDArray[np.float64], NDArray[np.float64]]
Initializer = Callable[[int, int, np.random.Generator], Parameters]


def he_normal(fan_in: int, fan_out: int, rng: np.random.Generator) -> Parameters:
    """Weights normal with variance 2 / fan_in, biases zero (He et al., 2015)."""
    return rng.normal(0.0, math.sqrt(2 / fan_in), (fan_in, fan_out)), np.zeros(fan_out)


def he_uniform(fan_in: int, fan_out: int, rng: np.random.Generator) -> Parameters:
    """Weights uniform within ±√(6 / fan_in), biases zero (He et al., 2015)."""
    bound = math.sqrt(6 / fan_in)
    return rng.uniform(-bound, bound, (fan_in, fan_out)), np.zeros(fan_out)


def glorot_uniform(fan_in: int, fan_out: int, rng: np.random.Generator) -> Parameters:
    """Weights uniform within ±√(6 / (fan_in + fan_out)), biases zero (Glorot & Bengio, 2010)."""
    bound = math.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, (fan_in, fan_out)), np.zeros(fan_out)


def torch_linear(fan_in: int, fan_out: int, rng: np.random.Generator) -> Parameters:
    """Weights and biases uniform within ±1 / √fan_in, as PyTorch's ``nn.Linear``."""
    bound = 1 / math.sqrt(fan_in)
    return rng.uniform(-bound, bound, (fan_in, fan_out)), rng.uniform(-bound, bound, fan_out)


INITIALIZERS: dict[str, Initializer] = {
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "glorot_uniform": glorot_uniform,
    "torch_linear": torch_linear,
}
