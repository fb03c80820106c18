"""NumPy's own files, read without ever unpickling: .npy memory-mapped, .npz member by member."""

import contextlib
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from eigenmlp.common.words import listed, reason, shortened, shown
from eigenmlp.datasets.kinds import check_size, looks_like, read_values
from eigenmlp.errors import DataFileError

__all__ = ["npz_names", "npz_shapes", "read_npy", "read_npz", "with_shapes"]

# Version 3.0 exists for the names of structured arrays alone, which are not data sets here.
_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

# The errors that ast.literal_eval, with which NumPy reads headers, says it may raise, and those of
# what NumPy does with its answer.
_DAMAGED_HEADER = (
    ValueError,
    TypeError,
    SyntaxError,
    IndexError,
    OverflowError,
    MemoryError,
    RecursionError,
    tokenize.TokenError,
)


def read_npy(path: Path) -> npt.NDArray[Any]:
    """Map a .npy file into memory, read-only.

    Raises
    ------
    DataFileError
        If the file is not .npy, is empty or cut off, goes on after its last value, or holds
        Python objects or a structured array.
    """
    with path.open("rb") as stream:
        dtype, shape, order = _read_header(stream, str(path))
        start = stream.tell()
    check_size(str(path), dtype, shape, path.stat().st_size - start)
    return np.memmap(path, dtype, mode="r", offset=start, shape=shape, order=order)


def npz_names(path: Path) -> list[str]:
    """List the arrays in a .npz file by name.

    Raises
    ------
    DataFileError
        If the file is not a zip archive or holds no array.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        with path.open("rb") as stream:
            head = stream.read(8)
        raise DataFileError(
            f"{path} is not a .npz archive or is cut off: it {looks_like(head)}, and "
            f"{reason(error)}. Download it again, or write it with numpy.savez"
        ) from error
    names = [member.removesuffix(".npy") for member in members if member.endswith(".npy")]
    if not names:
        raise DataFileError(
            f"{path} holds no array ({len(members)} other files). Write it with numpy.savez"
        )
    return names


def npz_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays in a .npz file by name.

    Raises
    ------
    DataFileError
        As `npz_names` and `read_npz`, and if two arrays have the same name.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for name in npz_names(path):
        if name in shapes:
            raise DataFileError(f"{path}: several arrays are called {shown(name)}. Write it again")
        with _member(path, name) as (stream, source):
            _, shapes[name], _ = _read_header(stream, source)
    return shapes


def with_shapes(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """List arrays with their shapes."""
    return listed([f"{shortened(name)} {shape}" for name, shape in shapes.items()])


def read_npz(path: Path, name: str) -> npt.NDArray[Any]:
    """Read the array called `name` from a .npz file.

    Raises
    ------
    DataFileError
        As `read_npy`, and if the archive is damaged.
    """
    with _member(path, name) as (stream, source):
        dtype, shape, order = _read_header(stream, source)
        data = read_values(stream, source, dtype, shape, path.stat().st_size)
        return np.frombuffer(data, dtype).reshape(shape, order=order)


@contextlib.contextmanager
def _member(path: Path, name: str) -> Iterator[tuple[IO[bytes], str]]:
    """Open an array of a .npz file, and name it; errors of unpacking are told as its own."""
    source = f"{path}[{shown(name)}]"
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(f"{name}.npy")
            _check_method(member, source)
            with archive.open(member) as stream:
                yield stream, source
    except DataFileError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError) as error:
        raise DataFileError(
            f"{source} cannot be unpacked: {reason(error)}. The archive is damaged; download or "
            "write it again"
        ) from error


def _check_method(member: zipfile.ZipInfo, source: str) -> None:
    # The others have no bound of how much they pack into a byte.
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise DataFileError(
            f"{source} is packed by another method than deflate. Write it with numpy.savez or "
            "numpy.savez_compressed"
        )


def _read_header(stream: IO[bytes], source: str) -> tuple[np.dtype[Any], tuple[int, ...], Any]:
    """Parse the header of a .npy file; leaves `stream` at its first value."""
    head = stream.read(8)
    if len(head) < 8 or not head.startswith(np.lib.format.MAGIC_PREFIX):
        raise DataFileError(
            f"{source} is not a .npy file: it {looks_like(head)}. Check that it is the file you "
            "meant, or write it with numpy.save"
        )
    read_header = _HEADER_READERS.get((head[6], head[7]))
    if read_header is None:
        raise DataFileError(
            f"{source} has version {head[6]}.{head[7]} of the .npy format, which plain arrays "
            "never need. Save one plain array of numbers with numpy.save"
        )
    try:
        shape, fortran_order, dtype = read_header(stream)
    except _DAMAGED_HEADER as error:
        raise DataFileError(
            f"{source} has a damaged header: {reason(error)}. Download it again, or write it "
            "with numpy.save"
        ) from error
    if dtype.hasobject:
        raise DataFileError(
            f"{source} holds Python objects (dtype {shortened(dtype)}). They are stored as a "
            "pickle, which can run any code and is never loaded. Save numbers instead: "
            "numpy.save(path, numpy.stack(list_of_equally_shaped_arrays))"
        )
    if dtype.fields is not None:
        raise DataFileError(
            f"{source} is a structured array with the fields {listed(list(dtype.fields))}. Save "
            "one plain array; numpy.lib.recfunctions.structured_to_unstructured makes it"
        )
    # A bool is an int to NumPy's own check, and no size to its arrays.
    if dtype.subdtype is not None or any(size < 0 or isinstance(size, bool) for size in shape):
        raise DataFileError(
            f"{source} has a damaged header: shape {shortened(shape)} of {shortened(dtype)}. "
            "Write it again"
        )
    return dtype, shape, "F" if fortran_order else "C"
