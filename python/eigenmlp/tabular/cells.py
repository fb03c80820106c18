"""Cells of a column: numbers, texts or gaps, of whichever library."""

from __future__ import annotations

import math
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eigenmlp.common.words import shortened, type_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ROWS", "Kind", "as_cells", "as_texts", "in_rows", "is_gap", "of_cells", "typed"]

Kind = Literal["number", "category"]

_MOST_SHOWN = 3  # cells of a column, in a message
ROWS = "rows count from 1, without the header"
_DATES = (
    "dates, which no network reads as they are; pass what matters of them as numbers, such as the "
    "year, the day of the week, or the days since the first"
)
_NESTED = "lists or tables in its cells; pass a column for each of their parts"


def as_cells(values: Any) -> Any:
    """Return what has a type as it is, and a list as an array of objects."""
    if any(hasattr(values, name) for name in ("dtype", "type")):
        return values
    values = list(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def typed(cells: Any) -> tuple[str, NDArray[Any]]:
    """Return "number", "category" or, where the cells must tell, "cells", and the values."""
    library = type(cells).__module__.partition(".")[0]
    if library == "pandas":
        return _of_pandas(cells if hasattr(cells, "iloc") else _series(cells))
    if library == "polars":
        return _of_polars(cells)
    if library == "pyarrow":
        return _of_arrow(cells)
    return _of_numpy(np.asarray(cells))


def _of_numpy(array: NDArray[Any]) -> tuple[str, NDArray[Any]]:
    match array.dtype.kind:
        case "i" | "u" | "f":
            return "number", array.astype(np.float64)
        case "b" | "U" | "S" | "T":
            return "category", as_texts(array.tolist())
        case "m" | "M":
            raise TypeError(_DATES)
        case "c":
            raise ValueError(
                "complex numbers: Complex data not supported; pass their real and imaginary parts "
                "as two columns"
            )
        case "O":
            return "cells", array
    raise TypeError(f"values of the type {array.dtype}; pass numbers or texts")


def _series(values: Any) -> Any:
    """Return an array or an index of pandas' as a Series."""
    import pandas as pd  # noqa: PLC0415  the user's

    return pd.Series(values)


def _of_pandas(series: Any) -> tuple[str, NDArray[Any]]:
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return _of_numpy(series.to_numpy())
    kind = getattr(dtype, "kind", "O")
    gaps = series.isna().to_numpy()
    if dtype.name == "category" or kind in "bU" or dtype.name.startswith(("string", "str")):
        cells = series.astype(object).to_numpy()
        return "category", as_texts(cells.tolist(), gaps)
    if kind in "iuf":
        return "number", series.to_numpy(dtype=np.float64, na_value=np.nan)
    if kind in "mM" or dtype.name.startswith(("period", "datetime", "interval")):
        raise TypeError(_DATES)
    cells = series.astype(object).to_numpy().copy()
    cells[gaps] = None
    return "cells", cells


def _of_polars(series: Any) -> tuple[str, NDArray[Any]]:
    dtype = series.dtype
    if dtype.is_temporal():
        raise TypeError(_DATES)
    if dtype.is_nested():
        raise TypeError(_NESTED)
    if dtype.is_numeric():
        import polars as pl  # noqa: PLC0415  the user's

        return "number", series.cast(pl.Float64).to_numpy().astype(np.float64)
    cells = series.to_list()
    if str(dtype) in {"Object", "Null"}:
        return "cells", as_cells(cells)
    return "category", as_texts(cells)


def _of_arrow(column: Any) -> tuple[str, NDArray[Any]]:
    import pyarrow as pa  # noqa: PLC0415  the user's

    kind = column.type
    if pa.types.is_temporal(kind):
        raise TypeError(_DATES)
    if pa.types.is_nested(kind):
        raise TypeError(_NESTED)
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if numeric:
        values = column.cast(pa.float64()).to_numpy()
        return "number", np.array(values, dtype=np.float64)
    cells = column.to_pylist()
    return ("cells", as_cells(cells)) if pa.types.is_null(kind) else ("category", as_texts(cells))


# Cells without a type in common.


def of_cells(cells: NDArray[Any], *, category: bool) -> tuple[Kind, NDArray[Any]]:
    """Tell what cells without a type in common are.

    Raises
    ------
    TypeError, ValueError
        Saying what they hold, if that is nothing that a network reads.
    """
    listing = [None if is_gap(cell) else cell for cell in cells.tolist()]
    there = [cell for cell in listing if cell is not None]
    if any(isinstance(cell, (list, tuple, dict, set, np.ndarray)) for cell in there):
        raise TypeError(_NESTED)
    if any(_is_date(cell) for cell in there):
        raise TypeError(_DATES)
    if any(isinstance(cell, complex) and not isinstance(cell, Real) for cell in there):
        raise ValueError("complex numbers: Complex data not supported")
    other = [
        cell
        for cell in there
        if not isinstance(cell, (str, bool, np.bool_)) and not _is_number(cell)
    ]
    if other:
        # scikit-learn's checks look for these words
        raise TypeError(f"{type_of(other[0])}: argument must be a string or a number")
    if category or not any(map(_is_number, there)):
        # A column of nothing but gaps is none of words: nothing says so.
        return (
            ("number", np.full(len(listing), np.nan))
            if not there
            else ("category", as_texts(listing))
        )
    words = [
        (row, cell) for row, cell in enumerate(listing) if cell is not None and not _is_number(cell)
    ]
    if words:
        raise ValueError(
            f"numbers, and beside them {in_rows(words)}; put numbers there, leave gaps (None or "
            "NaN), or name the column in categorical_features"
        )
    return "number", np.array([math.nan if cell is None else _float(cell) for cell in listing])


def _float(cell: Any) -> float:
    try:
        return float(cell)
    except OverflowError:  # a whole number of Python's, which is refused as infinity is
        return math.inf if cell > 0 else -math.inf


def in_rows(cells: Sequence[tuple[int, Any]]) -> str:
    """Show the first of some cells with their rows, counted from 0 here and from 1 there."""
    some = [f"{shortened(cell)!r} in row {row + 1}" for row, cell in cells[:_MOST_SHOWN]]
    further = f" and {len(cells) - _MOST_SHOWN} more" if len(cells) > _MOST_SHOWN else ""
    return f"{', '.join(some)}{further} ({ROWS})"


def is_gap(cell: Any) -> bool:
    """Tell whether a cell is missing: None, NaN, NA or NaT."""
    if cell is None or type(cell).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(cell, (float, np.floating)) and bool(np.isnan(cell))


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (Real, Decimal)) and not isinstance(cell, (bool, np.bool_))


def _is_date(cell: Any) -> bool:
    module = type(cell).__module__.partition(".")[0]
    return (
        module == "datetime"
        or isinstance(cell, (np.datetime64, np.timedelta64))
        or (module == "pandas" and type(cell).__name__ in {"Timestamp", "Timedelta", "Period"})
    )


def as_texts(cells: Sequence[Any], gaps: Sequence[bool] | None = None) -> NDArray[Any]:
    """Return the names of categories, None for gaps."""
    texts = np.empty(len(cells), dtype=object)
    missing = gaps if gaps is not None else [is_gap(cell) for cell in cells]
    texts[:] = [None if gap else _text(cell) for cell, gap in zip(cells, missing, strict=True)]
    return texts


def _text(cell: Any) -> str:
    """Return a category's name: 3 and 3.0 are the same, as a file may have either."""
    if isinstance(cell, str):
        return str(cell)
    if isinstance(cell, bytes):
        return cell.decode(errors="replace")
    if isinstance(cell, (bool, np.bool_)):
        return str(bool(cell))
    number = float(cell)
    return str(int(number)) if number.is_integer() else repr(number)
