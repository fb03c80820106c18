"""Safetensors files, read so that no file can ask for more memory than it is large.

The package `safetensors` maps files into memory, where a file that is cut short while it is read
ends the process; here a file is read, after all that its header says has been checked. And where
the package has no memory to write with, it panics or aborts; here that is a MemoryError.
"""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

import numpy as np

from eigenmlp.common.words import shown
from eigenmlp.files.foreign_files import foreign_kind

if TYPE_CHECKING:
    import os
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = [
    "MAX_HEADER_BYTES",
    "Entry",
    "ForeignFileError",
    "SafetensorsError",
    "SafetensorsFile",
    "deserialized",
    "serialized",
    "strict_json",
]

# Of everything in a file but the arrays themselves; parsed, it takes up to 40 times the memory.
MAX_HEADER_BYTES = 8 * 2**20
_LENGTH_BYTES = 8

# The format's names of NumPy's types, without those that NumPy lacks, in the format's order.
_NAMES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "uint16": "U16", "float16": "F16",
    "int32": "I32", "uint32": "U32", "float32": "F32", "complex64": "C64", "float64": "F64",
    "int64": "I64", "uint64": "U64",
}  # fmt: skip


class SafetensorsError(ValueError):
    """A file is not a safetensors file, or contradicts itself."""


class ForeignFileError(SafetensorsError):
    """A file is of another kind, which the message names, and the way from there."""


class Entry(NamedTuple):
    """An array as the header describes it: bytes `start` to `stop` behind the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def serialized(arrays: dict[str, NDArray[Any]], metadata: dict[str, str]) -> bytes:
    """Write arrays, the widest types first and then by name, as the package does.

    Raises
    ------
    TypeError
        If an array is of a type that the format lacks.
    """
    for name, array in arrays.items():
        if array.dtype.name not in _NAMES:
            raise TypeError(f"{name} is of dtype {array.dtype}, which safetensors files lack")
    ranks = {dtype: rank for rank, dtype in enumerate(reversed(_NAMES))}
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    bodies: list[bytes] = []
    start = 0
    for name in sorted(arrays, key=lambda name: (ranks[arrays[name].dtype.name], name)):
        array = arrays[name]
        body = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        header[name] = {
            "dtype": _NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, start + len(body)],
        }
        start += len(body)
        bodies.append(body)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    # So that the arrays begin where any of their types may.
    text += b" " * (-len(text) % _LENGTH_BYTES)
    return b"".join([len(text).to_bytes(_LENGTH_BYTES, "little"), text, *bodies])


def deserialized(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file's content.

    Raises
    ------
    SafetensorsError
        If it is none, or of a type that NumPy lacks.
    """
    dtypes = {short: np.dtype(name) for name, short in _NAMES.items()}
    with SafetensorsFile(io.BytesIO(content)) as file:
        for name, entry in file.entries.items():
            if entry.dtype not in dtypes:
                raise SafetensorsError(f"{shown(name)} is of the type {shown(entry.dtype)}")
            if entry.stop - entry.start != math.prod(entry.shape) * dtypes[entry.dtype].itemsize:
                raise SafetensorsError(f"{shown(name)} has another size than its shape says")
        return {name: file.read(name, dtypes[entry.dtype]) for name, entry in file.entries.items()}


class SafetensorsFile:
    """An open safetensors file, its header read and checked.

    Parameters
    ----------
    source : path-like or io.BytesIO
        The file, or its content.

    Attributes
    ----------
    metadata : dict of str to str
    entries : dict of str to Entry

    Raises
    ------
    SafetensorsError
        If it is not a regular file, or not as https://huggingface.co/docs/safetensors has it; a
        ForeignFileError if it is known to be of another kind.
    """

    def __init__(self, source: str | os.PathLike[str] | io.BytesIO) -> None:
        self._file = source if isinstance(source, io.BytesIO) else _opened(source)
        try:
            self._data_start, header = self._read_header()
            self.metadata = _metadata(header.pop("__metadata__", {}))
            self.entries = {name: _entry(name, value) for name, value in header.items()}
            self._check_extents()
        except SafetensorsError as error:
            self._file.close()
            kind = None if isinstance(source, io.BytesIO) else foreign_kind(source)
            if kind is None:
                raise
            raise ForeignFileError(kind) from error
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def read(self, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Read an array, of which the caller knows dtype and shape to be as they should.

        Raises
        ------
        SafetensorsError
            If the file ends before the array does.
        """
        entry = self.entries[name]
        array = np.empty(entry.shape, dtype.newbyteorder("<"))
        self._file.seek(self._data_start + entry.start)
        if self._file.readinto(array.reshape(-1).view(np.uint8).data) != array.nbytes:
            raise SafetensorsError(f"it ends within the array {name!r}")
        return array.astype(dtype, copy=False)

    def _size(self) -> int:
        position = self._file.tell()
        size = self._file.seek(0, io.SEEK_END)
        self._file.seek(position)
        return size

    def _read_header(self) -> tuple[int, dict[str, Any]]:
        prefix = self._file.read(_LENGTH_BYTES)
        if len(prefix) < _LENGTH_BYTES:
            raise SafetensorsError(f"it has {len(prefix)} bytes")
        length = int.from_bytes(prefix, "little")
        start = _LENGTH_BYTES + length
        if start > self._size():
            raise SafetensorsError(
                f"its header should have {length} bytes, but the file has {self._size()}"
            )
        if length > MAX_HEADER_BYTES:
            raise SafetensorsError(f"its header has {length} bytes, more than {MAX_HEADER_BYTES}")
        header = strict_json(self._file.read(length))
        if not isinstance(header, dict):
            raise SafetensorsError("its header is not JSON object")
        return start, header

    def _check_extents(self) -> None:
        """See that the arrays lie one behind the other, and that the file ends with the last."""
        position = 0
        for name, entry in sorted(self.entries.items(), key=lambda item: item[1][2:]):
            if entry.start != position:
                raise SafetensorsError(
                    f"the array {shown(name)} begins at byte {entry.start}, not at {position}"
                )
            position = entry.stop
        found = self._size() - self._data_start
        if position != found:
            raise SafetensorsError(f"its arrays should take {position} bytes, but take {found}")


def _opened(path: str | os.PathLike[str]) -> io.BufferedReader:
    # Opening a pipe would wait for someone to write into it.
    if not Path(path).is_file():
        raise SafetensorsError("it is not a regular file")
    return io.BufferedReader(io.FileIO(path))


def strict_json(text: str | bytes) -> Any:
    """Parse JSON as its standard has it: each key once, no NaN, no infinity.

    Raises
    ------
    SafetensorsError
        If it isn't that, or nested so deep that Python gives up.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise SafetensorsError("its JSON is nested too deep") from None
    except ValueError as error:
        raise SafetensorsError(f"it holds no valid JSON: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("a key appears twice in an object")
    return unique


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _metadata(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise SafetensorsError("its metadata is not an object of strings")
    return value


def _entry(name: str, value: object) -> Entry:
    match value:
        case {
            "dtype": str(dtype),
            "shape": list(shape),
            "data_offsets": [start, stop],
            **rest,
        } if not rest:
            if all(type(n) is int and n >= 0 for n in [*shape, start, stop]) and start <= stop:
                return Entry(dtype, tuple(shape), start, stop)
    raise SafetensorsError(f"its header describes no array as {shown(name)}")
