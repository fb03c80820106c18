"""Tables and numbers as HTML and Markdown. Every text is escaped here and nowhere else."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from eigenmlp.study.report.analysis import spread

__all__ = [
    "MISSING",
    "Column",
    "Table",
    "data_uri",
    "duration",
    "number",
    "paragraph",
    "plus_minus",
    "signed",
    "with_spread",
]

MISSING = "–"


def number(value: float | None, digits: int = 4) -> str:
    """Format a loss or an accuracy as the report does, with four decimals; None as a dash."""
    return MISSING if value is None else f"{value:.{digits}f}"


def signed(value: float, digits: int = 4) -> str:
    """Format a difference, with its sign (a true minus) in front."""
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def with_spread(values: Iterable[float], digits: int = 4) -> str:
    """Format one value per seed: the mean, and ± the standard deviation if there are several."""
    over_seeds = spread(values)
    text = number(over_seeds.mean, digits)
    if over_seeds.deviation is None:
        return text
    return plus_minus(text, number(over_seeds.deviation, digits))


def plus_minus(text: str, error: str) -> str:
    """Join a number and its error so that a line can break before the ±, not after it."""
    return f"{text} ±\N{NO-BREAK SPACE}{error}"


def duration(seconds: float) -> str:
    """Format a time.

    Examples
    --------
    >>> from eigenmlp.study.report.markup import duration
    >>> duration(94), duration(200), duration(4000)
    ('94.0 s', '3 min 20 s', '1 h 06 min')
    """
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def paragraph(text: str, css: str = "") -> str:
    """Return a paragraph of plain text."""
    attribute = f' class="{css}"' if css else ""
    return f"<p{attribute}>{escape(text)}</p>"


def data_uri(content: bytes, kind: str) -> str:
    """Return the URI of an image that lies inside the page; `kind` as in "image/png"."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


@dataclass(frozen=True)
class Column:
    """A column's heading, the group it stands under, and whether it holds numbers."""

    name: str
    group: str = ""
    numeric: bool = True

    @property
    def css(self) -> str:
        """Classes of the column's cells: numbers align right, published ones are set apart."""
        return " ".join(
            name
            for name, holds in (("number", self.numeric), ("published", self.group == "published"))
            if holds
        )


@dataclass(frozen=True)
class Table:
    """A table of plain text, to be written as HTML or Markdown.

    Columns next to each other with the same group stand under a common heading.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"a row has {len(row)} cells and the table {len(self.columns)} columns: {row}"
                )

    def html(self) -> str:
        """Return the table for the page, in a box that scrolls sideways on narrow screens."""
        body = "\n".join(
            "<tr>"
            + "".join(
                self._cell("th" if index == 0 else "td", cell, column)
                for index, (cell, column) in enumerate(zip(row, self.columns, strict=True))
            )
            + "</tr>"
            for row in self.rows
        )
        return (
            f'<div class="scroll"><table>\n<thead>{self._head()}</thead>\n'
            f"<tbody>\n{body}\n</tbody>\n</table></div>"
        )

    def markdown(self) -> str:
        """Return the table in GitHub's Markdown."""
        headings = [
            f"{column.name} ({column.group})" if column.group else column.name
            for column in self.columns
        ]
        rules = ["---:" if column.numeric else "---" for column in self.columns]
        lines = [headings, rules, *self.rows]
        return "".join(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
        )

    @staticmethod
    def _cell(tag: str, text: str, column: Column) -> str:
        css = f' class="{column.css}"' if column.css else ""
        scope = ' scope="row"' if tag == "th" else ""
        return f"<{tag}{scope}{css}>{escape(text)}</{tag}>"

    def _head(self) -> str:
        names = "".join(
            f'<th scope="col" class="{column.css}">{escape(column.name)}</th>'
            for column in self.columns
        )
        if not any(column.group for column in self.columns):
            return f"<tr>{names}</tr>"
        spans: list[list[Column]] = []
        for column in self.columns:
            if spans and spans[-1][0].group == column.group:
                spans[-1].append(column)
            else:
                spans.append([column])
        groups = "".join(
            f'<th scope="colgroup" colspan="{len(span)}" class="group">{escape(span[0].group)}</th>'
            if span[0].group
            else f'<td colspan="{len(span)}"></td>'
            for span in spans
        )
        return f"<tr>{groups}</tr>\n<tr>{names}</tr>"
