"""How many threads the core may use."""

import functools
import importlib
import os

from eigenmlp._arguments import whole_number
from eigenmlp._native import _core

__all__ = ["thread_limit", "threads"]

# The core counts in 32 bits, and no work has that many parts.
_MOST = 2**31 - 1


def threads(n_threads: int | None) -> _core.Threads:
    """Translate an argument n_threads for the core: None lets it decide by the work at hand."""
    if n_threads is None:
        return _automatic(thread_limit())
    count = whole_number("n_threads", n_threads, minimum=1, remedy="pass 1 or more, or None")
    return _core.Threads(min(count, _MOST), exact=True)


def thread_limit() -> int:
    """Return the most threads that n_threads=None uses.

    The cores that the process may use, by its CPU affinity and its container's quota, but no more
    than EIGENMLP_NUM_THREADS if that is set, or else OMP_NUM_THREADS: by that variable joblib tells
    its worker processes their share of the machine.

    Raises
    ------
    ValueError
        If EIGENMLP_NUM_THREADS is not a whole number of 1 or more.
    """
    own = os.environ.get("EIGENMLP_NUM_THREADS")
    if own:
        return min(_cores(), _own_limit(own))
    shared = os.environ.get("OMP_NUM_THREADS")
    return min(_cores(), _shared_limit(shared)) if shared else _cores()


@functools.cache
def _automatic(limit: int) -> _core.Threads:
    return _core.Threads(limit, exact=False)


@functools.cache
def _own_limit(text: str) -> int:
    try:
        limit = int(text)
    except ValueError:
        limit = 0
    if limit < 1:
        raise ValueError(
            f"EIGENMLP_NUM_THREADS={text!r} is not a whole number of 1 or more; correct or unset it"
        )
    return limit


@functools.cache
def _shared_limit(text: str) -> int:
    # OpenMP allows a list, one number for each level of nesting. What it can't read, it ignores.
    first = text.split(",", maxsplit=1)[0].strip()
    readable = first.isdecimal() and len(first) < 10 and int(first) > 0
    return int(first) if readable else _MOST


@functools.cache
def _cores() -> int:
    # Imported here: a call that names its threads needn't wait for it.
    return int(importlib.import_module("joblib").cpu_count())
