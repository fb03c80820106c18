"""Tables of files as people have them: what can be told of a file is told and done."""

import csv
import gzip
import io
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenmlp.common.extras import require
from eigenmlp.common.words import listed, reason, shown
from eigenmlp.datasets.parquet_files import read_parquet
from eigenmlp.datasets.tables import check_names
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableFile", "read_table"]

_GAPS = ("", "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None")
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SAMPLE = 200  # lines that a separator is told from
# A number with one mark, which may stand between thousands or before decimals.
_ONE_MARK = re.compile(r"[+-]?(\d+)([.,])(\d+)")
_BOTH_MARKS = re.compile(r"[+-]?\d{1,3}(?:([.,' ])\d{3})+([.,])\d+")
_GROUPS = re.compile(r"[+-]?\d{1,3}([.,' ])\d{3}(?:\1\d{3})*")
_NUMBER = {
    ".": re.compile(r"[+-]?(?:\d{1,3}(?:([,' ])\d{3})(?:\1\d{3})*|\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?"),
    ",": re.compile(r"[+-]?(?:\d{1,3}(?:([.' ])\d{3})(?:\1\d{3})*|\d*)(?:,\d*)?(?:[eE][+-]?\d+)?"),
}
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_MOST_SHOWN = 3
_FEW = 0.05
_MOST_MARKS = 3
_MANY_NUMBERS = 10


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

    frame: "pd.DataFrame"
    told: list[str] = field(default_factory=list)


def read_table(
    path: Path,
    *,
    header: bool | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    missing: Sequence[str] = (),
    texts: Collection[str] = (),
) -> TableFile:
    """Read a table: CSV in its many kinds, also packed by gzip, or Parquet.

    Of a text file the separator (comma, semicolon, tab, bar, blanks), a decimal comma, thousands
    marks and lines of comments above the header are told from the file; empty cells, ``?``, ``NA``,
    ``NaN``, ``NULL`` and ``None`` are gaps, and so is what `missing` names.

    Parameters
    ----------
    path : Path
        A name that ends in .parquet is Parquet's, any other a text's; .gz is packed.
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

    Raises
    ------
    DataFileError
        If it can't be read, or what it says is not plain, naming the option that settles it; or
        if an option of texts is given for Parquet.
    ImportError
        If pandas, or for Parquet pyarrow, is missing.
    """
    if not path.exists():
        raise DataFileError(f"there is no file {path}")
    if path.suffix.lower() == ".parquet":
        _refuse_for_parquet(
            path, {"header": header, "encoding": encoding, "decimal": decimal, "missing": missing}
        )
        return TableFile(read_parquet(path))
    text, told = _text_of(path, encoding)
    lines, n_comments = _without_comments(text)
    if not lines:
        raise DataFileError(f"{path} holds nothing but blank lines. Write the table again")
    if n_comments:
        told.append(f"the first {n_comments} lines left out, as comments")
    separator = _separator_of(lines, path)
    if separator != ",":
        told.append(f"read as {_SEPARATORS.get(separator, 'blank')}-separated")
    rows = _rows_of(lines, separator, path)
    names = _names_of(rows, path, header)
    if header is None and names is None:
        cells = listed(rows[0], most=5)
        raise DataFileError(
            f"{path} has no header, it seems: its first line is {cells}, with a number where a "
            "name is expected. If it holds values, pass --no-header; the columns are then called "
            "1, 2, 3, ... If it holds names all the same, pass --header"
        )
    body = rows if names is None else rows[1:]
    columns = names or [str(place) for place in range(1, len(rows[0]) + 1)]
    if not body:
        raise DataFileError(f"{path} has a header, but no rows below it")
    gaps = {*_GAPS, *missing}
    pandas = require("pandas", extra="study", purpose="Reading a table")
    data: dict[str, list[Any]] = {
        name: [None if (cell := row[place].strip()) in gaps else cell for row in body]
        for place, name in enumerate(columns)
    }
    style = decimal or _style_of(data.values())
    for name in [name for name in columns if name not in texts]:
        data[name] = _column(path, name, data[name], style, told)
    return TableFile(
        pandas.DataFrame({name: _series(cells, pandas) for name, cells in data.items()}), told
    )


