"""Texts that tell settings and data apart, the same in every process."""

from __future__ import annotations

import functools
import types
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.common.sparse_arrays import as_csr, is_sparse

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["digest", "text_of"]

_HASHED_AT_ONCE = 2**22


def text_of(value: Any) -> str:
    """Represent a value in full, without what differs from process to process.

    Functions have their names alone, and objects without a representation of their own that of
    their class.
    """
    match value:
        case np.ndarray():
            text = digest(value)
        case np.generic():
            text = text_of(value.item())
        case functools.partial(func=function, args=arguments, keywords=named):
            text = f"partial of {text_of(function)} with {text_of(arguments)}, {text_of(named)}"
        case list() | tuple():
            text = f"[{', '.join(map(text_of, value))}]"
        case set() | frozenset():
            text = f"{{{', '.join(sorted(map(text_of, value)))}}}"
        case dict():
            text = f"{{{', '.join(f'{text_of(k)}: {text_of(v)}' for k, v in value.items())}}}"
        case np.random.Generator():
            text = f"Generator({type(value.bit_generator).__name__})"
        case types.FunctionType() | types.BuiltinFunctionType() | types.MethodType():
            text = f"{value.__module__}.{value.__qualname__}"
        case _:
            kind: Any = type(value)
            own = kind.__repr__ is not object.__repr__
            text = repr(value) if own else f"{kind.__module__}.{kind.__qualname__}"
    return text


def digest(values: ArrayLike | None) -> str:
    """Tell the type, shape and content of an array; of a sparse one, of all that it stores."""
    if values is None:
        return "None"
    if is_sparse(values):
        X = as_csr(values)
        stored = ", ".join(map(digest, (X.data, X.indices, X.indptr)))
        return f"sparse of shape {X.shape}, {stored}"
    array: NDArray[Any] = np.asarray(values)
    content = sha256()
    flat = array if array.ndim else array.reshape(1)
    rows = max(1, _HASHED_AT_ONCE // max(1, flat[:1].nbytes))
    for start in range(0, len(flat), rows):
        part = flat[start : start + rows]
        content.update(np.ascontiguousarray(part, dtype=array.dtype.newbyteorder("=")).data)
    return f"{array.dtype.name} of shape {array.shape} with SHA-256 {content.hexdigest()[:16]}…"
