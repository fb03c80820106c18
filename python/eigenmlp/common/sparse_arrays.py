"""SciPy's sparse arrays and matrices, in the one format that the core reads."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["as_csr", "is_sparse", "stored_arrays"]


def is_sparse(value: Any) -> bool:
    """Tell SciPy's sparse arrays and matrices, without importing what makes them."""
    scipy_sparse = sys.modules.get("scipy.sparse")
    return scipy_sparse is not None and bool(scipy_sparse.issparse(value))


def as_csr(X: Any) -> Any:
    """Return a sparse array or matrix in the format CSR; the same object if it is in it.

    What is in CSR is the array gate's to check.

    Raises
    ------
    ValueError
        If an index of another format lies outside of the shape, where SciPy would write.
    """
    if X.format == "csr":
        return X
    if X.format in ("csc", "bsr"):
        try:
            X.check_format(full_check=True)
        except ValueError as error:
            raise ValueError(f"X is sparse in the format {X.format}, but: {error}") from error
    elif X.format == "coo":
        for axis, (places, size) in enumerate(zip(X.coords, X.shape, strict=True)):
            wrong = np.flatnonzero((places < 0) | (places >= size))
            if len(wrong):
                what = "row" if axis == 0 else "column"
                raise ValueError(
                    f"X has a number in {what} {places[wrong[0]]}, but its indices must be from 0 "
                    f"to {size - 1}"
                )
    return X.tocsr()


def stored_arrays(*values: Any) -> Iterator[NDArray[Any]]:
    """Yield arrays, and of those that are sparse in CSR the arrays that they are made of."""
    for value in values:
        if is_sparse(value):
            yield from (value.data, value.indices, value.indptr)
        else:
            yield value
