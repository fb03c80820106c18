"""Objects made of options, as plain data that JSON holds, and back."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from eigenmlp.common.words import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["from_plain", "to_plain"]


def to_plain(value: object, kinds: Mapping[str, type[Any]]) -> Any:
    """Return plain data for a value.

    Parameters
    ----------
    value : object
        None, bools, numbers and texts, as they are; lists and dicts of such, keys of any of them;
        or a dataclass of one of the kinds: a dict of its options, and of its name as ``"kind"``.
    kinds : dict of str to class
        By the name that stands for each.

    Raises
    ------
    TypeError
        If the value is of no such kind, as functions are.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [to_plain(entry, kinds) for entry in value]
    if isinstance(value, dict):
        return {key: to_plain(entry, kinds) for key, entry in value.items()}
    for name, kind in kinds.items():
        if type(value) is kind:
            options = {
                field.name: to_plain(getattr(value, field.name), kinds)
                for field in dataclasses.fields(value)  # type: ignore[arg-type]  # of a dataclass
                if field.init
            }
            return {"kind": name, **options}
    raise TypeError(f"{shown(value)} can't be written as plain data; use one of {', '.join(kinds)}")


def from_plain(data: Any, kinds: Mapping[str, type[Any]]) -> Any:
    """Return the value that `to_plain` wrote; lists come back as tuples.

    Raises
    ------
    ValueError
        If a kind is unknown.
    TypeError, ValueError
        If an option of it is unknown, or its value is refused.
    """
    if isinstance(data, list):
        return tuple(from_plain(entry, kinds) for entry in data)
    if not isinstance(data, dict):
        return data
    options = {key: from_plain(entry, kinds) for key, entry in data.items()}
    if "kind" not in options:
        return options
    name = options.pop("kind")
    if name not in kinds:
        raise ValueError(f"kind={shown(name)} is unknown; use one of {', '.join(kinds)}")
    return kinds[name](**options)
