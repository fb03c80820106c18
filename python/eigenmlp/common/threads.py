"""How many threads the core may use."""

import functools
import os
from pathlib import Path

from threadpoolctl import LibController, register

from eigenmlp._native import _core
from eigenmlp.common.arguments import whole_number
from eigenmlp.common.version import __version__
from eigenmlp.common.words import shown

__all__ = ["thread_limit", "threads"]

# The core counts in 32 bits, and no work has that many parts.
_MOST = 2**31 - 1
_CGROUP = Path("/sys/fs/cgroup")


def threads(n_threads: int | None) -> _core.Threads:
    """Translate an argument n_threads for the core: None lets it decide by the work at hand.

    A call that is more than one call of the core is put into ``with threads(n_threads)``: it then
    has its share of the cores from its beginning to its end.
    """
    if n_threads is None:
        return _automatic(thread_limit())
    count = whole_number("n_threads", n_threads, minimum=1, remedy="pass 1 or more, or None")
    return _core.Threads(min(count, _MOST), exact=True)


def thread_limit() -> int:
    """Return the most threads that n_threads=None uses where threadpoolctl sets no limit.

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


class _ThreadpoolController(LibController):  # type: ignore[misc]  # threadpoolctl has no types
    """What threadpoolctl asks and tells our pool."""

    user_api = internal_api = "eigenmlp"
    filename_prefixes = (_core.__name__.rpartition(".")[2],)
    check_symbols = ("eigenmlp_limit_threads",)

    def get_num_threads(self) -> int:
        limit: int = self.dynlib.eigenmlp_thread_limit()
        return min(_own_or_all(), limit)

    def set_num_threads(self, num_threads: int) -> None:
        # At the end of a limit threadpoolctl sets the number from before, which may have been none.
        limit = num_threads if num_threads < _own_or_all() else _MOST
        self.dynlib.eigenmlp_limit_threads(limit)

    def get_version(self) -> str:
        return __version__


register(_ThreadpoolController)


def _own_or_all() -> int:
    """Return thread_limit(), without an error in calls that are none of ours."""
    try:
        return thread_limit()
    except ValueError:
        return _cores()


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
            f"EIGENMLP_NUM_THREADS={shown(text)} is not a whole number of 1 or more; correct or "
            "unset it"
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
    """Count the cores that the process may use, as joblib does.

    Not by joblib: to import it late, in a thread that outlives the main one, at exit or in a
    signal's handler that came in the middle of its import, is an error; to import it early makes
    the package's import a quarter longer.
    """
    found = os.cpu_count() or 1
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else found
    own = os.environ.get("LOKY_MAX_CPU_COUNT", "")
    limit = int(own) if own.isdecimal() else found
    return max(1, min(found, affinity, limit, _quota(_CGROUP) or found))


def _quota(folder: Path) -> int | None:
    """Return the cores that a container's quota allows, if it has one, rounded up."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((folder / name).read_text() for name in files).split()
            allowed = -(-int(quota) // int(period))
        except (OSError, ValueError, ZeroDivisionError):
            continue  # no such file, or "max"
        if allowed > 0:
            return allowed
    return None
