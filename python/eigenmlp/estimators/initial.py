"""Initial parameters, drawn as scikit-learn draws them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import DTypeLike, NDArray

__all__ = ["glorot"]


def glorot(
    random_state: np.random.RandomState,
    layer_sizes: Sequence[int],
    activations: Sequence[str],
    dtype: DTypeLike,
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    r"""Draw weights and biases, uniform within :math:`\pm\sqrt{c / (n_{in} + n_{out})}`.

    c is 2 for a logistic layer and 6 for others (Glorot & Bengio, 2010); the output layer counts
    as one of the last hidden layer's kind, as in scikit-learn. A layer's weights are drawn before
    its biases, layer by layer, in float64.

    Returns
    -------
    weights : list of (fan_in, fan_out) arrays
    biases : list of (fan_out,) arrays
    """
    kinds = [*activations, activations[-1] if activations else ""]
    weights, biases = [], []
    for kind, (fan_in, fan_out) in zip(kinds, pairwise(layer_sizes), strict=True):
        bound = np.sqrt((2.0 if kind == "logistic" else 6.0) / (fan_in + fan_out))
        weights.append(random_state.uniform(-bound, bound, (fan_in, fan_out)).astype(dtype))
        biases.append(random_state.uniform(-bound, bound, fan_out).astype(dtype))
    return weights, biases
