"""Tables with one sample a row: CSV and Parquet, read by pandas."""

import csv
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from eigenmlp._extras import require
from eigenmlp.datasets.kinds import looks_like
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["feature_matrix", "label_column", "read_csv", "read_parquet"]

_PARQUET_MAGIC = b"PAR1"  # both the first and the last four bytes of a Parquet file


def read_csv(path: Path) -> "pd.DataFrame":
    """Read a CSV table: comma-separated, UTF-8, the first line names the columns.

    Raises
    ------
    DataFileError
        If it is not such a table: no header, columns without a name or with the same one,
        rows longer than the header, another separator, another encoding.
    ImportError
        If pandas is missing.
    """
    pandas = require("pandas", extra="study", purpose="Reading a CSV table")
    with warnings.catch_warnings():
        # pandas only warns when it drops the cells of rows that are longer than the header.
        warnings.simplefilter("error", pandas.errors.ParserWarning)
        try:
            _check_csv_header(path)
            frame: pd.DataFrame = pandas.read_csv(
                path,
                encoding="utf-8-sig",
                index_col=False,
                low_memory=False,
            )
        except UnicodeDecodeError as error:
            raise DataFileError(
                f"{path} is not text in UTF-8 ({error.reason} at byte {error.start}). Export the "
                "table again as UTF-8, comma-separated"
            ) from error
        except (
            pandas.errors.EmptyDataError,
            pandas.errors.ParserError,
            pandas.errors.ParserWarning,
            csv.Error,
        ) as error:
            raise DataFileError(
                f"{path} is not a well-formed CSV table: {str(error).strip()}. Every row must have "
                "as many cells as the header"
            ) from error
    return frame


def _check_csv_header(path: Path) -> None:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        names = next(filter(None, csv.reader(stream)), [])  # pandas skips blank lines, too
    if not names:
        raise DataFileError(f"{path} holds nothing but blank lines. Write the table again")
    if len(names) <= 1:
        line = ",".join(names)
        for separator in ";\t|":
            if separator in line:
                raise DataFileError(
                    f"{path}: the cells are separated by {separator!r}. Write the table with commas"
                )
    if all(map(_is_number, names)) and names != [str(index) for index in range(len(names))]:
        raise DataFileError(
            f"{path} has no header: its first line is {_listed(names)}, all numbers, and would be "
            "taken for column names. Put a line with one name a column above it"
        )
    nameless = [index for index, name in enumerate(names, start=1) if not name.strip()]
    if nameless:
        raise DataFileError(
            f"{path}: column {nameless[0]} has no name. If it is an index that pandas "
            "wrote, leave it out: frame.to_csv(path, index=False)"
        )
    repeated = [name for index, name in enumerate(names) if name in names[:index]]
    if repeated:
        raise DataFileError(
            f"{path}: several columns are called {repeated[0]!r}. Give each its own name"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_parquet(path: Path) -> "pd.DataFrame":
    """Read a Parquet table.

    Raises
    ------
    DataFileError
        If the file is not Parquet or is cut off.
    ImportError
        If pandas or pyarrow is missing.
    """
    purpose = "Reading a Parquet table"
    pandas = require("pandas", extra="parquet", purpose=purpose)
    pyarrow = require("pyarrow", extra="parquet", purpose=purpose)
    with path.open("rb") as stream:
        head = stream.read(8)
    if not head.startswith(_PARQUET_MAGIC):
        raise DataFileError(
            f"{path} is not a Parquet file: it {looks_like(head)}. Check that it is the file you "
            "meant"
        )
    try:
        frame: pd.DataFrame = pandas.read_parquet(path, engine="pyarrow")
    except (pyarrow.ArrowException, OSError) as error:
        raise DataFileError(
            f"{path} is damaged or cut off: {error}. Download or write it again"
        ) from error
    return frame


def feature_matrix(frame: "pd.DataFrame", source: str) -> npt.NDArray[Any]:
    """Return the columns of a table as one array, shape (n_rows, n_columns).

    Raises
    ------
    DataFileError
        If there is no row or no column, or a cell is missing or not a number.
    """
    if frame.empty:
        raise DataFileError(
            f"{source} holds no values: {len(frame)} rows and {frame.shape[1]} feature columns. "
            "Write it again with data"
        )
    for name, column in frame.items():
        _check_complete(column, f"{source}: column {name!r}")
        if column.dtype.kind not in "biuf":
            raise DataFileError(_not_numeric(column, f"{source}: column {name!r}"))
    # The numpy_dtype of pandas' own extension types (Int64, Float32) is that of their values.
    dtypes = [getattr(dtype, "numpy_dtype", dtype) for dtype in frame.dtypes]
    return frame.to_numpy(dtype=np.result_type(*dtypes))


def label_column(frame: "pd.DataFrame", name: str, source: str) -> npt.NDArray[Any]:
    """Return one column of a table, whatever its type.

    Raises
    ------
    DataFileError
        If a cell is missing.
    """
    column = frame[name]
    _check_complete(column, source)
    return np.asarray(column)


def _check_complete(column: "pd.Series[Any]", source: str) -> None:
    missing = column.isna().to_numpy()
    if missing.any():
        raise DataFileError(
            f"{source} has no value in row {int(missing.argmax()) + 1} ({int(missing.sum())} of "
            f"{len(column)} rows lack it; rows count from 1, without the header). Fill in a value "
            "or drop the rows"
        )


def _not_numeric(column: "pd.Series[Any]", source: str) -> str:
    cells = list(enumerate(column, start=1))
    texts = ((row, cell) for row, cell in cells if isinstance(cell, str) and not _is_number(cell))
    row, cell = next(texts, cells[0])
    return (
        f"{source} is not numeric: row {row} holds {cell!r} (rows count from 1, without the "
        "header). If it is the label, name it as such; else encode it as numbers or drop the column"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
