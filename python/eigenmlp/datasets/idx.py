"""The IDX format, in which MNIST and its relatives are published.

Two zero bytes, one byte for the type of the values, one for the number of dimensions, each
dimension as a big-endian 32-bit unsigned integer, then the values in row-major order, big-endian.
Source: "The IDX file format" at the end of http://yann.lecun.com/exdb/mnist/.
"""

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eigenmlp.datasets.kinds import BinaryReader, check_size, looks_like, read_values
from eigenmlp.errors import DataFileError

__all__ = ["read_idx"]

_TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_MAGIC_LENGTH = 4
_GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: Path) -> npt.NDArray[Any]:
    """Read an IDX file, plain or compressed by gzip (told by content, not by name).

    Returns
    -------
    ndarray
        The array in the file: big-endian, read-only.

    Raises
    ------
    DataFileError
        If the file is not IDX, is empty or cut off, goes on after its last value, or its gzip
        wrapping is damaged.
    """
    with path.open("rb") as file:
        if file.read(2) != _GZIP_MAGIC:
            file.seek(0)
            dtype, shape = _read_header(file, path)
            check_size(str(path), dtype, shape, path.stat().st_size - file.tell())
            return np.frombuffer(file.read(), dtype).reshape(shape)
    try:
        with gzip.open(path) as stream:
            dtype, shape = _read_header(stream, path)
            data = read_values(stream, str(path), dtype, shape, path.stat().st_size)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataFileError(
            f"{path} is damaged or cut off: gzip cannot unpack it ({error}). Download it again"
        ) from error
    return np.frombuffer(data, dtype).reshape(shape)


def _read_header(stream: BinaryReader, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    data = stream.read(_MAGIC_LENGTH)
    if len(data) < _MAGIC_LENGTH or data[:2] != b"\x00\x00" or data[2] not in _TYPES:
        types = ", ".join(f"{code:02x}" for code in _TYPES)
        begin = looks_like(data + stream.read(4))
        raise DataFileError(
            f"{path} is not an IDX file: it {begin}, where IDX has 00 00, a type "
            f"({types}) and the number of dimensions. Check that it is the file you meant"
        )
    rank = data[3]
    sizes = stream.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise DataFileError(
            f"{path} is cut off within its header, which announces {rank} dimensions. "
            "Download or write it again"
        )
    return _TYPES[data[2]], tuple(np.frombuffer(sizes, ">u4").tolist())
