"""Descriptions of parameters that several docstrings share, written once."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["with_parameters_of"]

_Documented = TypeVar("_Documented", bound="Callable[..., Any]")


def with_parameters_of(source: type[Any]) -> Callable[[_Documented], _Documented]:
    """Decorate what shares parameters with a class, and has a line with its name, ``<Source>``.

    The class's descriptions take the place of that line: of the parameters which the decorated
    function (a class's constructor) has and doesn't describe itself.

    Examples
    --------
    >>> class Shared:
    ...     '''What is shared.
    ...
    ...     Parameters
    ...     ----------
    ...     n : int
    ...         How many.
    ...     length : int
    ...         How long.
    ...     '''
    >>> @with_parameters_of(Shared)
    ... def twice(n):
    ...     '''Do it.
    ...
    ...     Parameters
    ...     ----------
    ...     <Shared>
    ...     '''
    >>> "How many." in twice.__doc__, "How long." in twice.__doc__
    (True, False)
    """

    def document(documented: _Documented) -> _Documented:
        # Without docstrings, as with Python's -OO, there is nothing to do.
        if documented.__doc__ and source.__doc__:
            wanted = inspect.signature(documented).parameters.keys()
            described = {name for entry in _entries(documented.__doc__) for name in _names(entry)}
            entries = [
                entry
                for entry in _entries(source.__doc__)
                if wanted >= {*_names(entry)} and described.isdisjoint(_names(entry))
            ]
            line = re.compile(rf"^( *)<{source.__name__}>$", re.MULTILINE)
            documented.__doc__ = line.sub(
                lambda place: textwrap.indent("\n".join(entries), place[1]), documented.__doc__
            )
        return documented

    return document


def _entries(docstring: str) -> list[str]:
    """Divide a section of parameters into the descriptions of one parameter, or of several."""
    section = re.search(
        r"^Parameters\n-+\n(.*?)(?=\n\n\w[\w ]*\n-+\n|\Z)",
        inspect.cleandoc(docstring),
        re.DOTALL | re.MULTILINE,
    )
    assert section is not None, docstring  # noqa: S101
    return re.split(r"\n(?=\S)", section[1].rstrip())


def _names(entry: str) -> list[str]:
    return entry.partition("\n")[0].partition(" : ")[0].split(", ")
