"""A table as people have it, read column by column: numbers, or categories, with their gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import sparse

from eigenmlp.common.columns import refuse_repeated
from eigenmlp.common.words import listed, shortened, shown, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["Column", "Kind", "chosen_by", "columns_of", "is_gap"]

Kind = Literal["number", "category"]

_MOST_SHOWN = 3  # cells of a column, in a message
_ROWS = "rows count from 1, without the header"
_DATES = (
    "dates, which no network reads as they are; pass what matters of them as numbers, such as the "
    "year, the day of the week, or the days since the first"
)
_NESTED = "lists or tables in its cells; pass a column for each of their parts"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
        Its name; "column 3" (counted from 1) where the table names none.
    kind : {"number", "category"}
    cells : (n_rows,) array
        Numbers: float64, NaN where there is a gap. Categories: texts, None where there is a gap.
    """

    name: str
    kind: Kind
    cells: NDArray[Any]

    def rows(self, chosen: NDArray[Any]) -> Column:
        """Return the column with some of its rows."""
        return Column(self.name, self.kind, self.cells[chosen])

    def as_category(self) -> NDArray[Any]:
        """Return the values as texts, whatever they are."""
        if self.kind == "category":
            return self.cells
        return _texts(self.cells.tolist())

    def as_number(self) -> NDArray[Any]:
        """Return the values as numbers.

        Raises
        ------
        ValueError
            If they are words.
        """
        words = [(row, value) for row, value in enumerate(self.cells) if value is not None]
        if self.kind == "number":
            return self.cells
        if not words:
            return np.full(len(self.cells), np.nan)
        raise ValueError(
            f"{_told(words)}, but held numbers in training; pass numbers, or leave gaps"
        )


def columns_of(
    table: Any, *, categorical: Callable[[list[str], bool], set[int]]
) -> tuple[list[Column], bool]:
    """Read a table's columns.

    The type of a column decides what it is, never its values: what is stored as numbers is numbers;
    texts, booleans and pandas' and polars' categories are categories.

    Parameters
    ----------
    table : DataFrame of pandas or polars, Table of Arrow, dict of arrays, or 2-D array-like
        One row for each sample.
    categorical : callable
        Of the columns' names and whether the table has named them: the places, from 0, of those
        that are categories whatever their type. See `chosen_by`.

    Returns
    -------
    columns : list of Column
    named : bool
        Whether the table names its columns.

    Raises
    ------
    TypeError, ValueError
        If the table is none, or has no rows or no columns; if names don't tell columns apart; or if
        columns can't be read, all of which are listed: dates, nested or complex ones, and those
        that hold numbers beside words.
    """
    cells, names = _cells_of(table)
    named = names is not None
    labels = [*names] if names is not None else _places(len(cells))
    refuse_repeated(labels)
    if not cells:
        raise ValueError(
            f"the table has no columns: 0 feature(s) (shape={_shape(table)}) while a minimum of 1 "
            "is required."
        )
    lengths = {len(column) for column in cells}
    if len(lengths) > 1:
        sizes = [f"{name!r} has {len(c)}" for name, c in zip(labels, cells, strict=True)]
        raise ValueError(f"the columns have different numbers of rows: {listed(sizes)}")
    if not lengths.pop():
        raise ValueError(f"the table has 0 sample(s) (shape={_shape(table)}); pass one row or more")
    forced = categorical(labels, named)
    columns, wrong = [], []
    for place, (name, column) in enumerate(zip(labels, cells, strict=True)):
        try:
            columns.append(_read(name, column, category=place in forced))
        except (TypeError, ValueError) as error:
            wrong.append((name, error))
    if wrong:
        kind = TypeError if any(isinstance(error, TypeError) for _, error in wrong) else ValueError
        told = "; ".join(f"column {shortened(name)!r} holds {error}" for name, error in wrong)
        raise kind(told)
    return columns, named


def _places(n_columns: int) -> list[str]:
    return [f"column {place}" for place in range(1, n_columns + 1)]


def _shape(table: Any) -> Any:
    return getattr(table, "shape", type_of(table))


def chosen_by(entries: Iterable[Any]) -> Callable[[list[str], bool], set[int]]:
    """Return what finds the places of columns that a user names, or gives the places of, from 0."""

    def places(names: list[str], named: bool) -> set[int]:  # noqa: ARG001
        known = {name: place for place, name in enumerate(names)}
        chosen = set()
        for entry in entries:
            if isinstance(entry, str):
                if entry not in known:
                    raise ValueError(
                        f"categorical_features has {shortened(entry)!r}, but the table's columns "
                        f"are {listed([repr(name) for name in names], most=20)}"
                    )
                chosen.add(known[entry])
            elif isinstance(entry, Integral) and 0 <= int(entry) < len(names):
                chosen.add(int(entry))
            else:
                raise ValueError(
                    f"categorical_features has {shown(entry)}, but the table has {len(names)} "
                    "columns; pass names, or places from 0"
                )
        return chosen

    return places


# What a table is made of: arrays or series of cells, one a column, and the columns' names.


