"""What the cells of a text table's column are: numbers, however they are written, or words."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.common.words import listed, shown
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Cells", "TextColumn", "is_value", "style_of", "values_of"]

# Nothing, and what pandas, R, SQL and spreadsheets write for it.
_GAPS = (
    *("", "?", "NA", "N/A", "n/a", "n.a.", "N.A.", "NaN", "nan", "-NaN", "-nan"),
    *("NULL", "null", "None", "<NA>", "#N/A", "#NA", "\\N", "#DIV/0!", "#VALUE!"),
)
# A number with one mark, which may stand between thousands or before decimals.
_ONE_MARK = re.compile(r"[+-]?(\d+)([.,])(\d+)")
_BOTH_MARKS = re.compile(r"[+-]?\d{1,3}(?:([.,' ])\d{3})+([.,])\d+")
_GROUPS = re.compile(r"[+-]?\d{1,3}([.,' ])\d{3}(?:\1\d{3})*")
_NUMBER = {
    ".": re.compile(r"[+-]?(?:\d{1,3}(?:([,' ])\d{3})(?:\1\d{3})*|\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?"),
    ",": re.compile(r"[+-]?(?:\d{1,3}(?:([.' ])\d{3})(?:\1\d{3})*|\d*)(?:,\d*)?(?:[eE][+-]?\d+)?"),
}
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_CODE = re.compile(r"0\d+")  # a number that is not written so
# A price, a share, or a quantity with its unit: a letter alone behind a number is a code's.
_MARKED = re.compile(
    r"(?P<sign>[+-]?)(?P<before>[$€£¥₹]?)\s?"
    r"(?P<number>[+-]?[\d., ']*\d[\d.,']*(?:[eE][+-]?\d+)?)"
    r"(?P<behind>\s?[%$€£¥₹]|\s[^\W\d_]{1,10}[²³]?|[^\W\d_]{2,10}[²³]?|)"
)
_TIME = r"\d{1,2}:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?:\s?[AaPp][Mm])?(?:\s?(?:Z|[+-]\d{2}:?\d{2}))?"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DATE = re.compile(
    rf"(?:\d{{4}}([-/.])\d{{1,2}}\1\d{{1,2}}|\d{{1,2}}([-/.])\d{{1,2}}\2(?:\d{{4}}|\d{{2}}))"
    rf"(?:[T ]{_TIME})?|{_TIME}|"
    rf"\d{{1,2}}[- ]{_MONTH}[- ]\d{{2,4}}|{_MONTH} \d{{1,2}},? \d{{4}}",
    re.IGNORECASE,
)
_DAY = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")  # 20200131
_HAS_DIGIT = re.compile(r"\d")
_ROWS = "rows count from 1, without the header"
_CORRECT = "Correct what is wrong"
_MOST_SHOWN = 3
_MOST_COLUMNS = 10
_MOST_NAMES = 100
_FEW = 0.05
_MOST_MARKS = 3
_MANY_NUMBERS = 10
_MANY_WORDS = 20
_LONGEST_MARK = 60


@dataclass
class TextColumn:
    """A column of a text table.

    Attributes
    ----------
    name : str
    cells : list of str or None
        As they stand, None for gaps.
    plain : (n_rows,) array or None
        Their numbers, NaN for gaps, if all are written as programs write numbers; else None.
    """

    name: str
    cells: Sequence[str | None]
    plain: NDArray[np.float64] | None

    @cached_property
    def distinct(self) -> Counter[str]:
        """The cells that there are, in their order, and how often."""
        return Counter(cell for cell in self.cells if cell is not None)

    def row_of(self, cell: str) -> int:
        """Return the first row that holds a cell, counted from 1."""
        return self.cells.index(cell) + 1

    def marks(self) -> set[str]:
        """Return what stands before decimals, where that is beyond doubt, if all are numbers."""
        if self.plain is not None:
            with_mark = (cell for cell in self.cells if cell is not None and "." in cell)
            return {"."} if any(_decimal_of(cell) == "." for cell in with_mark) else set()
        if not all(map(_is_number, self.distinct)):
            return set()
        return {mark for cell in self.distinct if (mark := _decimal_of(cell)) is not None}


class Cells:
    """The cells of a column, as they are read; numbers are made of them while they are at hand.

    Attributes
    ----------
    texts : list of str
        Without blanks around them.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: array[float] | None = array("d")

    def extend(self, cells: Sequence[str]) -> None:
        """Take further cells."""
        self.texts.extend(map(str.strip, cells))
        if self._numbers is not None and not _extended(self._numbers, cells):
            self._numbers = None

    def column(self, name: str, missing: Collection[str]) -> TextColumn:
        """Return the column, in which `missing` are gaps beside `_GAPS`."""
        plain = self._numbers
        gaps = {*_GAPS, *missing} if plain is None else {*missing}
        if not gaps or gaps.isdisjoint(self.texts):
            return TextColumn(name, self.texts, None if plain is None else np.array(plain))
        there = [text not in gaps for text in self.texts]
        numbers = array("d")
        values = None
        if _extended(numbers, [*compress(self.texts, there)]) and numbers:
            values = np.full(len(there), np.nan)
            values[there] = numbers
        cells = [text if known else None for text, known in zip(self.texts, there, strict=True)]
        return TextColumn(name, cells, values)


