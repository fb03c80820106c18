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
    """Decorate what has the parameters of a class as well, and a line with its name, ``<Source>``.

    The descriptions of the class's parameters take the place of that line.

    Examples
    --------
    >>> class Shared:
    ...     '''What is shared.
    ...
    ...     Parameters
    ...     ----------
    ...     n : int
    ...         How many.
    ...     '''
    >>> @with_parameters_of(Shared)
    ... def twice(n):
    ...     '''Do it.
    ...
    ...     Parameters
    ...     ----------
    ...     <Shared>
    ...     '''
    >>> "How many." in twice.__doc__
    True
    """

    def document(documented: _Documented) -> _Documented:
        # Without docstrings, as with Python's -OO, there is nothing to do.
        if documented.__doc__ and source.__doc__:
            found = re.search(
                r"^Parameters\n-+\n(.*?)(?=\n\n\w+\n-+\n|\Z)",
                inspect.cleandoc(source.__doc__),
                re.DOTALL | re.MULTILINE,
            )
            assert found is not None, source  # noqa: S101
            line = re.compile(rf"^( *)<{source.__name__}>$", re.MULTILINE)
            documented.__doc__ = line.sub(
                lambda place: textwrap.indent(found[1].rstrip(), place[1]), documented.__doc__
            )
        return documented

    return document
