"""Data in files that all processes of a machine map, so that they are in memory once."""

import contextlib
import io
import mmap
import pickle
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from eigenmlp.files.folder_lock import FolderLock
from eigenmlp.sweeps.data import Data

__all__ = ["MappedData"]

_PREFIX = "eigenmlp-data-"


class MappedData:
    """Data that travel as the names of files; parts of maps stay where they are.

    Parameters
    ----------
    data : Data
        What to share.
    """

    def __init__(self, data: Data) -> None:
        _remove_abandoned(Path(tempfile.gettempdir()))
        self._lock = _locked_folder()
        self.folder = str(self._lock.folder)
        try:
            content = io.BytesIO()
            _Writer(content, Path(self.folder)).dump(data)
        except BaseException:
            self.close()
            raise
        self._content = content.getvalue()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def open(self) -> Data:
        """Return the data; a process maps those of one sweep once."""
        return _opened(self.folder, self._content)

    def close(self) -> None:
        """Remove the files. Who has mapped them still has them."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()


def _locked_folder() -> FolderLock:
    """Make a temporary folder, and lock it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # Before it was locked, another sweep may have taken it for an abandoned one.
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            lock = FolderLock(folder)
            if lock.holds():
                return lock


def _remove_abandoned(temporary: Path) -> None:
    """Remove what killed sweeps have left: their locks died with them."""
    for folder in temporary.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = FolderLock(folder)
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()


@lru_cache(maxsize=1)
def _opened(_folder: str, content: bytes) -> Data:
    data: Data = _Reader(io.BytesIO(content)).load()
    return data


class _Writer(pickle.Pickler):
    """Pickles arrays as the files and places that they lie at."""

    def __init__(self, file: io.BytesIO, folder: Path) -> None:
        super().__init__(file)
        self._folder = folder
        self._n_written = 0

    def persistent_id(self, value: object) -> Any:
        if not isinstance(value, np.ndarray) or value.dtype.hasobject:
            return None
        place = _place(value)
        if place is None:
            path = self._folder / f"{self._n_written}.npy"
            self._n_written += 1
            np.save(path, value)
            place = _place(np.load(path, mmap_mode="r"))
        return place


class _Reader(pickle.Unpickler):
    def persistent_load(self, place: Any) -> np.ndarray:
        path, dtype, offset, shape, order = place
        return np.memmap(path, np.dtype(dtype), "r", offset, shape, order)


def _place(array: np.ndarray) -> tuple[str, str, int, tuple[int, ...], str] | None:
    """Return the file that an array is a map of, and where in it; None if it isn't one."""
    root: Any = array
    while isinstance(root.base, np.memmap):
        root = root.base
    flags = array.flags
    if (
        not isinstance(root, np.memmap)
        or not isinstance(root.base, mmap.mmap)
        or root.filename is None
        or root.mode == "c"  # changes stay in the memory of one process
        or not (flags.c_contiguous or flags.f_contiguous)
    ):
        return None
    offset = (
        root.offset + array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    )
    order = "C" if flags.c_contiguous else "F"
    return str(root.filename), array.dtype.str, offset, array.shape, order