def _extended(numbers: array[float], cells: Sequence[str]) -> bool:
    """Append numbers that are written as programs write them; False if some cell is none."""
    # What float() takes beyond _PLAIN has one of these.
    text = "".join(cells)
    if "_" in text or "n" in text or "N" in text or "i" in text:
        return False
    try:
        numbers.fromlist([*map(float, cells)])
    except ValueError:
        return False
    return True


def is_value(cell: str) -> bool:
    """Tell what no column is called: a number, also with % or a currency's sign, or a date."""
    if _is_number(cell) or _DATE.fullmatch(cell):
        return True
    marked = _MARKED.fullmatch(cell)
    return marked is not None and marked["behind"].strip() in {"", *"%$€£¥₹"}


def style_of(columns: Collection[TextColumn]) -> str | None:
    """Tell what stands before decimals, where some number of the file leaves no doubt."""
    found = set().union(*(column.marks() for column in columns))
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


class _UnclearError(Exception):
    """What a column holds that is to be asked about, and what settles it."""

    def __init__(self, what: str, remedy: str, gap: str | None = None) -> None:
        super().__init__(what)
        self.what, self.remedy, self.gap = what, remedy, gap


def values_of(
    columns: Sequence[TextColumn],
    style: str | None,
    path: Path,
    told: list[str],
    *,
    known: bool,
    points_may_group: bool,
) -> dict[str, Any]:
    """Return numbers of the columns whose cells all are numbers, and the texts of others.

    Where the columns are `known` to be of numbers, words are refused. Where `points_may_group`, a
    point may stand between thousands unless some number of the file says otherwise.

    Raises
    ------
    DataFileError
        Of all columns that are not plain, what they hold and what settles it.
    """
    values, unclear = {}, []
    for column in columns:
        try:
            if style is None and points_may_group and column.plain is not None:
                _refuse_doubtful(column, ".")
            values[column.name] = _values(column, style, told, known=known)
        except _UnclearError as error:
            unclear.append((column.name, error))
    if unclear:
        errors = [error for _, error in unclear]
        what = "; ".join(error.what for error in errors[:_MOST_COLUMNS])
        if others := [shown(name) for name, _ in unclear[_MOST_COLUMNS:]]:
            what += f"; and likewise {listed(others, most=_MOST_NAMES)}"
        gaps = [*dict.fromkeys(error.gap for error in errors if error.gap is not None)]
        remedies = [*dict.fromkeys(error.remedy for error in errors)]
        if gaps:
            ends = "stands for a gap" if len(gaps) == 1 else "stand for gaps"
            marks = shown(",".join(gaps))
            remedies.sort(key=lambda remedy: not remedy.startswith(_CORRECT))
            first = f"If {listed([*map(repr, gaps)])} {ends}, pass --missing {marks}; else "
            remedies[0] = first + remedies[0][:1].lower() + remedies[0][1:]
        raise DataFileError(f"{path}: {what} ({_ROWS}). {' '.join(remedies)}")
    return values


