"""Data files made to do harm: they cost an error, not memory."""

from __future__ import annotations

import gzip
import io
import struct
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from eigenmlp.datasets import read_arrays
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    from pathlib import Path


def idx(shape: tuple[int, ...], values: bytes) -> bytes:
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + values


def npy(shape: str, values: bytes, descr: str = "'|u1'") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header) + 1) + header + b"\n" + values


def npz(array: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("x.npy", array)
    return stream.getvalue()


RANK_65 = f"({'1, ' * 65})"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.idx", idx((1,) * 65, b"1"), "which announces 65 dimensions; at most 32 are read"),
        ("a.npy", npy(RANK_65, b"1"), "which announces 65 dimensions; at most 32 are read"),
        ("a.npz", npz(npy(RANK_65, b"1")), "which announces 65 dimensions; at most 32 are read"),
        ("a.npy", npy("(1, 1), b'x': 1", b"1"), "damaged header: '<' not supported between"),
        ("a.npz", npz(npy("(1, 1), b'x': 1", b"1")), "damaged header: '<' not supported between"),
        ("a.npy", npy("(1, 1)", b"1", "('<f4',)"), "damaged header: tuple index out of range"),
        ("a.npy", npy("(True, 1)", b"1"), r"damaged header: shape \(True, 1\) of uint8"),
        ("a.npy", npy("(1, 1)", bytes(3), "('|u1', (3,))"), "damaged header: shape .* of "),
        ("a.npz", npz(npy("(1, 1)", bytes(3), "('|u1', (3,))")), "damaged header: shape"),
        ("a.npz", npz(npy("(1, 1)", b"1"), zipfile.ZIP_LZMA), "another method than deflate"),
        ("a.npz", npz(npy("(1, 1)", b"1"), zipfile.ZIP_BZIP2), "another method than deflate"),
        ("a.npy", npy(f"(1, {2**70})", b"1"), "is cut off: its header announces shape"),
        ("a.npz", npz(npy(f"(1, {2**40})", b"1")), "packed ones can't hold them"),
        (
            "a.idx.gz",
            gzip.compress(idx((2**20, 2**20), b"1"), mtime=0),
            "packed ones can't hold them",
        ),
        ("a.idx.gz", gzip.compress(idx((2, 2), b"123"), mtime=0), "is cut off: .* but 3 follow"),
    ],
)
def test_headers_that_promise_what_no_array_is(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(DataFileError, match=message):
        read_arrays(path)


BOMB = bytes(64 * 2**20)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.idx.gz", gzip.compress(idx((1, 9), BOMB), 1, mtime=0)),
        ("a.npz", npz(npy("(1, 9)", BOMB))),
    ],
)
def test_no_more_is_unpacked_than_the_header_announces(
    tmp_path: Path, name: str, data: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError, match="has too many bytes: more follow"):
            read_arrays(path)
        assert tracemalloc.get_traced_memory()[1] < len(BOMB) / 8
    finally:
        tracemalloc.stop()


def test_what_deflate_packs_best_is_read(tmp_path: Path) -> None:
    zeros = np.zeros((2000, 5000), dtype=np.uint8)
    (tmp_path / "a.idx.gz").write_bytes(gzip.compress(idx(zeros.shape, zeros.tobytes()), 9))
    assert np.array_equal(read_arrays(tmp_path / "a.idx.gz")[0], zeros)
    np.savez_compressed(tmp_path / "a.npz", zeros)
    assert np.array_equal(read_arrays(tmp_path / "a.npz")[0], zeros)
