"""Initial weights and biases of a dense layer."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from eigenmlp.common.words import shown

__all__ = ["INITIALIZERS", "LAST_INITIALIZERS", "Initializer", "initializers"]

Parameters = tuple[NDArray[np.float64], NDArray[np.float64]]
Initializer = Callable[[int, int, np.random.Generator], Parameters]


def he_normal(fan_in: int, fan_out: int, rng: np.random.Generator) -> Parameters:
    """Weights normal with variance 2 / fan_in, biases zero (He et al., 2015)."""
    return rng.normal(0.0, math.sqrt(2 / fan_in), (fan_in, fan_out)), np.zeros(fan_out)


def he_uniform(fan_in: int, fan_out: int, rng: np.random.Generator) -> Parameters:
    """Weights uniform within ±√(6 / fan_in), biases zero (He et al., 2015)."""
    bound = math.sqrt(6 / fan_in)
    return rng.uniform(-bound, bound, (fan_in, fan_out)), np.zeros(fan_out)


def lecun_normal(fan_in: int, fan_out: int, rng: np.random.Generator) -> Parameters:
    """Weights normal with variance 1 / fan_in, biases zero (LeCun et al., 1998), as for SELU."""
    return rng.normal(0.0, math.sqrt(1 / fan_in), (fan_in, fan_out)), np.zeros(fan_out)


def zeros(fan_in: int, fan_out: int, _rng: np.random.Generator) -> Parameters:
    """All zero: for a last layer, whose outputs then begin alike for all samples."""
    return np.zeros((fan_in, fan_out)), np.zeros(fan_out)


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
    "lecun_normal": lecun_normal,
}
# Hidden layers that begin at zero never learn.
LAST_INITIALIZERS = {**INITIALIZERS, "zeros": zeros}


def initializers(init: object, n_layers: int) -> list[Initializer]:
    """Return the initializer of each layer, from one name for all or a list of names.

    Raises
    ------
    TypeError, ValueError
        If a name is unknown, or the list is not one of a name for each layer.
    """
    names = [init] * n_layers if isinstance(init, str) else init
    if not isinstance(names, (list, tuple)):
        raise TypeError(f"init={shown(init)} is neither a name nor a list of them")
    if len(names) != n_layers:
        raise ValueError(
            f"init={shown(init)} has {len(names)} names for {n_layers} layers of weights; pass one "
            "for each, the output's included, or a single name for all"
        )
    for place, name in enumerate(names, start=1):
        known = LAST_INITIALIZERS if place == n_layers and names is init else INITIALIZERS
        if not isinstance(name, str) or name not in known:
            also = '; "zeros" is for the last layer of a list' if name == "zeros" else ""
            raise ValueError(f"init={shown(init)} is unknown; use one of {', '.join(known)}{also}")
    return [LAST_INITIALIZERS[name] for name in names]
