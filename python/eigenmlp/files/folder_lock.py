"""One writer at a time in a folder."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FolderLock"]

_held: set[int] = set()


class FolderLock:
    """A lock of a folder, which dies with its process and isn't inherited by a fork's child.

    Attributes
    ----------
    folder : Path

    Raises
    ------
    OSError
        If another holds it, or the folder can't be opened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._descriptor = os.open(folder, os.O_RDONLY)
        _held.add(self._descriptor)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def holds(self) -> bool:
        """Whether the path is still that of the locked folder."""
        if self._descriptor not in _held:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.folder.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let go of it; more than once does no harm."""
        if self._descriptor in _held:
            _held.remove(self._descriptor)
            os.close(self._descriptor)

    __del__ = release


def _let_go() -> None:
    """Close a child's copies of the locks, which would outlive the parent."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)
