"""Options: each declared once, as a field with what it may be and what is said where it isn't.

A frozen dataclass checks its fields by `check_options`; whatever else knows an option, such as the
tables of scikit-learn's constraints and the command line, derives it from the field.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eigenmlp.common.arguments import flag, real_number, whole_number
from eigenmlp.common.words import shown

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Choice", "Flag", "Real", "Table", "Whole", "check_of", "check_options", "option"]


@dataclass(frozen=True, kw_only=True)
class Real:
    """A real number between bounds, as a float.

    Parameters
    ----------
    wanted : str
        What to pass: "a share", "λ, 0 for no penalty".
    least, most : float, default=0 and inf
        Bounds.
    beyond_least, up_to_most : bool, default=False
        Whether the first bound itself is out of range, and the second in it. Infinity never is.
    optional : bool, default=False
        Whether None is a value, too.
    refusal : str, default=""
        What is said of a number out of range; by default, the bounds.
    """

    wanted: str
    least: float = 0.0
    most: float = math.inf
    beyond_least: bool = False
    up_to_most: bool = False
    optional: bool = False
    refusal: str = ""

    def __call__(self, name: str, value: object) -> Any:
        """Return the value as a float; None where it may be.

        Raises
        ------
        TypeError, ValueError
            If it is not a number, or out of range.
        """
        if value is None and self.optional:
            return None
        number = real_number(name, value, f"pass {self.wanted}")
        above = number > self.least if self.beyond_least else number >= self.least
        below = number <= self.most if self.up_to_most else number < self.most
        if not (above and below):
            raise ValueError(f"{name}={value} {self.refusal or self._range(name)}")
        return number

    def _range(self, name: str) -> str:
        sign = "<" if self.beyond_least else "<="
        if math.isfinite(self.most):
            to = "<=" if self.up_to_most else "<"
            return f"is out of range: {self.least:g} {sign} {name} {to} {self.most:g}"
        return f"must be finite and {sign.replace('<', '>')} {self.least:g}"


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A whole number, `least` or more; `wanted` says what to pass."""

    wanted: str
    least: int
    optional: bool = False

    def __call__(self, name: str, value: object) -> int | None:
        """Return the value as an int."""
        if value is None and self.optional:
            return None
        return whole_number(name, value, minimum=self.least, remedy=f"pass {self.wanted}")


@dataclass(frozen=True)
class Flag:
    """True or False."""

    def __call__(self, name: str, value: object) -> bool:
        """Return the value."""
        return flag(name, value)


@dataclass(frozen=True)
class Choice:
    """One of a few names."""

    names: tuple[str, ...]

    def __call__(self, name: str, value: object) -> str:
        """Return the value."""
        if not isinstance(value, str) or value not in self.names:
            raise ValueError(f"{name}={shown(value)} is unknown; use {self.listed}")
        return value

    @property
    def listed(self) -> str:
        """The names as a sentence has them."""
        *others, last = map(repr, self.names)
        return f"{', '.join(others)} or {last}" if others else last


@dataclass(frozen=True, kw_only=True)
class Table:
    """Numbers, each by one of a few names or by a whole number from 0, as a dict.

    Those that are as they would be without, and a dict of nothing else, are left out: None.

    Parameters
    ----------
    names : tuple of str
        Of what a number can be given for.
    numbered : str
        What is meant by a whole number.
    check : Real
        Of each number.
    without : float
        What a number is that isn't there.
    """

    names: tuple[str, ...]
    numbered: str
    check: Real
    without: float

    def __call__(self, name: str, value: object) -> dict[str | int, float] | None:
        """Return the numbers that matter, in an order of their own."""
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise TypeError(
                f"{name}={shown(value)} is not a dict; pass one such as "
                f"{{{self.names[0]!r}: {self.check.wanted}}}"
            )
        numbers = {self._key(name, k): self.check(f"{name}[{k!r}]", v) for k, v in value.items()}
        kept = {key: number for key, number in numbers.items() if number != self.without}
        return {key: kept[key] for key in sorted(kept, key=str)} or None

    def _key(self, name: str, key: object) -> str | int:
        # JSON has texts alone as keys.
        if isinstance(key, str) and key.isdecimal():
            return int(key)
        if key in self.names or (isinstance(key, int) and not isinstance(key, bool) and key >= 0):
            return key
        raise ValueError(
            f"{name} has {shown(key)}; use {', '.join(map(repr, self.names))}, or the number of "
            f"{self.numbered}, from 0"
        )


def option(check: Callable[[str, Any], Any] | None = None, told: str = "") -> Mapping[str, Any]:
    """Return the metadata of a field.

    Parameters
    ----------
    check : Callable[[str, object], object] or None, default=None
        Takes the field's name and a value, and returns what is kept, or raises; None leaves the
        check to the class.
    told : str, default=""
        A sentence on it, for the command line.
    """
    return {"check": check, "told": told}


def check_options(options: Any) -> None:
    """Check every option of a frozen dataclass, and keep what the checks return."""
    for field in dataclasses.fields(options):
        check = field.metadata.get("check")
        if check is not None:
            object.__setattr__(options, field.name, check(field.name, getattr(options, field.name)))


def check_of(kind: type[Any], name: str) -> Any:
    """Return the check of an option of a dataclass, by which it can be declared elsewhere."""
    return kind.__dataclass_fields__[name].metadata["check"]
