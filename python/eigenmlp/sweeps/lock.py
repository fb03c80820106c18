"""One study at a time in an output folder."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eigenmlp.errors import EigenmlpError

__all__ = ["exclusive"]

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone, creating it if needed.

    The lock belongs to the operating system: it ends with the process, however that ends.

    Raises
    ------
    EigenmlpError
        If another process holds the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Not what a link leads to: that is no business of the study's.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(folder / ".lock", flags, 0o666)
    try:
        try:
            _lock(descriptor)
        except OSError:
            raise EigenmlpError(
                f"another study is writing to {folder}: wait until it ends, "
                "or give this one a folder of its own with --output"
            ) from None
        yield
    finally:
        os.close(descriptor)
