"""Checks of what makes a network and a training run."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from eigenmlp.common.arguments import real_number, whole_number
from eigenmlp.common.words import shown

__all__ = [
    "checked_dtype",
    "checked_l2",
    "checked_scale",
    "checked_sizes",
    "fill",
    "read_once",
]


def fill(target: NDArray[Any], values: ArrayLike, name: str) -> None:
    """Copy finite values of the same shape into an array."""
    array = np.asarray(values)
    if array.shape != target.shape:
        raise ValueError(f"{name} has shape {array.shape}, but {target.shape} is needed")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    with np.errstate(over="ignore"):
        target[...] = array
    if not np.isfinite(target).all():
        raise ValueError(
            f"{name} holds NaN, infinity or a value beyond {target.dtype}; all must be finite"
        )


def read_once(values: Any) -> Any:
    """Return values as an array of numbers, to be handed on in their place.

    Data that compute or load themselves, such as Dask's, do so each time that they are read. What
    is an array stays the same object, and so does what doesn't become one: the gate says why.
    """
    if values is None or isinstance(values, np.ndarray) or hasattr(values, "filled"):
        return values
    try:
        array = np.asarray(values)
    except Exception:  # noqa: BLE001  whatever it is, the gate meets it again
        return values
    return array if array.ndim and array.dtype.kind in "biuf" else values


def checked_sizes(layer_sizes: Sequence[int]) -> list[int]:
    """Return the units of every layer, at least two."""
    remedy = "pass the units of input, hidden layers and output, such as [784, 100, 10]"
    if isinstance(layer_sizes, (str, bytes)) or not isinstance(layer_sizes, Iterable):
        raise TypeError(f"layer_sizes={shown(layer_sizes)} is not a sequence; {remedy}")
    sizes = [
        whole_number(f"layer_sizes[{i}]", size, minimum=1, remedy=remedy)
        for i, size in enumerate(layer_sizes)
    ]
    if len(sizes) < 2:
        raise ValueError(f"layer_sizes={sizes} has fewer than 2 sizes; {remedy}")
    return sizes


def checked_dtype(dtype: DTypeLike) -> Literal["float32", "float64"]:
    """Return the name of one of the two dtypes that a network may have."""
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = shown(dtype)
    if name == "float32":
        return "float32"
    if name == "float64":
        return "float64"
    raise ValueError(f'dtype={name} is not supported; use "float32" or "float64"')


def checked_scale(input_scale: float, dtype: str) -> float:
    """Return a factor of the inputs that is a number in the network's dtype, too."""
    scale = real_number("input_scale", input_scale, "pass a factor such as 1/255")
    if not math.isfinite(scale) or scale == 0:
        raise ValueError(f"input_scale={scale} must be finite and not 0; use 1.0 for none")
    with np.errstate(over="ignore", under="ignore"):
        rounded = float(np.dtype(dtype).type(scale))
    if not math.isfinite(rounded) or rounded == 0:
        raise ValueError(f"input_scale={scale} is {rounded} in {dtype}; use float64, or rescale X")
    return scale


def checked_l2(l2: float) -> float:
    """Return a penalty's factor λ, finite and not negative."""
    value = real_number("l2", l2, "pass λ, 0 for no penalty")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"l2={value} must be finite and >= 0; 0 is no penalty")
    return value
