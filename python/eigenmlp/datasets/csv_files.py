"""CSV tables, read by pandas."""

import csv
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from eigenmlp.common.extras import require
from eigenmlp.common.words import listed, reason, shown
from eigenmlp.datasets.tables import check_names
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_csv"]


def read_csv(
    path: Path, header: bool | None = None, *, is_text: Callable[[str], bool] | None = None
) -> "pd.DataFrame":
    """Read a CSV table: comma-separated, UTF-8.

    Parameters
    ----------
    path : Path
    header : bool or None, default=None
        Whether the first line names the columns; without names they are "1", "2", ... None: it
        does, unless one of the names is a number, which is asked about by an error.
    is_text : callable or None, default=None
        Tells by their names the columns whose cells are texts, also where they look like numbers
        or are words for a missing value, such as NA.

    Raises
    ------
    DataFileError
        If it is not such a table: perhaps no header, columns without a name or with the same one,
        rows longer than the first, another separator, another encoding.
    ImportError
        If pandas is missing.
    """
    pandas = require("pandas", extra="study", purpose="Reading a CSV table")
    with warnings.catch_warnings():
        # pandas only warns when it drops the cells of rows that are longer than the names.
        warnings.simplefilter("error", pandas.errors.ParserWarning)
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                names = _names(stream, path, header)
                frame = _parsed(stream, names, header)
                texts = [name for name in names if is_text is not None and is_text(name)]
                if texts:  # of which NA, None and null are some as well
                    frame[texts] = _parsed(
                        stream,
                        names,
                        header,
                        usecols=texts,
                        dtype=str,
                        keep_default_na=False,
                        na_values=[""],
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
                f"{path} is not a well-formed CSV table: {reason(error)}. Every row must have "
                "as many cells as the first line"
            ) from error
    return frame


def _parsed(
    stream: TextIO, names: list[str], header: bool | None, **options: Any
) -> "pd.DataFrame":
    pandas = require("pandas", extra="study", purpose="Reading a CSV table")
    stream.seek(0)
    # Where the only cell of a line is missing, the line is blank, and no line to skip: what comes
    # after it would belong to other samples.
    single = len(names) == 1
    frame: pd.DataFrame = pandas.read_csv(
        _without_outer_blank_lines(stream, header) if single else stream,
        header=None if header is False else 0,
        names=names,
        index_col=False,
        low_memory=False,
        skip_blank_lines=not single,
        **options,
    )
    return frame


def _without_outer_blank_lines(stream: TextIO, header: bool | None) -> io.StringIO:
    text = stream.read().rstrip("\r\n")
    return io.StringIO(text if header is False else text.lstrip("\r\n"), newline="")


def _names(stream: TextIO, path: Path, header: bool | None) -> list[str]:
    """Return the names of the columns, which the first line with anything in it tells."""
    cells = next(filter(None, csv.reader(stream)), [])  # pandas skips blank lines, too
    if not cells:
        raise DataFileError(f"{path} holds nothing but blank lines. Write the table again")
    if any("\0" in cell for cell in cells):
        raise DataFileError(
            f"{path} is not text in UTF-8 (its first line holds NUL, as text in UTF-16 does). "
            "Export the table again as UTF-8, comma-separated"
        )
    if cells[0].startswith("\ufeff"):
        raise csv.Error("No columns can be told, since it begins with two byte-order marks")
    if len(cells) == 1:
        for separator in ";\t|":
            if separator in cells[0]:
                raise DataFileError(
                    f"{path}: the cells are separated by {separator!r}. Write the table with commas"
                )
    numbers = [cell for cell in cells if _is_value(cell)]
    if header is None and numbers:
        raise DataFileError(
            f"{path} has no header: its first line is {listed(cells, most=5)}, and "
            f"{shown(numbers[0])} is a value, where the columns' names are expected. If the line "
            "holds values, pass --no-header (in Python header=False); the columns are then called "
            "1, 2, 3, ... If it holds names all the same, pass --header (header=True). Where one "
            "of two tables has a header, write a line of names above the other"
        )
    if header is False:
        if len(cells) > 1 and not numbers:
            raise DataFileError(
                f"{path} has a header, it seems: its first line is {listed(cells, most=5)}, "
                "without a number. Leave out --no-header (in Python header=False), or put values "
                "for those that are missing"
            )
        return [str(place) for place in range(1, len(cells) + 1)]
    check_names(cells, path)
    return cells


def _is_value(text: str) -> bool:
    """Whether a cell holds a number or a truth value, as Python or pandas reads them."""
    if text.strip().lower() in {"true", "false"}:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True
