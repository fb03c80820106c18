"""Which arrays a layer has, and where they lie in the one flat array of a network's numbers."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from numpy.typing import NDArray

from eigenmlp._native import _core
from eigenmlp.network.architecture import Architecture

__all__ = ["by_whole_name", "shapes_of", "split"]

T = TypeVar("T")

# The core's word for the place where each array begins.
_PLACES = {
    "weight": "weights",
    "bias": "biases",
    "gain": "gains",
    "shift": "shifts",
    "running_mean": "means",
    "running_variance": "variances",
}


def shapes_of(architecture: Architecture) -> list[dict[str, tuple[int, ...]]]:
    """Return the shapes of each layer's arrays, by their names."""
    layers = []
    kinds = [*architecture.normalizations, None]
    for (fan_in, fan_out), kind in zip(pairwise(architecture.layer_sizes), kinds, strict=True):
        names = ["bias"]
        names += ["gain", "shift"] if kind else []
        names += ["running_mean", "running_variance"] if kind == "batch" else []
        layers.append({"weight": (fan_in, fan_out), **dict.fromkeys(names, (fan_out,))})
    return layers


def split(
    flat: NDArray[Any], architecture: Architecture, places: Sequence[_core.Layer]
) -> list[dict[str, NDArray[Any]]]:
    """Return views of each layer's arrays, of running statistics only where `flat` has them."""
    layers = []
    for place, shapes in zip(places, shapes_of(architecture), strict=True):
        views = {}
        for name, shape in shapes.items():
            start = getattr(place, _PLACES[name])
            if start < len(flat):
                # The core keeps weights fan_out × fan_in.
                views[name] = flat[start : start + math.prod(shape)].reshape(shape[::-1]).T
        layers.append(views)
    return layers


def by_whole_name(layers: Sequence[Mapping[str, T]]) -> dict[str, T]:
    """Return what each layer has under the names that files have for it.

    Examples
    --------
    >>> from eigenmlp.network.layout import by_whole_name
    >>> by_whole_name([{"weight": (2, 3), "bias": (3,)}])
    {'layers.0.weight': (2, 3), 'layers.0.bias': (3,)}
    """
    return {
        f"layers.{layer}.{name}": value
        for layer, named in enumerate(layers)
        for name, value in named.items()
    }