def _values(column: TextColumn, style: str | None, told: list[str], *, known: bool) -> Any:
    name = shown(column.name)
    if column.plain is None:
        if not column.distinct:
            return np.full(len(column.cells), np.nan)
        numbers = {*filter(_is_number, column.distinct)}
        if len(numbers) < len(column.distinct):
            unmarked = _without_marks(column, told)
            if unmarked is None:
                _refuse_unclear(column, numbers, known=known)
                _tell_of_words(column, numbers, told)
                return list(column.cells)
            column = unmarked
            if style is None and style_of([column]) is None:
                _refuse_doubtful(column, ".")
    if not known:
        _tell_of_codes(column, told)
    if column.plain is not None and style != ",":
        return _finite(column, column.plain)
    decimal = _decimal_style(column, style)
    marks = {c for cell in column.distinct for c in cell if c in ".,' "} - {decimal}
    if decimal == "," and any("," in cell for cell in column.distinct):
        told.append(f"column {name} read with decimal commas")
    if marks:
        told.append(f"column {name} read with {shown(min(marks))} between thousands")
    floats: dict[str | None, float] = {cell: _float(cell, decimal) for cell in column.distinct}
    floats[None] = np.nan
    return _finite(column, np.array([floats[cell] for cell in column.cells]))


def _finite(column: TextColumn, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.isinf(values).any():
        row = int(np.isinf(values).argmax())
        raise _UnclearError(
            f"column {shown(column.name)} holds {shown(column.cells[row])} in row {row + 1}, which "
            "is too large for a number of 64 bits",
            f"{_CORRECT}.",
        )
    return values


def _decimal_style(column: TextColumn, style: str | None) -> str:
    decimal = style_of([column]) or style
    if decimal is None:
        _refuse_doubtful(column, ",")
    decimal = decimal or "."
    others = [cell for cell in column.distinct if not _NUMBER[decimal].fullmatch(cell)]
    if others:
        raise _UnclearError(
            f"column {shown(column.name)} holds numbers with decimal points and others with "
            f"decimal commas, such as {shown(others[0])} in row {column.row_of(others[0])}",
            "Write them alike, or pass --decimal",
        )
    return decimal


def _refuse_doubtful(column: TextColumn, mark: str) -> None:
    """Refuse a number whose mark may stand between thousands or before decimals."""
    cells = column.cells if column.plain is not None else column.distinct
    with_mark = (cell for cell in cells if cell is not None and mark in cell)
    marked = next((cell for cell in with_mark if mark == "," or _GROUPS.fullmatch(cell)), None)
    if marked is None:
        return
    what = {",": "comma", ".": "point"}[mark]
    other = {",": ".", ".": ","}[mark]
    raise _UnclearError(
        f"column {shown(column.name)} holds {shown(marked)} in row {column.row_of(marked)}, "
        f"whose {what} may stand between thousands or before decimals",
        f"Pass --decimal {mark} if decimals follow it, else --decimal {other}",
    )


def _float(cell: str, decimal: str) -> float:
    return float("".join(c for c in cell if c == decimal or c not in ".,' ").replace(",", "."))


def _tell_of_codes(column: TextColumn, told: list[str]) -> None:
    if column.plain is not None and (np.nan_to_num(column.plain) % 1).any():
        return
    days = (cell for cell in column.cells if cell is not None)
    if column.plain is not None and all(map(_DAY.fullmatch, days)):
        told.append(
            f"column {shown(column.name)} read as numbers, which look like dates: "
            f"{shown(next(cell for cell in column.cells if cell is not None))}"
        )
    zeros = (cell for cell in column.cells if cell is not None and cell.startswith("0"))
    if code := next(filter(_CODE.fullmatch, zeros), None):
        told.append(
            f"column {shown(column.name)} read as numbers, without the zeros in front, as in "
            f"{shown(code)}; if they are codes, name it in --categories"
        )


def _without_marks(column: TextColumn, told: list[str]) -> TextColumn | None:
    """Return the numbers of a column whose cells all have the same unit."""
    bare: dict[str | None, str | None] = {None: None}
    marks = set()
    for cell in column.distinct:
        # As accountants write what is less than nothing.
        in_brackets = cell.startswith("(") and cell.endswith(")")
        found = _MARKED.fullmatch(f"-{cell[1:-1]}" if in_brackets else cell)
        if found is None or not _is_number(number := found["sign"] + found["number"].strip()):
            return None
        marks.add((found["before"], found["behind"].strip()))
        if len(marks) > 1:
            return None
        bare[cell] = number
    ((before, behind),) = marks
    parts = [shown(mark) for mark in (before, behind) if mark] or ["brackets, which are a minus"]
    told.append(f"column {shown(column.name)} read as numbers, without {' and '.join(parts)}")
    # Not as plain numbers: 1.234 € may be more than a thousand.
    return TextColumn(column.name, [bare[cell] for cell in column.cells], None)


def _refuse_unclear(column: TextColumn, numbers: set[str], *, known: bool) -> None:
    """Refuse dates, and a column of numbers in which a few cells are words."""
    name = shown(column.name)
    if not known and all(map(_DATE.fullmatch, column.distinct)):
        first = next(iter(column.distinct))
        raise _UnclearError(
            f"column {name} holds dates or times, such as {shown(first)} in row "
            f"{column.row_of(first)}",
            "No network reads them as they are: put what matters of them as numbers, such as the "
            "year or the days since the first, or leave the column out by --ignore, or take its "
            "cells for words by --categories.",
        )
    n_words = sum(n for cell, n in column.distinct.items() if cell not in numbers)
    n_numbers = column.distinct.total() - n_words
    few = n_words < _FEW * n_numbers
    # A mark of gaps of their own, rather than one category beside many.
    many = len(numbers) > _MANY_NUMBERS or 2 < len(numbers) == n_numbers
    n_marks = len(column.distinct) - len(numbers)
    if not (known or few or (n_words < n_numbers and n_marks <= _MOST_MARKS and many)):
        return
    words = [
        (row, cell)
        for row, cell in enumerate(column.cells, start=1)
        if cell is not None and cell not in numbers
    ]
    some = ", ".join(f"{shown(cell)} in row {row}" for row, cell in words[:_MOST_SHOWN])
    more = f" and {n_words - _MOST_SHOWN} more" if n_words > _MOST_SHOWN else ""
    gap = words[0][1]
    raise _UnclearError(
        f"column {name} {'was of' if known else 'holds'} numbers, but {some}{more}",
        f"{_CORRECT}."
        if known
        else f"{_CORRECT}, or leave the column out by --ignore, or take all its cells "
        "for words by --categories.",
        gap if len(gap) <= _LONGEST_MARK and "," not in gap else None,
    )


def _tell_of_words(column: TextColumn, numbers: set[str], told: list[str]) -> None:
    if numbers:
        word = next(cell for cell in column.distinct if cell not in numbers)
        told.append(
            f"column {shown(column.name)} read as words, since {shown(word)} in row "
            f"{column.row_of(word)} is no number"
        )
    elif len(column.distinct) > _MANY_NUMBERS and all(map(_HAS_DIGIT.search, column.distinct)):
        told.append(
            f"column {shown(column.name)} read as words, such as "
            f"{shown(next(iter(column.distinct)))}: {len(column.distinct)} different ones, all of "
            "which hold digits"
        )
    if len(column.distinct) == len(column.cells) > _MANY_WORDS:
        told.append(
            f"column {shown(column.name)} holds another word in every row; if it only names them, "
            "leave it out by --ignore"
        )
