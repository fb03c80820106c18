"""The problem that PyTorch was recorded on: data, initial parameters and settings."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAYER_SIZES = [11, 17, 7, 5]
N_SAMPLES = 60
BATCH_SIZE = 12
N_STEPS = 200


class Setting(NamedTuple):
    kind: str
    learning_rate: float
    weight_decay: float


SETTINGS = {
    "sgd": Setting("sgd", 0.1, 0.0),
    "sgd_decay": Setting("sgd", 0.1, 0.01),
    "adam": Setting("adam", 0.003, 0.0),
    "adam_decay": Setting("adam", 0.003, 0.01),
}


def waves(shape: tuple[int, ...], phase: float) -> NDArray[np.float64]:
    # Irregular, and the same on every machine and version: no random generator involved.
    index = np.arange(np.prod(shape), dtype=np.float64)
    waves: NDArray[np.float64] = np.sin(index * index * 0.7 + phase)
    return waves.round(6).reshape(shape)


def samples() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    X = waves((N_SAMPLES, LAYER_SIZES[0]), 1.0)
    return X, np.arange(N_SAMPLES) * 7 % 13 % LAYER_SIZES[-1]


def initial_parameters() -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    sizes = list(itertools.pairwise(LAYER_SIZES))
    weights = [waves(shape, layer) * (2 / shape[0]) ** 0.5 for layer, shape in enumerate(sizes)]
    return weights, [0.1 * waves((fan_out,), 10.0 + fan_out) for _, fan_out in sizes]
