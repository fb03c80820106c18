"""What users pass for arrays: refused where it is none, read, and copied."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from io import IOBase
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.common.sparse_arrays import as_csr, is_sparse
from eigenmlp.common.words import shown, type_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["WANTED_X", "copied", "fill", "gives_an_array", "read_once", "refuse_no_array"]

WANTED_X = "an array, which must have 2 dimensions, (n_samples, n_features)"
# By one of these, NumPy gets at what an object holds.
_PROTOCOLS = ("__array__", "__array_interface__", "__array_struct__", "__buffer__", "toarray")


class NoArrayError(TypeError, ValueError):
    """Something is not an array. Also a ValueError, as which code may catch a wrong shape."""


def refuse_no_array(name: str, value: Any, wanted: str) -> None:
    """Refuse what NumPy would take for a single object, or would misread.

    What it makes an array of, right or wrong, is the array gate's to check.

    Raises
    ------
    TypeError
        Saying what came and what to pass instead.
    """
    if isinstance(value, np.ndarray):
        # Someone has asked NumPy already.
        if value.ndim == 0 and value.dtype == object:
            refuse_no_array(name, value.item(), wanted)
        return
    what = None if isinstance(value, (list, tuple)) or gives_an_array(value) else _told(name, value)
    if what is not None:
        raise NoArrayError(f"{name} is {what}; pass {wanted}")


def gives_an_array(value: Any) -> bool:
    """Tell what NumPy has a protocol to read by from sequences and from everything else."""
    if isinstance(value, (bytes, bytearray)):  # bytes of a text, though buffers they are
        return False
    if isinstance(value, Number) or any(hasattr(value, protocol) for protocol in _PROTOCOLS):
        # A class has them as well, but no numbers.
        return not isinstance(value, type)
    try:
        memoryview(value)
    except TypeError:
        return False
    return True


def read_once(values: Any) -> Any:
    """Return values as an array of numbers, to be handed on in their place.

    Data that compute or load themselves, such as Dask's, do so each time that they are read. What
    is an array stays the same object, and so does what doesn't become one: the gate says why.
    Sparse ones of other formats become CSR.
    """
    if is_sparse(values):
        return as_csr(values)
    if values is None or isinstance(values, np.ndarray) or hasattr(values, "filled"):
        return values
    try:
        array = np.asarray(values)
    except Exception:  # noqa: BLE001  whatever it is, the gate meets it again
        return values
    return array if array.ndim and array.dtype.kind in "biuf" else values


def copied(values: Any) -> Any:
    """Return a copy of values as an array, sparse as they are."""
    if values is None:
        return None
    return values.copy() if is_sparse(values) else np.array(values)


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


def _told(name: str, value: Any) -> str | None:  # noqa: PLR0911  a kind each
    """Say what a value is, and how it becomes an array; None if it does by itself."""
    kind = type_of(value)
    if value is None:
        return "None"
    if isinstance(value, (str, bytes, bytearray, os.PathLike)):
        return f"{kind}, {shown(value)}, not what a file holds (see eigenmlp.datasets.read_arrays)"
    if isinstance(value, IOBase) or hasattr(value, "readline"):
        return f"{kind}, an open file, which is read first (see eigenmlp.datasets.read_arrays)"
    if isinstance(value, Mapping):
        return f"{kind} with the keys {shown(list(value)[:6])}, not one of the arrays in it"
    if isinstance(value, AbstractSet):
        return f"{kind}, whose entries have no order"
    if isinstance(value, Iterator):
        return f"{kind}, which can be gone through only once (np.array(list({name})) is an array)"
    if isinstance(value, type) or not isinstance(value, Iterable):
        return _readable_by_place(name, value, kind)
    if not hasattr(value, "__getitem__"):
        return (
            f"{kind}, which hands out items or batches one after the other, not all at once (of "
            f"batches of samples and targets, np.concatenate([batch[0] for batch in {name}]) are "
            "the samples)"
        )
    return _readable_by_place(name, value, kind)


def _readable_by_place(name: str, value: Any, kind: str) -> str | None:
    """Tell sequences, which NumPy reads, from others and from those of whole samples."""
    if (
        isinstance(value, type)
        or not hasattr(value, "__getitem__")
        or not hasattr(value, "__len__")
    ):
        return f"{kind}, {shown(value)}, which holds no numbers"
    try:
        first = value[0]
    except Exception:  # noqa: BLE001  the gate says what is wrong with it
        return None
    if isinstance(first, Mapping) or (
        isinstance(first, tuple) and any(np.ndim(part) > 0 for part in first)
    ):
        return (
            f"{kind}, whose items are samples with their targets, not the samples alone "
            f"(np.stack([item[0] for item in {name}]) are they)"
        )
    return None
