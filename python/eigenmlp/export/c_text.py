"""Numbers and labels as C99 writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["LabelTable", "in_comment", "label_table", "literal", "table"]

_WIDTH = 96  # of a line of numbers
_LONGEST_STRING = 4095  # that every C99 compiler takes (5.2.4.1)
_INDENT = "    "


def literal(value: float, dtype: np.dtype[Any]) -> str:
    """Write a finite number, in hexadecimal, of which C99 promises the same bits (6.4.4.2)."""
    mantissa, _, exponent = float(value).hex().partition("p")
    digits = mantissa.rstrip("0").removesuffix(".") if "." in mantissa else mantissa
    return f"{digits}p{exponent}" + ("f" if dtype == np.float32 else "")


def table(kind: str, name: str, values: NDArray[Any]) -> str:
    """Define a constant array, row by row."""
    flat = values.ravel()
    if flat.dtype == np.int8:
        items = [str(value) for value in flat.tolist()]
    else:
        items = [literal(value, flat.dtype) for value in flat.tolist()]
    lines = "\n".join(_lines(items))
    return f"static const {kind} {name}[{flat.size}] = {{\n{lines}\n}};\n"


def _lines(items: list[str]) -> Iterator[str]:
    """Fill lines with items and commas."""
    line = _INDENT
    for item in items:
        if len(line) + len(item) + 1 > _WIDTH:
            yield line.rstrip()
            line = _INDENT
        line += f"{item}, "
    yield line.rstrip()


class LabelTable(NamedTuple):
    """Labels of classes: their type in C, and each as a literal."""

    type: str
    labels: list[str]

    def variable(self, name: str, n_classes: str) -> str:
        """Write the array without its content; `n_classes` is its size."""
        return f"extern const {self.type} {name}_labels[{n_classes}]"

    def definition(self, name: str, n_classes: str) -> str:
        """Write the array with its content."""
        labels = "".join(f"{_INDENT}{label},\n" for label in self.labels)
        return f"{self.variable(name, n_classes)} = {{\n{labels}}};\n".removeprefix("extern ")


def label_table(labels: NDArray[Any]) -> LabelTable:
    """Write labels as C's integers or doubles where they are numbers, else as UTF-8 strings.

    Raises
    ------
    ValueError
        If a label holds a NUL, or is longer than the strings that C99 promises.
    """
    if labels.dtype.kind in "iub":
        low, high = int(labels.min()), int(labels.max())
        for bits in (32, 64):
            if -(2 ** (bits - 1)) < low and high < 2 ** (bits - 1):
                return LabelTable(f"int{bits}_t", [_integer(int(label), bits) for label in labels])
    if labels.dtype.kind == "f" and np.isfinite(labels).all():
        return LabelTable("double", [repr(label) for label in labels.tolist()])
    return LabelTable("char *const", [_string(str(label)) for label in labels])


def in_comment(text: str) -> str:
    """Write a text as JSON does, and so that it can't end a comment or begin another."""
    return json.dumps(text, ensure_ascii=not text.isprintable()).replace("/", r"\u002f")


def _integer(value: int, bits: int) -> str:
    return f"INT{bits}_C({value})" if value >= 0 else f"-INT{bits}_C({-value})"


def _string(text: str) -> str:
    encoded = text.encode()
    if 0 in encoded:
        raise ValueError(f"the label {text!r} holds a NUL, which ends a string of C; rename it")
    if len(encoded) > _LONGEST_STRING:
        raise ValueError(
            f"the label {text[:20]!r}… has {len(encoded)} bytes, but compilers of C99 need to take "
            f"no more than {_LONGEST_STRING}; rename it"
        )
    return '"' + "".join(map(_character, encoded)) + '"'


def _character(byte: int) -> str:
    character = chr(byte)
    # Three octal digits, so that a digit that follows is not part of it; ? might make a trigraph.
    if not 32 <= byte < 127 or character in '"\\?':
        return f"\\{byte:03o}"
    return character
