"""Data files of every kind, written independently of their readers."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

IMAGES = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3)
LABELS = np.array([0, 1, 2, 1])

IDX_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: npt.NDArray[Any]) -> bytes:
    """Encode an array as IDX, independently of the reader."""
    code = IDX_CODES[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    letter = {"u1": "B", "i1": "b", "i2": "h", "i4": "i", "f4": "f", "f8": "d"}
    values = array.ravel().tolist()
    return header + struct.pack(f">{len(values)}{letter[array.dtype.str[1:]]}", *values)


def write_npy(path: Path, array: npt.NDArray[Any]) -> None:
    np.save(path, array)


def write_npz(path: Path, array: npt.NDArray[Any]) -> None:
    np.savez(path, array)


def write_idx(path: Path, array: npt.NDArray[Any]) -> None:
    array = array.astype(np.uint8)
    path.write_bytes(idx_bytes(array))


def write_idx_gz(path: Path, array: npt.NDArray[Any]) -> None:
    path.write_bytes(gzip.compress(idx_bytes(array.astype(np.uint8))))


def write_csv(path: Path, array: npt.NDArray[Any]) -> None:
    table(array).to_csv(path, index=False)


def write_parquet(path: Path, array: npt.NDArray[Any]) -> None:
    table(array).to_parquet(path)


def table(array: npt.NDArray[Any]) -> pd.DataFrame:
    rows = array.reshape(len(array), -1)
    return pd.DataFrame(rows, columns=[f"pixel{index}" for index in range(rows.shape[1])])


WRITERS: dict[str, Callable[[Path, npt.NDArray[Any]], None]] = {
    "a.npy": write_npy,
    "a.npz": write_npz,
    "a-idx-ubyte": write_idx,
    "a.idx": write_idx,
    "a-idx.gz": write_idx_gz,
    "a.csv": write_csv,
    "a.parquet": write_parquet,
}
