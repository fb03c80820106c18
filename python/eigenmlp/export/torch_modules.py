"""State dicts of PyTorch, read as layers of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["modules_of"]

_KNOWN = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}

_Arrays = dict[str, NDArray[Any]]


def modules_of(state: object) -> list[_Arrays]:
    """Read a state dict as layers, in our names and shapes, each shape checked.

    Returns
    -------
    list of dict of str to array
        At least one, each with ``weight`` (fan_in, fan_out) and ``bias``; all but the last perhaps
        with ``gain``, ``shift``, ``running_mean`` and ``running_variance``.

    Raises
    ------
    TypeError, ValueError
        If it is something else.
    """
    layers: list[_Arrays] = []
    for name, arrays in _grouped(state).items():
        if arrays.get("weight", np.empty(0)).ndim == 2:
            if "running_mean" in arrays:
                raise ValueError(f"{name!r} has a matrix and running statistics; {_REMEDY}")
            layers.append(_linear(name, arrays, layers))
        elif not layers or "gain" in layers[-1]:
            raise ValueError(f"{name!r} follows no Linear layer; {_REMEDY}")
        else:
            layers[-1].update(_normalization(name, arrays, layers[-1]["bias"].shape))
    if not layers or "gain" in layers[-1]:
        raise ValueError(f"the state dict ends with no Linear layer; {_REMEDY}")
    return layers


_REMEDY = "pass the state of Linear layers, each but the last perhaps with a normalization behind"


def _grouped(state: object) -> dict[str, _Arrays]:
    """Return the arrays of each module, in the order of the state dict."""
    if not isinstance(state, Mapping):
        raise TypeError(f"state is a {type(state).__name__}, not a state dict; {_REMEDY}")
    groups: dict[str, _Arrays] = {}
    for key, value in state.items():
        module, _, name = str(key).rpartition(".")
        if name not in _KNOWN:
            raise ValueError(f"{key!r} is of no layer that a network of eigenmlp has; {_REMEDY}")
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
        if array.dtype.kind not in "fiu":
            raise TypeError(f"{key!r} must hold real numbers, got dtype {array.dtype}")
        groups.setdefault(module, {})[name] = array
    return groups


def _linear(name: str, arrays: _Arrays, before: list[_Arrays]) -> _Arrays:
    weight = arrays["weight"].T
    fan_in, fan_out = weight.shape
    if before and before[-1]["bias"].shape != (fan_in,):
        raise ValueError(
            f"{name!r} takes {fan_in} inputs, but the layer before it has "
            f"{len(before[-1]['bias'])} units"
        )
    bias = arrays.get("bias", np.zeros(fan_out, weight.dtype))
    _check_shape(name, "bias", bias, (fan_out,))
    return {"weight": weight, "bias": bias}


def _normalization(name: str, arrays: _Arrays, shape: tuple[int, ...]) -> _Arrays:
    statistics = [part for part in ("running_mean", "running_var") if part in arrays]
    if len(statistics) == 1 or not ({"weight", "running_mean"} & arrays.keys()):
        raise ValueError(f"{name!r} has only {', '.join(arrays)}; {_REMEDY}")
    dtype = next(iter(arrays.values())).dtype
    found = {
        "gain": arrays.get("weight", np.ones(shape, dtype)),
        "shift": arrays.get("bias", np.zeros(shape, dtype)),
    }
    if statistics:
        found["running_mean"] = arrays["running_mean"]
        found["running_variance"] = arrays["running_var"]
    for part, array in found.items():
        _check_shape(name, part, array, shape)
    return found


def _check_shape(name: str, part: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"{name!r} has a {part} of shape {array.shape}, but {shape} is needed")
