"""Tables with one sample a row: what must hold of their columns, however they were stored."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from eigenmlp.common.columns import repeated
from eigenmlp.common.extras import require
from eigenmlp.common.words import shortened, shown
from eigenmlp.datasets.values import exact_float, first_inexact
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_names", "feature_matrix", "label_column"]

_ROWS = "rows count from 1, without the header"


def check_names(names: Sequence[str], path: Path) -> None:
    """Refuse columns without a name or with the same one.

    Raises
    ------
    DataFileError
        If there are any.
    """
    nameless = [place for place, name in enumerate(names, start=1) if not name.strip()]
    if nameless:
        raise DataFileError(
            f"{path}: column {nameless[0]} has no name. Give it one; if it is an index that "
            "pandas wrote, leave that out by index=False"
        )
    name = repeated(names)
    if name is not None:
        raise DataFileError(
            f"{path}: several columns are called {shown(name)}. Give each its own name"
        )


def feature_matrix(frame: "pd.DataFrame", source: str) -> npt.NDArray[Any]:
    """Return the columns of a table as one array, shape (n_rows, n_columns).

    It is of float32 if that holds every value of the columns' types, and of float64 otherwise;
    never of integers, since a table is not an image.

    Raises
    ------
    DataFileError
        If there is no row or no column, or a cell is missing, not a finite number, or an integer
        that float64 doesn't hold.
    """
    if frame.empty:
        raise DataFileError(
            f"{source} holds no values: {len(frame)} rows and {frame.shape[1]} feature columns. "
            "Write it again with data"
        )
    columns = [_numbers(frame[name], f"{source}: column {shown(name)}") for name in frame]
    matrix = np.empty(
        frame.shape, np.result_type(*(exact_float(values.dtype) for values in columns))
    )
    for place, values in enumerate(columns):
        matrix[:, place] = values
    return matrix


def label_column(frame: "pd.DataFrame", name: str, source: str) -> npt.NDArray[Any]:
    """Return one column of a table, whatever its type.

    Raises
    ------
    DataFileError
        If a cell is missing.
    """
    column = frame[name]
    _check_complete(column, source)
    decimals = _decimals_as_floats(column)
    return np.asarray(column) if decimals is None else decimals


def _check_complete(column: "pd.Series[Any]", source: str) -> None:
    missing = column.isna().to_numpy()
    if missing.any():
        raise DataFileError(
            f"{source} has no value in row {int(missing.argmax()) + 1} ({int(missing.sum())} of "
            f"{len(column)} rows lack it; {_ROWS}). A cell that is empty, or holds a word for a "
            "missing value such as NA or null, is none. Fill in a value or drop the rows"
        )


def _numbers(column: "pd.Series[Any]", source: str) -> npt.NDArray[Any]:
    _check_complete(column, source)
    values = _decimals_as_floats(column)
    if values is None:
        if column.dtype.kind not in "biuf":
            raise DataFileError(_not_numeric(column, source))
        values = column.to_numpy()
    if values.dtype.kind in "iu":
        inexact = first_inexact(values)
        if inexact is not None:
            raise DataFileError(_beyond_float64(int(values[inexact]), inexact, source))
    elif values.dtype.kind == "f" and not np.isfinite(values).all():
        row = int(np.isfinite(values).argmin())
        raise DataFileError(
            f"{source} holds {values[row]}, or a number too large for {values.dtype}, in row "
            f"{row + 1} ({_ROWS}). Every value must be finite: put one or drop the row"
        )
    return values


def _decimals_as_floats(column: "pd.Series[Any]") -> npt.NDArray[np.float64] | None:
    """Return decimal numbers as floats, or None if they are none or lose a digit as floats."""
    cells = column.to_list() if column.dtype == object else []
    if not cells or not all(isinstance(cell, Decimal) for cell in cells):
        return None
    floats = [float(cell) for cell in cells]
    kept = all(map(_has_all_digits, floats, cells))
    return np.array(floats) if kept else None


def _has_all_digits(value: float, number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and (
        abs(Decimal(value) - number) * 2 <= Decimal(1).scaleb(exponent)
    )


def _not_numeric(column: "pd.Series[Any]", source: str) -> str:
    cells = column.to_list()
    if all(type(cell) is int for cell in cells):  # beyond 64 bits
        row, largest = max(enumerate(cells), key=lambda one: abs(one[1]))
        return _beyond_float64(largest, row, source)
    if all(isinstance(cell, Decimal) for cell in cells):
        lossy = (row for row, cell in enumerate(cells) if not _has_all_digits(float(cell), cell))
        row = next(lossy)
        return (
            f"{source} holds {shortened(cells[row])} in row {row + 1} ({_ROWS}), of which "
            "float64 doesn't hold every digit. Round it, or drop the column"
        )
    # The first cell that no number was made of, by the rules of the one who read them: Python's
    # float takes 1_000 and digits of any script, pandas does not.
    pandas = require("pandas", extra="study", purpose="Reading a table")
    texts = pandas.Series([cell if isinstance(cell, str) else None for cell in cells], dtype=object)
    other = pandas.to_numeric(texts, errors="coerce").isna().to_numpy()
    row = int(other.argmax())  # 0 where every text is a number
    return (
        f"{source} is not numeric: row {row + 1} holds {shown(cells[row])} ({_ROWS}). If it is "
        "the label, name it as such; else encode it as numbers or drop the column"
    )


def _beyond_float64(value: int, row: int, source: str) -> str:
    return (
        f"{source} holds the integer {shown(value)} in row {row + 1} ({_ROWS}), beyond 2**53, "
        "where float64 no longer holds every integer. Rescale it, or drop the column if it is an "
        "identifier"
    )