def _cells_of(table: Any) -> tuple[list[Any], list[str] | None]:
    if sparse.issparse(table):  # before dicts: one kind is such
        raise TypeError(
            "A sparse matrix was passed, but dense data is required: tables have few columns and "
            "words; pass table.toarray(), or use MLPClassifier or MLPRegressor"
        )
    if isinstance(table, Mapping):
        single = [name for name, values in table.items() if not _has_cells(values)]
        if single:
            raise TypeError(
                f"column {shortened(single[0])!r} is {shown(table[single[0]])}, a single value; "
                "pass a list of one value for each row"
            )
        return [_as_cells(values) for values in table.values()], [*map(str, table)]
    if hasattr(table, "iloc"):  # pandas
        if getattr(table, "ndim", 2) == 1:
            raise ValueError(
                "Expected 2D array, got 1D array instead: a table has columns, and a Series is a "
                "single one; pass series.to_frame()"
            )
        labels = list(table.columns)
        named = labels != list(range(len(labels)))
        cells = [table.iloc[:, place] for place in range(len(labels))]
        return cells, [*map(str, labels)] if named else None
    if hasattr(table, "column_names"):  # Arrow
        return [*table.columns], [*table.column_names]
    if hasattr(table, "get_columns"):  # polars
        return [*table.get_columns()], [*table.columns]
    return _columns_of_array(table), None


def _has_cells(values: Any) -> bool:
    return np.iterable(values) and not isinstance(values, (str, bytes, Mapping))


def _as_cells(values: Any) -> Any:
    if any(hasattr(values, name) for name in ("dtype", "type")):
        return values
    values = list(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _columns_of_array(table: Any) -> list[Any]:
    if isinstance(table, np.ma.MaskedArray):
        raise TypeError("the table is a masked array; pass table.filled(np.nan)")
    readable = hasattr(table, "__len__") or hasattr(table, "__array__")
    if isinstance(table, (str, bytes)) or not readable:
        raise TypeError(
            f"the table is {type_of(table)}; pass a DataFrame, an Arrow table, a dict of arrays, "
            "or an array with a row for each sample"
        )
    array = table if isinstance(table, np.ndarray) else np.asarray(table)
    if array.dtype.kind in "US" and not isinstance(table, np.ndarray):
        array = np.asarray(table, dtype=object)  # numbers beside words are still numbers
    if array.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {array.ndim}D array instead: shape {array.shape}. Reshape "
            "your data using array.reshape(-1, 1) if it has a single column, or "
            "array.reshape(1, -1) if it is a single sample"
        )
    return [array[:, place] for place in range(array.shape[1])]


def _read(name: str, cells: Any, *, category: bool) -> Column:
    """Read a column; an error says what it holds instead."""
    values: NDArray[Any]
    kind, values = _typed(cells)
    if kind == "number" and category:
        return Column(name, "category", _texts(values.tolist()))
    if kind == "cells":
        kind, values = _of_cells(values, category=category)
    if kind == "number" and np.isinf(values).any():
        row = int(np.isinf(values).argmax())
        raise ValueError(
            f"infinity in row {row + 1} ({_ROWS}): Input X contains infinity. Leave a gap there, "
            "NaN, or put a number"
        )
    return Column(name, "number" if kind == "number" else "category", values)


def _typed(cells: Any) -> tuple[str, NDArray[Any]]:
    """Return "number", "category" or, where the cells must tell, "cells", and the values."""
    library = type(cells).__module__.partition(".")[0]
    if library == "pandas":
        return _of_pandas(cells)
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
            return "category", _texts(array.tolist())
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


def _of_pandas(series: Any) -> tuple[str, NDArray[Any]]:
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return _of_numpy(series.to_numpy())
    kind = getattr(dtype, "kind", "O")
    gaps = series.isna().to_numpy()
    if dtype.name == "category" or kind in "bU" or dtype.name.startswith(("string", "str")):
        cells = series.astype(object).to_numpy()
        return "category", _texts(cells.tolist(), gaps)
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
        return "cells", _as_cells(cells)
    return "category", _texts(cells)


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
    return ("cells", _as_cells(cells)) if pa.types.is_null(kind) else ("category", _texts(cells))


# Cells without a type in common.


def _of_cells(cells: NDArray[Any], *, category: bool) -> tuple[Kind, NDArray[Any]]:
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
            else ("category", _texts(listing))
        )
    words = [
        (row, cell) for row, cell in enumerate(listing) if cell is not None and not _is_number(cell)
    ]
    if words:
        raise ValueError(
            f"numbers, and beside them {_told(words)}; put numbers there, leave gaps (None or "
            "NaN), or name the column in categorical_features"
        )
    return "number", np.array([math.nan if cell is None else float(cell) for cell in listing])


def _told(cells: Sequence[tuple[int, Any]]) -> str:
    some = [f"{shortened(cell)!r} in row {row + 1}" for row, cell in cells[:_MOST_SHOWN]]
    further = f" and {len(cells) - _MOST_SHOWN} more" if len(cells) > _MOST_SHOWN else ""
    return f"{', '.join(some)}{further} ({_ROWS})"


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


def _texts(cells: Sequence[Any], gaps: Sequence[bool] | None = None) -> NDArray[Any]:
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
