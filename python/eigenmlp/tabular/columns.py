"""A table as people have it, read column by column: numbers, or categories, with their gaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from eigenmlp.common.columns import refuse_repeated
from eigenmlp.common.words import listed, shortened, shown, type_of
from eigenmlp.tabular.cells import ROWS, as_cells, as_texts, in_rows, is_gap, of_cells, typed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from numpy.typing import NDArray

    from eigenmlp.tabular.cells import Kind

__all__ = ["Column", "chosen_by", "columns_of"]


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

    def there(self) -> list[tuple[int, Any]]:
        """Return the values that are no gaps with their rows, counted from 0."""
        gaps = [is_gap(value) for value in self.cells]
        return [(row, self.cells[row]) for row, gap in enumerate(gaps) if not gap]

    def as_category(self) -> NDArray[Any]:
        """Return the values as texts, whatever they are."""
        if self.kind == "category":
            return self.cells
        return as_texts(self.cells.tolist())

    def as_number(self) -> NDArray[Any]:
        """Return the values as numbers.

        Raises
        ------
        ValueError
            If they are words.
        """
        if self.kind == "number":
            return self.cells
        words = self.there()
        if not words:
            return np.full(len(self.cells), np.nan)
        raise ValueError(
            f"{in_rows(words)}, but held numbers in training; pass numbers, or leave gaps"
        )


def columns_of(
    table: Any,
    *,
    categorical: Callable[[list[str], bool], set[int]],
    wanted: Collection[str] | None = None,
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
    wanted : collection of str or None, default=None
        Names of the columns that are read, if the table names its columns; others have no values.
        None reads all.

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
        if named and wanted is not None and name not in wanted:
            columns.append(Column(name, "category", np.full(len(column), None)))
            continue
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
        return [as_cells(values) for values in table.values()], [*map(str, table)]
    if hasattr(table, "iloc"):  # pandas
        if getattr(table, "ndim", 2) == 1:
            raise ValueError(
                "Expected 2D array, got 1D array instead: a table has columns, and a Series is a "
                "single one; pass series.to_frame()"
            )
        labels = list(table.columns)
        places = list(range(len(labels)))
        if all(isinstance(label, Integral) for label in labels) and sorted(labels) == places:
            # No names, but places, in whatever order.
            return [table.iloc[:, labels.index(place)] for place in places], None
        return [table.iloc[:, place] for place in places], [*map(str, labels)]
    if hasattr(table, "column_names"):  # Arrow
        return [*table.columns], [*table.column_names]
    if hasattr(table, "get_columns"):  # polars
        return [*table.get_columns()], [*table.columns]
    return _columns_of_array(table), None


def _has_cells(values: Any) -> bool:
    return np.iterable(values) and not isinstance(values, (str, bytes, Mapping))


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
    kind, values = typed(cells)
    if kind == "number" and category:
        return Column(name, "category", as_texts(values.tolist()))
    if kind == "cells":
        kind, values = of_cells(values, category=category)
    if kind == "number" and np.isinf(values).any():
        row = int(np.isinf(values).argmax())
        raise ValueError(
            f"infinity in row {row + 1} ({ROWS}): Input X contains infinity. Leave a gap there, "
            "NaN, or put a number"
        )
    return Column(name, "number" if kind == "number" else "category", values)
