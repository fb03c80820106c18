"""Kinds of data file, told by their names, and the checks that their readers share."""

import enum
import errno
import math
import os
import re
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from eigenmlp.common.words import shortened
from eigenmlp.errors import DataFileError

__all__ = [
    "BinaryReader",
    "FileKind",
    "StrPath",
    "check_size",
    "file_kind",
    "is_there",
    "looks_like",
    "read_values",
]

StrPath = str | os.PathLike[str]

_LONGEST_PATH = 1024  # of a path shown whole
_MOST_DIMENSIONS = 32  # of an array, also in NumPy 1
_MOST_OF_DEFLATE = 1032  # bytes unpacked from one: zlib's "Maximum Compression Factor"


class BinaryReader(Protocol):
    """What is read from: a file, or what unpacks one."""

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes; fewer only at the end."""
        ...


class FileKind(enum.Enum):
    """A kind of data file; the value says how such files are recognized."""

    NPY = "NumPy arrays (.npy)"
    NPZ = "NumPy archives (.npz)"
    IDX = "IDX files (.idx, or 'idx' or 'ubyte' in the name, with or without .gz)"
    CSV = "CSV tables (.csv)"
    PARQUET = "Parquet tables (.parquet, or a folder of such parts)"
    FEATHER = "Feather tables (.feather)"


_SUFFIXES = {
    ".npy": FileKind.NPY,
    ".npz": FileKind.NPZ,
    ".csv": FileKind.CSV,
    ".parquet": FileKind.PARQUET,
    ".feather": FileKind.FEATHER,
}

# First bytes of files that get mistaken for data files, and what they are.
_SIGNATURES = {
    b"\x93NUMPY": "a NumPy array (.npy)",
    b"PK\x03\x04": "a zip archive, as .npz files are",
    b"PAR1": "a Parquet table (.parquet)",
    b"ARROW1": "a Feather table (.feather)",
    b"\x1f\x8b": "a gzip file",
    b"\x00\x00": "an IDX file",
    b"\x80": "a Python pickle, which is never loaded because it can run any code",
    b"<": "a web page, so the download went wrong",
}


def file_kind(path: Path) -> FileKind:
    """Tell the kind of a data file by its name; a folder is one of Parquet's parts.

    Parameters
    ----------
    path : Path
        An existing file that is not empty, or a folder.

    Raises
    ------
    DataFileError
        If there is no such file, it is empty, or its name tells no kind.
    """
    if not is_there(path):
        raise DataFileError(
            f"{_of_any_length(path)}: there is no such file. Check the path; a "
            f"relative one starts at {Path.cwd()}"
        )
    if path.is_dir():
        return FileKind.PARQUET
    if path.stat().st_size == 0:
        raise DataFileError(f"{path} is empty (0 bytes). Make or download it again")
    name = path.name.lower()
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is not None:
        return kind
    inner = Path(name.removesuffix(".gz")).suffix
    if name.endswith(".gz") and inner in _SUFFIXES:
        raise DataFileError(
            f"{path}: only IDX files are read compressed. Unpack this one first: gunzip {path}"
        )
    if name.endswith(".gz") or re.search(r"idx|ubyte", name):
        return FileKind.IDX
    accepted = "; ".join(kind.value for kind in FileKind)
    raise DataFileError(
        f"{path}: the name does not tell what kind of file it is, of those that are read: "
        f"{accepted}. Write the data as one of them, or, if it is one, rename it"
    )


def is_there(path: Path) -> bool:
    """Whether there is such a file; a name too long for any is none."""
    try:
        return path.exists()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def _of_any_length(path: Path) -> str:
    text = str(path)
    return text if len(text) <= _LONGEST_PATH else shortened(text)


def looks_like(head: bytes) -> str:
    """Say in words how a file begins, for the error about a file that is not what it should be."""
    shown = head[:4].hex(" ")
    for signature, meaning in _SIGNATURES.items():
        if head.startswith(signature):
            return f"begins with the bytes {shown}, as if it were {meaning}"
    return f"begins with the bytes {shown}"


def byte_size(dtype: np.dtype[Any], shape: tuple[int, ...]) -> int:
    """Count the bytes of an array."""
    return math.prod(shape) * dtype.itemsize


def read_values(
    stream: BinaryReader, source: str, dtype: np.dtype[Any], shape: tuple[int, ...], packed: int
) -> bytes:
    """Unpack the values that a header announces, and no more.

    Parameters
    ----------
    stream
        Unpacks deflate; at the first value.
    source : str
        Names the file in the errors.
    dtype, shape
        What the header announces.
    packed : int
        Bytes in the file. Deflate packs at most 1,032 bytes into one, so that no file makes us
        allocate more than so many times its size.

    Raises
    ------
    DataFileError
        If the values are missing, or more follow.
    """
    expected = byte_size(dtype, shape)
    if expected > _MOST_OF_DEFLATE * packed:
        raise DataFileError(
            f"{source} is cut off or damaged: its header announces shape {shape} of {dtype.name}, "
            f"{expected} bytes, and {packed} packed ones can't hold them. Download or write it "
            "again"
        )
    data = stream.read(expected)
    check_size(source, dtype, shape, len(data) + len(stream.read(1)))
    return data


def check_size(source: str, dtype: np.dtype[Any], shape: tuple[int, ...], found: int) -> None:
    """Compare what a header announces with the bytes that follow it.

    Parameters
    ----------
    source : str
        Names the file in the error.
    dtype, shape
        What the header announces.
    found : int
        Number of bytes after the header.

    Raises
    ------
    DataFileError
        If the array is empty, or bytes are missing or left over.
    """
    if len(shape) > _MOST_DIMENSIONS:
        raise DataFileError(
            f"{source} has a damaged header, which announces {len(shape)} dimensions; at "
            f"most {_MOST_DIMENSIONS} are read. Download or write it again"
        )
    announced = f"shape {shape} of {dtype.name}"
    expected = byte_size(dtype, shape)
    if expected == 0:
        raise DataFileError(f"{source} holds no values ({announced}). Write it again with data")
    if found < expected:
        raise DataFileError(
            f"{source} is cut off: its header announces {announced}, {expected} bytes, but "
            f"{found} follow. Download or write it again"
        )
    if found > expected:
        raise DataFileError(
            f"{source} has too many bytes: more follow after its last value ({announced}). "
            "Two files may have been joined; download or write it again"
        )
