"""Parquet tables, read by Arrow: what a column's type says is what is taken."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenmlp.common.extras import require
from eigenmlp.common.words import reason, shortened, shown
from eigenmlp.datasets.kinds import looks_like
from eigenmlp.datasets.tables import check_names
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_parquet"]

_MAGIC = b"PAR1"  # both the first and the last four bytes of a Parquet file
_NAMELESS_INDEX = re.compile(r"__index_level_\d+__")


def read_parquet(path: Path) -> "pd.DataFrame":
    """Read a Parquet table, its pages compared with their checksums.

    An index that pandas wrote is a column like others.

    Raises
    ------
    DataFileError
        If the file is not Parquet, is cut off or damaged; if columns or an index have no name or
        several the same one; if a column is of a type that pandas lacks.
    ImportError
        If pandas or pyarrow is missing.
    """
    purpose = "Reading a Parquet table"
    pandas = require("pandas", extra="parquet", purpose=purpose)
    pyarrow = require("pyarrow", extra="parquet", purpose=purpose)
    parquet = require("pyarrow.parquet", extra="parquet", purpose=purpose)
    with path.open("rb") as stream:
        head = stream.read(8)
    if not head.startswith(_MAGIC):
        raise DataFileError(
            f"{path} is not a Parquet file: it {looks_like(head)}. Check that it is the file you "
            "meant"
        )
    try:
        # Not read_table, which makes columns of folders' names such as year=2020.
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            check_names(file.schema_arrow.names, path)
            table = file.read()
    except pyarrow.ArrowNotImplementedError as error:
        raise DataFileError(
            f"{path} holds what pyarrow doesn't read: {reason(error)}. Write it again "
            "with columns of plain numbers"
        ) from error
    except (pyarrow.ArrowException, OSError) as error:
        raise DataFileError(
            f"{path} is damaged or cut off: {reason(error)}. Download or write it again"
        ) from error
    columns: dict[str, Any] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if _NAMELESS_INDEX.fullmatch(name):
            raise DataFileError(_nameless_index(path, column[0]))
        columns[name] = _values(column, f"{path}: column {shown(name)}", pyarrow)
    for name, values in _ranges(table, path).items():
        check_names([*columns, name], path)
        columns[name] = values
    frame: pd.DataFrame = pandas.DataFrame(columns)
    return frame


def _values(column: Any, source: str, pyarrow: Any) -> Any:
    if pyarrow.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        return column.to_pandas()
    except pyarrow.ArrowException as error:
        raise DataFileError(
            f"{source} is of type {shortened(column.type)}, which can't be read "
            f"({reason(error)}). Leave the column out"
        ) from error


def _ranges(table: Any, path: Path) -> dict[str, range]:
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
    if (nameless.start, nameless.step) != (0, 1):  # which is no more than the rows' numbers
        raise DataFileError(_nameless_index(path, nameless.start))
    if not lengths <= {table.num_rows}:
        raise DataFileError(
            f"{path} has {table.num_rows} rows, but an index of another length. Write it again"
        )
    return {str(name): values for name, values in found.items()}


def _nameless_index(path: Path, first: object) -> str:
    return (
        f"{path} holds an index without a name, which begins with {shortened(first)}. If it "
        "only numbers the rows, leave it out: frame.to_parquet(path, index=False); if it is a "
        "feature, give it a name: frame.rename_axis('name').to_parquet(path)"
    )