def _refuse_for_parquet(path: Path, options: Mapping[str, object]) -> None:
    for option, value in options.items():
        if value not in (None, (), []):
            raise DataFileError(
                f"{path} is a Parquet table, whose columns have names and types; leave out "
                f"--{option}, which is for texts"
            )


def _series(cells: list[Any], pandas: Any) -> Any:
    """Return a column: of numbers, or of texts, whatever pandas makes of them."""
    words = any(isinstance(cell, str) for cell in cells)
    return pandas.Series(cells, dtype=object if words else float)


def _text_of(path: Path, encoding: str | None) -> tuple[str, list[str]]:
    content = path.read_bytes()
    told = []
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise DataFileError(f"{path} is damaged or cut off: {reason(error)}") from error
    if encoding is None and content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16"
        told.append("read as UTF-16")
    try:
        return content.decode(encoding or "utf-8-sig"), told
    except LookupError as error:
        raise DataFileError(f"--encoding {shown(encoding)} is unknown; latin-1 is one") from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataFileError(
            f"{path} is not text in {encoding or 'UTF-8'} ({error.reason} in line {line}). If it "
            "comes from an older program, pass --encoding latin-1"
        ) from error


def _without_comments(text: str) -> tuple[list[str], int]:
    """Return the lines from the header on, and how many comments stand above it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    start = n_comments = 0
    for line in lines:
        if line.strip() and not line.lstrip().startswith(("#", "%", "//")):
            break
        n_comments += bool(line.strip())
        start += 1
    return lines[start:], n_comments


def _separator_of(lines: list[str], path: Path) -> str:
    """Tell the separator: the one by which all lines have the same number of cells, of two or more.

    Raises
    ------
    DataFileError
        If none does, with what the first lines have.
    """
    sample = [line for line in lines[:_SAMPLE] if line.strip()]
    # A decimal comma is in every line, too, and blanks are in words and dates.
    for separator in (";", "\t", "|", ",", " "):
        first, *others = map(len, _split(sample, separator))
        # R gives no name to the column of the rows' names.
        alike = (set(others) <= {first} and first > 1) or set(others) == {first + 1}
        if alike and (separator != " " or _has_numbers(sample[1:])):
            return separator
    ragged = {len(cells) for cells in _split(sample, ",")}
    if ragged == {1}:
        return ","  # a single column
    wide = next(
        row for row, cells in enumerate(_split(sample, ","), 1) if len(cells) != _first(sample)
    )
    raise DataFileError(
        f"{path}: line {wide} has another number of cells than the first line, by whichever of "
        "comma, semicolon, tab, bar and blank they are told apart. Every line must have as many: "
        "put cells that hold the separator in quotes"
    )


def _has_numbers(lines: list[str]) -> bool:
    """Tell a table whose cells are separated by blanks from texts of several words."""
    return all(any(_PLAIN.fullmatch(cell) for cell in line.split()) for line in lines)


def _first(sample: list[str]) -> int:
    return len(next(_split(sample, ",")))


def _split(lines: list[str], separator: str) -> Any:
    if separator == " ":
        return (line.split() for line in lines)
    return csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, skipinitialspace=True)


def _rows_of(lines: list[str], separator: str, path: Path) -> list[list[str]]:
    single = separator == "," and all("," not in line for line in lines[:_SAMPLE])
    try:
        rows = [row for row in _split(lines, separator) if row or single]
    except csv.Error as error:
        raise DataFileError(f"{path} is not a well-formed table: {reason(error)}") from error
    if single:
        rows = [row or [""] for row in rows]
        while rows and rows[-1] == [""]:
            rows.pop()
    width = len(rows[0])
    if len(rows) > 1 and all(len(row) == width + 1 for row in rows[1:]):
        rows[0].insert(0, "index")  # as R writes them: the names of rows have none
        width += 1
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise DataFileError(
                f"{path}: row {number} has {len(row)} cells, but the first line has {width} (rows "
                "count from 1, with the header): "
                f"{listed(row, most=5)}. Put cells that hold the separator in quotes"
            )
    return rows


def _names_of(rows: list[list[str]], path: Path, header: bool | None) -> list[str] | None:
    """Return the names of the columns; None where the first line has none."""
    cells = [cell.strip() for cell in rows[0]]
    if header is False:
        return None
    if header is None and any(_PLAIN.fullmatch(cell) for cell in cells):
        return None
    if cells and not cells[0] and all(cells[1:]):
        cells[0] = "index"  # as pandas and R write an index
    check_names(cells, path)
    return cells


def _style_of(columns: Iterable[list[str | None]]) -> str | None:
    """Tell what stands before decimals, where some number of the file leaves no doubt."""
    found = set()
    for cells in columns:
        there = [cell for cell in cells if cell is not None]
        if there and all(_is_number(cell) for cell in there):
            found |= {_decimal_of(cell) for cell in there if not cell.isdecimal()}
    found.discard(None)
    return found.pop() if len(found) == 1 else None


def _is_number(cell: str) -> bool:
    if _PLAIN.fullmatch(cell):
        return True
    patterns = _NUMBER.values()
    return any(map(str.isdigit, cell)) and any(pattern.fullmatch(cell) for pattern in patterns)


def _decimal_of(cell: str) -> str | None:
    """Return what stands before the decimals of a number; None where that is in doubt."""
    if match := _ONE_MARK.fullmatch(cell):
        before, mark, after = match.groups()
        sure = len(after) != 3 or len(before) > 3 or before.startswith("0")
        return mark if sure else None
    if (match := _BOTH_MARKS.fullmatch(cell)) and match[1] != match[2]:
        return match[2]
    groups = _GROUPS.fullmatch(cell)
    if groups and cell.count(groups[1]) > 1:
        return {".": ",", ",": "."}.get(groups[1])
    return None


def _column(
    path: Path, name: str, cells: list[str | None], style: str | None, told: list[str]
) -> list[Any]:
    """Return a column's numbers, if all its cells are numbers, or else its texts."""
    there = [cell for cell in cells if cell is not None]
    if style != "," and there and all(map(_PLAIN.fullmatch, there)):
        return [None if cell is None else float(cell) for cell in cells]
    numbers = [cell for cell in there if _is_number(cell)]
    if not there or len(numbers) < len(there):
        _refuse_few_words(path, name, cells, numbers)
        return cells
    decimal = _style_of([cells]) or style
    marked = [cell for cell in there if "," in cell]
    if decimal is None and marked:
        raise DataFileError(
            f"{path}: column {shown(name)} holds {shown(marked[0])}, whose comma may stand between "
            "thousands or before decimals. Pass --decimal , if decimals follow it, else --decimal ."
        )
    decimal = decimal or "."
    others = [cell for cell in there if not _NUMBER[decimal].fullmatch(cell)]
    if others:
        raise DataFileError(
            f"{path}: column {shown(name)} holds numbers with decimal points and others with "
            f"decimal commas, such as {shown(others[0])}. Write them alike, or pass --decimal"
        )
    marks = {character for cell in there for character in cell if character in ".,' "} - {decimal}
    if decimal == "," and marked:
        told.append(f"column {shown(name)} read with decimal commas")
    if marks:
        told.append(f"column {shown(name)} read with {shown(marks.pop())} between thousands")
    return [None if cell is None else _float(cell, decimal) for cell in cells]


def _float(cell: str, decimal: str) -> float:
    return float("".join(c for c in cell if c == decimal or c not in ".,' ").replace(",", "."))


def _refuse_few_words(path: Path, name: str, cells: list[str | None], numbers: list[str]) -> None:
    """Refuse a column of numbers in which a few cells are words."""
    words = [
        (row, cell)
        for row, cell in enumerate(cells, start=1)
        if cell is not None and not _is_number(cell)
    ]
    few = len(words) < _FEW * len(numbers)
    # A mark of gaps of their own, rather than one category beside many.
    mark = (
        len(words) < len(numbers)
        and len({cell for _, cell in words}) <= _MOST_MARKS
        and len(set(numbers)) > _MANY_NUMBERS
    )
    if not words or not (few or mark):
        return
    some = ", ".join(f"{shown(cell)} in row {row}" for row, cell in words[:_MOST_SHOWN])
    raise DataFileError(
        f"{path}: column {shown(name)} holds numbers, but {some} (rows count from 1, without the "
        f"header; {len(words)} in all). If that stands for a gap, pass --missing {words[0][1]!r}; "
        "else correct it, or leave the column out by --ignore, or take all its cells for words by "
        "--categories"
    )
