"""A grid of networks that every format must hold."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.network import Network
from eigenmlp.network.architecture import ACTIVATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["ACTIVATIONS", "GRID", "made", "samples"]

DTYPES = ["float32", "float64"]
OUTPUTS = ["softmax", "logistic", "identity", "exponential"]
HIDDEN: list[list[int]] = [[], [1], [7], [16, 5], [9, 8, 7, 6]]
N_OUTPUTS = [1, 2, 3, 200]


def grid() -> Iterator[dict[str, Any]]:
    """Each activation, normalization, depth, output, dtype and number of outputs, mixed."""
    combinations = itertools.product(ACTIVATIONS, [None, "batch", "layer"], HIDDEN, DTYPES)
    for i, (activation, normalization, hidden, dtype) in enumerate(combinations):
        others = [ACTIVATIONS[(i + layer) % len(ACTIVATIONS)] for layer in range(len(hidden))]
        yield {
            "layer_sizes": [1 + i % 23, *hidden, N_OUTPUTS[(i // 2) % 4]],
            "activation": [activation, *others][: len(hidden)],
            "normalization": [normalization, None, normalization, "layer"][: len(hidden)],
            "output": OUTPUTS[(i // 3) % 4],
            "dropout": 0.1 * (i % 3),
            "input_scale": [1.0, 1 / 255, -2.5][i % 3],
            "dtype": dtype,
        }


GRID = list(grid())


def made(arguments: dict[str, Any], seed: int) -> Network:
    """Make a network whose every number is drawn, running statistics included."""
    net = Network(**arguments, rng=seed)
    rng = np.random.default_rng(seed)
    flat = net.get_flat_parameters()
    for views in net.split(flat):
        for name, view in views.items():
            if name != "weight":
                view[...] = rng.normal(0, 0.5, view.shape)
            if name in {"gain", "running_variance"}:
                view[...] = rng.uniform(0.5, 1.5, view.shape)
    if net.output == "exponential":
        # The exponential multiplies rounding by its argument: of 1 or so, not of a dozen.
        net.split(flat)[-1]["weight"][...] /= 4
    net.set_flat_parameters(flat)
    return net


def samples(net: Network, n: int, seed: int = 0) -> NDArray[Any]:
    """Draw n samples that come to numbers around 1 when they are scaled."""
    X = np.random.default_rng(seed).normal(size=(n, net.layer_sizes[0])) / abs(net.input_scale)
    return X.astype(net.dtype)
