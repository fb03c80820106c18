"""Tables of files as people have them: what can be told of a file is told and done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eigenmlp.common.extras import require
from eigenmlp.datasets.array_tables import read_array_table
from eigenmlp.datasets.feather_files import read_feather
from eigenmlp.datasets.parquet_files import read_parquet
from eigenmlp.datasets.text_tables import read_text_table
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

__all__ = ["TableFile", "read_table"]


@dataclass
class TableFile:
    """A table of a file.

    Attributes
    ----------
    frame : pandas.DataFrame
        Numbers and texts as they stand in the file, gaps as None or NaN.
    told : list of str
        How it was read, where that was not plain.
    """

    frame: pd.DataFrame
    told: list[str] = field(default_factory=list)


def _no_progress(share: float) -> None:
    """Show nothing."""


def read_table(
    path: Path,
    *,
    header: bool | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    missing: Sequence[str] = (),
    texts: Collection[str] = (),
    numbers: Collection[str] | None = None,
    array: str | None = None,
    beside: Collection[str] = (),
    advance: Callable[[float], None] = _no_progress,
) -> TableFile:
    """Read a table: CSV in its many kinds, also packed by gzip, Parquet, Feather or NumPy's.

    Of a text file the separator (comma, semicolon, tab, bar, blanks), a decimal comma, thousands
    marks and lines of comments above the header are told from the file; empty cells, ``?``, ``NA``,
    ``NaN``, ``NULL`` and ``None`` are gaps, and so is what `missing` names.

    Parameters
    ----------
    path : Path
        A name that ends in .parquet and a folder are Parquet's, one in .feather Feather's,
        ones in .npy and .npz NumPy's, any other a text's; .gz is packed.
    header : bool or None, default=None
        Whether the first line names the columns; None: it does unless it holds a number.
    encoding : str or None, default=None
        Of a text; None is UTF-8, or UTF-16 where a mark says so.
    decimal : {".", ","} or None, default=None
        What stands before decimals; None is told from the numbers.
    missing : sequence of str, default=()
        Further marks of gaps.
    texts : collection of str, default=()
        Names of columns whose cells are texts, also where they look like numbers.
    numbers : collection of str or None, default=None
        Names of the columns that are known to be of numbers, if that is known: words in them are
        refused, and others are texts.
    array, beside
        As for `read_array_table`, of a .npz file.
    advance : callable, default does nothing
        Is called with the share of the work that is done, from time to time.

    Raises
    ------
    DataFileError
        If it can't be read, or what it says is not plain, naming the option that settles it; or
        if an option of texts is given for others.
    ImportError
        If pandas, or for Parquet and Feather pyarrow, is missing.
    """
    if not path.exists():
        raise DataFileError(f"there is no file {path}")
    kind = path.suffix.lower()
    of_texts = {"header": header, "encoding": encoding, "decimal": decimal, "missing": missing}
    if kind in {".npy", ".npz"} and not path.is_dir():
        _refuse_for_types(path, "of NumPy's arrays", of_texts)
        return TableFile(*read_array_table(path, array, beside))
    if array is not None:
        raise DataFileError(f"{path} is no .npz, of whose arrays --array names one")
    if path.is_dir() or kind in {".parquet", ".feather"}:
        what = "a Feather table" if kind == ".feather" else "a Parquet table"
        _refuse_for_types(path, what, of_texts)
        feather = kind == ".feather" and not path.is_dir()
        return TableFile(read_feather(path) if feather else read_parquet(path, advance))
    pandas = require("pandas", extra="study", purpose="Reading a table")
    columns, told = read_text_table(
        path,
        header=header,
        encoding=encoding,
        decimal=decimal,
        missing=missing,
        texts=texts,
        numbers=numbers,
        advance=advance,
    )
    return TableFile(
        pandas.DataFrame(
            {
                name: pandas.Series(values, dtype=object if isinstance(values, list) else float)
                for name, values in columns.items()
            }
        ),
        told,
    )


def _refuse_for_types(path: Path, what: str, options: Mapping[str, object]) -> None:
    for option, value in options.items():
        if value not in (None, (), []):
            raise DataFileError(
                f"{path} is {what}, whose columns have names and types; leave out "
                f"--{option}, which is for texts"
            )
