"""Text tables in their many kinds: what separates the cells and names the columns is told."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from eigenmlp.common.words import listed, shown
from eigenmlp.datasets.tables import check_names
from eigenmlp.datasets.text_columns import Cells, is_value, style_of, values_of
from eigenmlp.datasets.text_lines import TextLines
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["read_text_table"]

_SEPARATORS = {";": "semicolon", "\t": "tab", "|": "bar", ",": "comma", " ": "blank"}
_OF_DECIMAL_COMMAS = (";", "\t")  # what separates cells where commas stand before decimals
_SAMPLE = 200  # rows that a separator is told from
_BLOCK = 64  # rows that are looked at together: few, lest the garbage collector looks, too
_COMMENTS = ("#", "%", "//")
_NOTHING = ' \t\r\n,;|"'  # in a line without cells
_OF_EXCEL = re.compile(r"sep=.")
_OF_PANDAS = re.compile(r"Unnamed: \d+.*")  # an index that pandas has read and written again
_QUOTED_OR_NOT = re.compile(r'"((?:[^"]|"")*)"(?!\S)|(\S+)')


def read_text_table(
    path: Path,
    *,
    header: bool | None,
    encoding: str | None,
    decimal: str | None,
    missing: Sequence[str],
    texts: Collection[str],
    numbers: Collection[str] | None,
    advance: Callable[[float], None],
) -> tuple[dict[str, Any], list[str]]:
    """Return the columns of a text table by name, and how it was read where that was not plain.

    `advance` is called with the share of the work that is done.

    Raises
    ------
    DataFileError
        If it can't be read, or what it says is not plain.
    """
    text = TextLines(path, encoding)
    with text.errors_told():
        text.open()
        layout = _layout_of(text, path, header, decimal)
        told = [*text.told, *layout.told]
        columns = _columns_of(text, layout, path, decimal, lambda share: advance(share / 2))
    names, columns = _named(columns, layout, path, told)
    if not layout.separator:  # blank lines at the end are no gaps
        while columns[0].texts and not columns[0].texts[-1]:
            columns[0].texts.pop()
    if not columns[0].texts:
        raise DataFileError(f"{path} has a header, but no rows below it")
    found = []
    unseen = {*missing}
    for place, name in enumerate(names):
        unseen.difference_update(columns[place].texts if unseen else ())
        found.append(columns[place].column(name, missing))
        columns[place] = Cells()  # lest there be two
        advance(0.5 + (place + 1) / len(names) / 2)
    if unseen:
        marks = listed([shown(mark) for mark in missing if mark in unseen])
        told.append(f"no cell is {marks}, which --missing names as it is written")
    # Of columns of texts, too: one file has one style.
    style = decimal or style_of(found)
    read = [
        one for one in found if one.name not in texts and (numbers is None or one.name in numbers)
    ]
    values = values_of(
        read, style, path, told,
        known=numbers is not None, points_may_group=layout.separator in _OF_DECIMAL_COMMAS,
    )  # fmt: skip
    return {one.name: values.get(one.name, one.cells) for one in found}, told


@dataclass
class _Layout:
    """Where a table's cells are.

    Attributes
    ----------
    separator : str
        "" where there is a single column.
    first : int
        The line that it begins in, counted from 1.
    header : list of str or None
        The cells that name the columns; None where none do.
    width : int
        Cells of a row.
    n_skipped : int
        Rows before the first that has values.
    empty_end : bool
        Whether a further, empty cell ends every row.
    told : list of str
    """

    separator: str
    first: int
    header: list[str] | None
    width: int
    n_skipped: int
    empty_end: bool
    told: list[str]


def _rows(text: TextLines, separator: str, first: int) -> Iterator[list[str]]:
    """Split the lines from one on."""
    lines = text.lines(first)
    return map(_blank_cells, lines) if separator == " " else _Quoted(lines, separator or ",", first)


class _Quoted:
    """Rows whose cells may be in quotes, which are closed where a cell ends.

    Others are refused: two stray quotes would make one cell of all the rows between them.
    """

    def __init__(self, lines: Iterable[str], separator: str, first: int) -> None:
        self._rows = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
        self._first = first

    def __iter__(self) -> _Quoted:
        return self

    def __next__(self) -> list[str]:
        line = self._first + self.line_num
        try:
            return next(self._rows)
        except csv.Error as error:
            raise csv.Error(self._told(line, str(error))) from error

    @property
    def line_num(self) -> int:
        return self._rows.line_num

    def _told(self, line: int, error: str) -> str:
        if "unexpected end" in error:
            return (
                f"quotes that begin in line {line} or below are never closed. Close them, or leave "
                "them out"
            )
        last = self._first + self.line_num - 1
        if "expected after" in error:
            began = f", of a cell that begins in line {line} or below" if last > line else ""
            return (
                f"text follows a closing quote in line {last}{began}. Put whole cells in quotes, "
                "with two for one in them, or leave the quotes out"
            )
        if "field limit" in error:
            return (
                f"a cell that ends in line {last} has more than {csv.field_size_limit():,} "
                "characters. Shorten it, or close the quotes that it begins with"
            )
        return f"line {last}: {error}"


def _blank_cells(line: str) -> list[str]:
    if '"' not in line:
        return line.split()
    found = _QUOTED_OR_NOT.finditer(line)
    return [match[2] if match[1] is None else match[1].replace('""', '"') for match in found]


def _sample(text: TextLines, separator: str, first: int) -> list[list[str]]:
    """Return the first rows that are not blank."""
    filled = (row for row in _rows(text, separator, first) if row not in ([], [""]))
    return [*islice(filled, _SAMPLE)]


def _layout_of(text: TextLines, path: Path, header: bool | None, decimal: str | None) -> _Layout:
    first, comments = _first_line(text, path)
    told = [f"the first {len(comments)} lines left out, as comments"] if comments else []
    separator, sample = _separated(text, first, path, header, decimal)
    if separator not in {"", ","}:
        told.append(f"read as {_SEPARATORS[separator]}-separated")
    names = [cell.strip() for cell in sample[0]]
    width = len(sample[-1])
    longer = width > len(names)
    empty_end = longer and not any(row[-1].strip() for row in sample[1:])
    values = [*filter(is_value, names)]
    if header is None and values:
        commented = _names_in_comment(comments, separator, width)
        if commented is not None:
            told = [f"names of the columns taken from the comment {shown(comments[-1])}", *told[1:]]
            return _Layout(separator, first, commented, width, 0, False, told)
        raise DataFileError(
            f"{path} has no header, it seems: its first line is {listed(names, most=5)}, with "
            f"{shown(values[0])} where a name is expected. If it holds values, pass --no-header; "
            "the columns are then called 1, 2, 3, ... If it holds names all the same, pass --header"
        )
    if empty_end:
        told.append("an empty cell at the end of every row left out")
        width -= 1
    elif longer:
        names.insert(0, "")  # as R writes them: the names of rows have none
    return _Layout(
        separator, first, None if header is False else names, width, header is not False,
        empty_end, told,
    )  # fmt: skip


def _first_line(text: TextLines, path: Path) -> tuple[int, list[str]]:
    """Return the number of the first line that is neither blank nor a comment, and the comments."""
    comments: list[str] = []
    for number, line in enumerate(text.lines(), start=1):
        if "\0" in line:
            raise DataFileError(
                f"{path} is not text in UTF-8: line {number} holds NUL, as text in UTF-16 does. If "
                "it is that, pass --encoding utf-16-le"
            )
        if not line.strip().strip(_NOTHING):
            continue
        if not line.lstrip().startswith(_COMMENTS) and not _OF_EXCEL.fullmatch(line.strip()):
            return number, comments
        comments.append(line.strip())
    raise DataFileError(f"{path} holds nothing but blank lines. Write the table again")


def _names_in_comment(comments: list[str], separator: str, width: int) -> list[str] | None:
    """Return the names that stand in the last comment, as NumPy writes them."""
    if not comments:
        return None
    line = comments[-1].lstrip("#%/ ")
    cells = (
        next(iter(csv.reader([line], delimiter=separator or ",")))
        if separator != " "
        else (_blank_cells(line))
    )
    names = [cell.strip() for cell in cells]
    return names if len(names) == width and not any(map(is_value, names)) else None


def _separated(
    text: TextLines, first: int, path: Path, header: bool | None, decimal: str | None
) -> tuple[str, list[list[str]]]:
    """Tell the separator: the one by which all lines have the same number of cells, of two or more.

    Raises
    ------
    DataFileError
        If none does, with what the first lines have.
    """
    nearly: list[tuple[float, str]] = []
    # A decimal comma is in every line, too, and blanks are in words and dates.
    for separator in _SEPARATORS:
        try:
            sample = _sample(text, separator, first)
        except csv.Error:
            continue
        if not sample or (separator == " " and not _has_numbers(sample[1:])):
            continue
        if {*map(len, sample[1:])} == {len(sample[0]) - 1} and not sample[0][-1].strip():
            sample[0].pop()  # a separator ends the header alone
        if separator == "," and _is_of_decimals(sample, header) and decimal != ".":
            if decimal == ",":
                return "", [[",".join(row)] for row in sample]
            raise DataFileError(
                f"{path}: line {first} has one cell, but the lines below it have two, as "
                f"{listed(sample[1])}, whose comma may separate cells or stand before decimals. "
                "Pass --decimal , if decimals follow it, else --decimal ."
            )
        width, *others = map(len, sample)
        if (set(others) <= {width} and width > 1) or _has_row_names(sample):
            return separator, sample
        usual, n_usual = Counter(map(len, sample)).most_common(1)[0]
        if usual > 1 and 2 * n_usual > len(sample) and (separator != " " or width > 1):
            nearly.append((n_usual / len(sample), separator))
    sample = _sample(text, ",", first)
    if not nearly and {len(row) for row in sample} == {1}:
        return "", sample
    separator = max(nearly)[1] if nearly else ","
    usual = Counter(map(len, _sample(text, separator, first))).most_common(1)[0][0]
    layout = _Layout(separator, first, None, usual, n_skipped=0, empty_end=False, told=[])
    raise _ragged(text, layout, path)


def _is_of_decimals(sample: list[list[str]], header: bool | None) -> bool:
    """Tell what may be a single column of numbers with decimal commas."""
    width, *others = map(len, sample)
    below = set(others) == {2} and all(is_value(",".join(row)) for row in sample[1:])
    return header is not False and width == 1 and below


def _has_row_names(sample: list[list[str]]) -> bool:
    """Tell a table of R's, which gives no name to the column of the rows' names."""
    width, *others = map(len, sample)
    if set(others) != {width + 1}:
        return False
    # Below a title, or of several words, a line has two cells, too.
    return width > 1 or all(is_value(row[-1]) for row in sample[1:])


def _has_numbers(rows: list[list[str]]) -> bool:
    """Tell a table whose cells are separated by blanks from texts of several words."""
    return all(any(map(is_value, row)) for row in rows)


def _ragged(text: TextLines, layout: _Layout, path: Path) -> DataFileError:
    """Return what is wrong with the first row of another number of cells than the others."""
    width = layout.width + layout.empty_end
    rows = _rows(text, layout.separator, layout.first)
    start = line = layout.first
    n_rows = 0
    row: list[str] = []
    for row in rows:
        start, line = line, layout.first + getattr(rows, "line_num", line - layout.first + 1)
        if len(row) < 2 and not "".join(row).strip():
            continue
        n_rows += 1
        filled = layout.empty_end and row[-1].strip()
        if n_rows > layout.n_skipped and (len(row) != width or filled):
            break
    than = "the lines below it" if start == layout.first else "the first line"
    return DataFileError(
        f"{path}: line {start} has another number of cells than {than}, {len(row)} rather than "
        f"{layout.width}, by {_SEPARATORS[layout.separator or ',']}s: {listed(row, most=5)}. Every "
        "line must have as many: put cells that hold the separator in quotes, and leave out lines "
        "that are no part of the table"
    )


def _columns_of(
    text: TextLines,
    layout: _Layout,
    path: Path,
    decimal: str | None,
    advance: Callable[[float], None],
) -> list[Cells]:
    """Return the cells below the header by columns, stripped."""
    columns = [Cells() for _ in range(layout.width)]
    rows: Iterable[list[str]] = _rows(text, layout.separator, layout.first)
    if layout.separator:
        rows = filter(None, rows)  # blank lines
    elif decimal == ",":
        rows = ([",".join(row)] for row in rows)
    else:
        rows = (row or [""] for row in rows)
    rows = islice(rows, layout.n_skipped, None)
    width = layout.width + layout.empty_end
    while block := [*islice(rows, _BLOCK)]:
        if {*map(len, block)} - {width}:
            block = [row for row in block if row != [""]]  # lines of blanks
        wrong = {*map(len, block)} - {width}
        if wrong or (layout.empty_end and any(row[-1].strip() for row in block)):
            raise _ragged(text, layout, path)
        # Not strict: an empty cell may end every row.
        for column, cells in zip(columns, zip(*block, strict=True), strict=False):
            column.extend(cells)
        advance(text.share())
    return columns


def _named(
    columns: list[Cells], layout: _Layout, path: Path, told: list[str]
) -> tuple[list[str], list[Cells]]:
    """Return the names of the columns, and those columns that there are."""
    if layout.header is None:
        return [str(place) for place in range(1, len(columns) + 1)], columns
    pairs = [*zip(layout.header, columns, strict=True)]
    there = [(name, cells) for name, cells in pairs if name or any(cells.texts)]
    if there and len(there) < len(pairs):
        told.append(f"{len(pairs) - len(there)} columns left out that have neither name nor values")
        pairs = there
    names = [name for name, _ in pairs]
    if not names[0] and all(names[1:]):
        names[0] = "index"  # as pandas and R write an index
        told.append("the first column, which has no name, called 'index'")
    told.extend(
        f"column {shown(name)} is an index that pandas wrote, it seems: if it only numbers the "
        "rows, leave it out by --ignore"
        for name in names
        if _OF_PANDAS.fullmatch(name)
    )
    check_names(names, path)
    return names, [cells for _, cells in pairs]
