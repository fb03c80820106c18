"""Parameters and labels as JSON, and back."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.common.words import shown, type_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["array_from_json", "array_to_json", "from_json", "to_json"]

_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
# dtype.str of bools, integers, reals, text, dates and durations.
_DTYPE = re.compile(r"\|b1|[|<][iu][1248]|<f[248]|<U\d{1,6}|<[Mm]8\[(?:[YMWDhms]|[mun]s)\]|\|O")
_MOST_LEVELS = 8
# Text takes as much memory as its longest label, times their number.
_MOST_BYTES = 2**28


def to_json(value: Any) -> Any:  # noqa: PLR0911  a type each
    """Return what JSON can hold; NumPy's numbers become Python's, arrays lists.

    Raises
    ------
    TypeError
        If there is no such thing.
    """
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return number if math.isfinite(number) else {"float": repr(number)}
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, list):
        return [to_json(entry) for entry in value]
    if isinstance(value, tuple):
        return {"tuple": [to_json(entry) for entry in value]}
    if isinstance(value, Mapping):
        return {"dict": [[to_json(key), to_json(entry)] for key, entry in value.items()]}
    raise TypeError(f"{type_of(value)} has no place in JSON")


def from_json(value: Any, *, levels: int = _MOST_LEVELS) -> Any:
    """Return what `to_json` was given.

    Parameters
    ----------
    value : JSON
    levels : int
        How deep it may be nested: representing or copying what is deeper fails in Python.

    Raises
    ------
    ValueError, TypeError
        If `to_json` returns no such thing, or one that is deeper.
    """
    if levels == 0:
        raise ValueError(f"it is nested more than {_MOST_LEVELS} deep")
    levels -= 1
    match value:
        case None | bool() | str() | int() | float():
            return value
        case list():
            return [from_json(entry, levels=levels) for entry in value]
        case {"float": str(name), **rest} if name in _NON_FINITE and not rest:
            return _NON_FINITE[name]
        case {"tuple": list(entries), **rest} if not rest:
            return tuple(from_json(entry, levels=levels) for entry in entries)
        case {"dict": list(pairs), **rest} if not rest:
            return {
                from_json(key, levels=levels): from_json(entry, levels=levels)
                for key, entry in pairs
            }
    raise ValueError(f"{shown(value)} stands for nothing")


def array_to_json(array: NDArray[Any]) -> dict[str, Any]:
    """Return a one-dimensional array's dtype and values.

    Raises
    ------
    TypeError
        If its values are none that can be labels.
    """
    dtype = array.dtype.newbyteorder("<").str
    values = array.astype(np.int64).tolist() if array.dtype.kind in "mM" else array.tolist()
    stored = {"dtype": dtype, "values": values}
    try:
        array_from_json(stored)
    except (ValueError, TypeError, OverflowError) as error:
        raise TypeError(f"labels of dtype {array.dtype} can't be stored: {error}") from error
    return stored


def array_from_json(value: Any) -> NDArray[Any]:
    """Return the array that `array_to_json` was given, in native byte order.

    Raises
    ------
    ValueError, TypeError, OverflowError
        If `array_to_json` returns no such thing.
    """
    match value:
        case {"dtype": str(text), "values": list(values), **rest} if not rest:
            pass
        case _:
            raise ValueError("labels are not a dtype with values")
    if not _DTYPE.fullmatch(text):
        raise ValueError(f"labels can't be of dtype {shown(text)}")
    dtype = np.dtype(text).newbyteorder("=")
    needed = {"b": bool, "f": float, "U": str, "O": str}.get(dtype.kind, int)
    if not all(type(entry) is needed for entry in values):
        raise TypeError(f"labels of dtype {text} are not all of type {needed.__name__}")
    if dtype.itemsize * len(values) > _MOST_BYTES:
        raise ValueError(f"{len(values)} labels of dtype {text} take more than {_MOST_BYTES} bytes")
    if dtype.kind in "mM":
        return np.array(values, np.int64).view(dtype)
    with np.errstate(over="ignore"):
        array = np.array(values, dtype)
    if array.tolist() != values:
        raise ValueError(f"the labels don't fit into dtype {text}")
    return array
