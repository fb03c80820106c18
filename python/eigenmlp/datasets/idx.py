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

from eigenmlp.datasets.kinds import check_size, looks_like
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
    data = _read_bytes(path)
    dtype, shape = _parse_header(data, path)
    start = _MAGIC_LENGTH + 4 * len(shape)
    check_size(str(path), dtype, shape, len(data) - start)
    return np.frombuffer(data, dtype, offset=start).reshape(shape)


def _read_bytes(path: Path) -> bytes:
    data = path.read_bytes()
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataFileError(
            f"{path} is damaged or cut off: gzip cannot unpack it ({error}). Download it again"
        ) from error


def _parse_header(data: bytes, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    if len(data) < _MAGIC_LENGTH or data[:2] != b"\x00\x00" or data[2] not in _TYPES:
        types = ", ".join(f"{code:02x}" for code in _TYPES)
        raise DataFileError(
            f"{path} is not an IDX file: it {looks_like(data)}, where IDX has 00 00, a type "
            f"({types}) and the number of dimensions. Check that it is the file you meant"
        )
    rank = data[3]
    if len(data) < _MAGIC_LENGTH + 4 * rank:
        raise DataFileError(
            f"{path} is cut off within its header, which announces {rank} dimensions. "
            "Download or write it again"
        )
    shape = np.frombuffer(data, ">u4", count=rank, offset=_MAGIC_LENGTH)
    return _TYPES[data[2]], tuple(shape.tolist())
