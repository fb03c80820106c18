"""From Arrow's tables, as files hold them, to columns: what a type says is what is taken."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from eigenmlp.common.extras import require
from eigenmlp.common.words import reason, shortened, shown
from eigenmlp.datasets.tables import check_names
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

__all__ = ["PURPOSE", "arrow_errors_told", "frame_of", "plain_table"]

PURPOSE = "Reading a Parquet or Feather table"
_DASK_INDEX = "__null_dask_index__"
_NAMELESS_INDEX = re.compile(rf"__index_level_\d+__|{_DASK_INDEX}")


@contextmanager
def arrow_errors_told(path: Path) -> Iterator[None]:
    """Tell Arrow's errors as the file's.

    Raises
    ------
    DataFileError
        If Arrow raises one of its own, or an OSError or UnicodeDecodeError.
    """
    pyarrow = require("pyarrow", extra="parquet", purpose=PURPOSE)
    try:
        yield
    except pyarrow.ArrowNotImplementedError as error:
        raise DataFileError(
            f"{path} holds what pyarrow doesn't read: {reason(error)}. Write it again "
            "with columns of plain numbers"
        ) from error
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataFileError(
            f"{path} is damaged or cut off: {reason(error)}. Download or write it again"
        ) from error


def plain_table(table: Any, path: Path, *, is_part: bool = False) -> Any:
    """Return a table without an index of pandas' and dictionaries.

    An index with a name is a column like others, and dictionaries are what they stand for.

    Parameters
    ----------
    table : pyarrow.Table
    path : Path
        Names the file in errors.
    is_part : bool, default=False
        Whether the rows are some of a larger table: an index without a name may then count from
        anywhere.

    Raises
    ------
    DataFileError
        If an index has no name and does more than to number the rows, or is damaged; if columns
        have no name or several the same one; if a dictionary is of a type that can't be read.
    """
    pyarrow = require("pyarrow", extra="parquet", purpose=PURPOSE)
    check_names(table.column_names, path)
    for name in table.column_names:
        if _NAMELESS_INDEX.fullmatch(name):
            if not ((is_part or name == _DASK_INDEX) and _numbers_rows(table[name].to_pylist())):
                raise DataFileError(_nameless_index(path, table[name][:1].to_pylist()))
            table = table.drop_columns([name])
    for name, values in _ranges(table, path, is_part=is_part).items():
        check_names([*table.column_names, name], path)
        table = table.append_column(name, [list(values)])
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        with _type_errors_told(path, name, column):
            is_dictionary = pyarrow.types.is_dictionary(column.type)
            columns[name] = column.cast(column.type.value_type) if is_dictionary else column
    return pyarrow.table(columns)


def frame_of(table: Any, path: Path) -> pd.DataFrame:
    """Return a table as pandas has it.

    Raises
    ------
    DataFileError
        If a column is of a type that pandas lacks.
    """
    pandas = require("pandas", extra="parquet", purpose=PURPOSE)
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        with _type_errors_told(path, name, column):
            columns[name] = column.to_pandas()
    frame: pd.DataFrame = pandas.DataFrame(columns)
    return frame


@contextmanager
def _type_errors_told(path: Path, name: str, column: Any) -> Iterator[None]:
    pyarrow = require("pyarrow", extra="parquet", purpose=PURPOSE)
    try:
        yield
    except pyarrow.ArrowException as error:
        raise DataFileError(
            f"{path}: column {shown(name)} is of type {shortened(column.type)}, which can't be "
            f"read ({reason(error)}). Leave the column out"
        ) from error


def _numbers_rows(values: list[Any]) -> bool:
    first = values[0] if values else 0
    return type(first) is int and values == list(range(first, first + len(values)))


def _ranges(table: Any, path: Path, *, is_part: bool) -> dict[str, range]:
    """Return the indices that pandas wrote only as a note that they count from here to there."""
    found = {}
    try:
        notes = (table.schema.pandas_metadata or {}).get("index_columns", [])
        for note in notes:
            if isinstance(note, dict) and note.get("kind") == "range":
                found[note["name"]] = range(note["start"], note["stop"], note["step"])
        lengths = {len(values) for name, values in found.items() if name is not None}
    except (
        AttributeError,
        KeyError,
        OverflowError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise DataFileError(
            f"{path} has a damaged note about its index: {reason(error)}. Write it again"
        ) from error
    nameless = found.pop(None, range(0))
    # Otherwise it is no more than the rows' numbers.
    if nameless.step != 1 or (nameless.start != 0 and not is_part):
        raise DataFileError(_nameless_index(path, [nameless.start]))
    if not lengths <= {table.num_rows}:
        raise DataFileError(
            f"{path} has {table.num_rows} rows, but an index of another length. Write it again, "
            "after frame.reset_index()"
        )
    return {str(name): values for name, values in found.items()}


def _nameless_index(path: Path, first: list[Any]) -> str:
    return (
        f"{path} holds an index without a name, which begins with {shortened(*first)}. If it "
        "only numbers the rows, leave it out: frame.to_parquet(path, index=False); if it is a "
        "feature, give it a name: frame.rename_axis('name').to_parquet(path)"
    )
