"""What callbacks remember from epoch to epoch, as a checkpoint can give it back."""

from __future__ import annotations

from typing import Any

import numpy as np

from eigenmlp.callbacks import Callback

__all__ = ["checked_memory", "remembers"]


def remembers(hook: Callback) -> bool:
    """Whether checkpoints keep something of a callback."""
    kind = type(hook)
    gives = kind.state_dict is not Callback.state_dict
    takes = kind.load_state_dict is not Callback.load_state_dict
    if gives != takes:
        raise TypeError(
            f"{kind.__name__} overrides one of state_dict and load_state_dict; what it remembers "
            "would be lost, so override both"
        )
    return gives


def checked_memory(hook: Callback) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a callback remembers: what JSON gives back unchanged, and arrays."""
    kept: Any = hook.state_dict()
    if not isinstance(kept, dict):
        raise TypeError(f"{hook!r}.state_dict() returned {kept!r}, not a dict")
    arrays = {name: value for name, value in kept.items() if type(value) is np.ndarray}
    plain = {name: value for name, value in kept.items() if name not in arrays}
    for name, value in kept.items():
        fits = value.dtype.kind in "biufc" if name in arrays else _is_plain(value)
        if not (isinstance(name, str) and fits):
            raise TypeError(
                f"{hook!r}.state_dict() has {name!r}: {value!r}, which a checkpoint can't give "
                "back as it is; name it by a str, and pass numbers of Python, texts, None, lists "
                "or dicts of them with str as keys, or NumPy arrays of numbers"
            )
    return plain, arrays


def _is_plain(value: Any) -> bool:
    """Whether JSON gives a value back as it is."""
    if type(value) is list:
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(type(key) is str and _is_plain(entry) for key, entry in value.items())
    return value is None or isinstance(value, (bool, int, float, str))
