"""Reading images and labels from files: every way a file can be wrong."""

import gzip
import io
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_files import IMAGES, LABELS, idx_bytes, table, write_csv
from eigenmlp.datasets import read_arrays
from eigenmlp.errors import DataFileError


def npy_bytes(array: Any, *, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


def zip_bytes(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_npy", ".npy"), data)
    return stream.getvalue()


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.to_parquet(stream)
    return stream.getvalue()


NPY = npy_bytes(IMAGES)
NPZ = zip_bytes(a_npy=NPY)
_VERSION = NPZ.index(b"PK\x01\x02") + 6
NEWER_NPZ = NPZ[:_VERSION] + bytes([64]) + NPZ[_VERSION + 1 :]
IDX = idx_bytes(IMAGES)
PARQUET = parquet_bytes(table(IMAGES))
OBJECTS = npy_bytes(np.array([[1], "a"], dtype=object), allow_pickle=True)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.npy", b"", r"a\.npy is empty \(0 bytes\)\. Make or download it again"),
        ("a.npy", NPY[:-1], r"a\.npy is cut off: .*\(4, 2, 3\) of uint8, 24 bytes, but 23 follow"),
        ("a.npy", NPY + b"ab", r"a\.npy has too many bytes: more follow after its last value"),
        ("a.npy", NPY[:9], r"a\.npy has a damaged header"),
        ("a.npy", NPY[:7], r"a\.npy is not a \.npy file"),
        ("a.npy", NPZ, r"a\.npy is not a \.npy .* 50 4b 03 04, as if it were a zip archive"),
        ("a.npy", b"\x80\x04K\x01.", r"a\.npy is not .* as if it were a Python pickle"),
        ("a.npy", NPY.replace(b"(4, 2, 3)", b"(4, 2, x)"), r"a\.npy has a damaged header: "),
        ("a.npy", NPY.replace(b"(4, 2, 3)", b"(-4,-2,3)"), r"a\.npy has a damaged .*\(-4, -2, 3\)"),
        ("a.npy", NPY.replace(b"|u1", b"|q9"), r"a\.npy has a damaged header: "),
        ("a.npy", b"\x93NUMPY\x03" + NPY[7:], r"a\.npy has version 3\.0 of the \.npy format"),
        ("a.npy", OBJECTS, r"a\.npy holds Python objects .* pickle, which can run any code"),
        ("a.npz", zip_bytes(o_npy=OBJECTS), r"a\.npz\['o'\] holds Python objects"),
        ("a.npy", npy_bytes(np.zeros(2, "i4,f4")), r"structured array with the fields f0, f1"),
        ("a.npy", npy_bytes(np.zeros((0, 2, 3))), r"holds no values \(shape \(0, 2, 3\) of float"),
        ("a.npy", npy_bytes(LABELS), r"has shape \(4,\), but the first axis counts samples"),
        ("a.npy", npy_bytes(np.array(3)), r"has shape \(\), but the first axis counts samples"),
        ("a.npy", npy_bytes([["a"]]), r"values of type <U1, not numbers .* Save it as uint8"),
        ("a.npy", npy_bytes([[1j]]), r"holds values of type complex128"),
        ("a.npy", npy_bytes([[0, 2**53 + 1]]), r"integer 9007199254740993, beyond 2\*\*53"),
        ("a.npy", npy_bytes([[1, -(2**60)]]), r"integer -1152921504606846976, beyond"),
        ("a.npy", npy_bytes([[1, 2], [3, np.nan]]), r"holds nan in row 1, feature 1"),
        ("a.idx", idx_bytes(np.array([[1.0, -np.inf]])), r"holds -inf in row 0, feature 1"),
        ("a.npz", NPZ[:-1], r"a\.npz is not a \.npz archive or is cut off: it begins .*a zip arch"),
        ("a.npz", NPY, r"a\.npz is not a \.npz archive .* as if it were a NumPy array"),
        (
            "a.npz",
            NEWER_NPZ,
            r"a\.npz is not a \.npz archive or is cut off: .* zip file version 6\.4",
        ),
        ("a.npz", zip_bytes(b=b"x"), r"a\.npz holds no array \(1 other files\)"),
        (
            "a.npz",
            zip_bytes(a_npy=NPY, b_npy=NPY),
            r"a\.npz holds 2 arrays: a \(4, 2, 3\), b \(4, 2, 3\)\. Which one",
        ),
        ("a.npz", zip_bytes(a_npy=NPY[:-1]), r"a\.npz\['a'\] is cut off: "),
        ("a.npz", zip_bytes(a_npy=NPY + b"a"), r"a\.npz\['a'\] has too many bytes"),
        ("a.npz", NPZ.replace(IMAGES.tobytes(), b"x" * 24), r"\['a'\] cannot be unpacked: Bad CRC"),
        ("a.npz", zip_bytes(a_npy=b"hello"), r"a\.npz\['a'\] is not a \.npy file: .*68 65 6c 6c"),
        ("a.idx", IDX[:-1], r"a\.idx is cut off: .*shape \(4, 2, 3\) of uint8, 24 bytes, but 23"),
        ("a.idx", IDX + b"a", r"a\.idx has too many bytes"),
        ("a.idx", IDX[:10], r"a\.idx is cut off within its header, which announces 3 dimensions"),
        ("a.idx", IDX[:3], r"a\.idx is not an IDX file: it begins with the bytes 00 00 08"),
        ("a.idx", b"\x00\x00\x0a" + IDX[3:], r"bytes 00 00 0a 03, .*\(08, 09, 0b, 0c, 0d, 0e\)"),
        ("a.idx", b"\x01" + IDX[1:], r"a\.idx is not an IDX file: it begins .* 01 00 08 03"),
        ("a-ubyte", b"<!DOCTYPE html>", r"as if it were a web page, so the download went wrong"),
        ("a.idx", idx_bytes(np.zeros((3, 0), "u1")), r"a\.idx holds no values \(shape \(3, 0\)"),
        ("a.idx", b"\0\0\x0e\xff" + b"\xff" * 4 * 255, r"a\.idx has a damaged header"),
        (
            "a-idx.gz",
            gzip.compress(IDX, mtime=0)[:-9],
            r"a-idx\.gz is damaged or cut off: gzip cannot",
        ),
        (
            "a-idx.gz",
            gzip.compress(IDX, mtime=0) + b"x",
            r"a-idx\.gz is damaged or cut off: gzip cannot",
        ),
        (
            "a.gz",
            gzip.compress(NPY, mtime=0),
            r"a\.gz is not an IDX file: .*as if it were a NumPy array",
        ),
        ("a.csv", b"a,b\n", r"a\.csv holds no values: 0 rows and 2 feature columns"),
        ("a.csv", b"a,b\n1,2\n3,\n", r"a\.csv: column 'b' has no value in row 2 \(1 of 2 rows"),
        ("a.csv", b"a,b\n1,2\n3,x y\n", r"a\.csv: column 'b' is not numeric: row 2 holds 'x y'"),
        (
            "a.csv",
            b"a,b\n1,inf\n",
            r"a\.csv: column 'b' holds inf, .* in row 1 \(rows count from 1",
        ),
        ("a.csv", b"\xef\xbb\xbf" * 2, r"a\.csv is not a well-formed CSV table: No columns"),
        ("a.csv", b"a,b\n1,2\n3,4,5\n", r"a\.csv is not a well-formed CSV table: .*line 3"),
        ("a.csv", b"a,b\n1,2,3\n4,5,6\n", r"a\.csv is not a well-formed CSV table: .*loss of"),
        ("a.csv", b'a,b\n1,"2\n', r"a\.csv is not a well-formed CSV table"),
        ("a.csv", b"a;b\n1;2\n", r"a\.csv: the cells are separated by ';'\. Write .*commas"),
        ("a.csv", b"a\tb\n1\t2\n", r"a\.csv: the cells are separated by '\\t'"),
        ("a.csv", b"5,0,0,7\n1,0,0,3\n", r"a\.csv has no header: its first line is 5, 0, 0, 7,"),
        ("a.csv", b",a\n0,1\n1,2\n", r"a\.csv: column 1 has no name\. .*index=False"),
        ("a.csv", b"a,b,a\n1,2,3\n", r"a\.csv: several columns are called 'a'"),
        ("a.csv", b"a,b\n1,\xff\n", r"a\.csv is not text in UTF-8 \(invalid start byte at byte"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16"), r"a\.csv is not text in UTF-8"),
        ("a.csv", b"\n\n", r"a\.csv holds nothing but blank lines"),
        ("a.csv", b"  \n1\n", r"a\.csv: column 1 has no name"),
        ("a.parquet", PARQUET[:-1], r"a\.parquet is damaged or cut off: "),
        ("a.parquet", PARQUET[:4], r"a\.parquet is damaged or cut off: "),
        ("a.parquet", NPZ, r"a\.parquet is not a Parquet file: .*as if it were a zip archive"),
        (
            "a.parquet",
            parquet_bytes(pd.DataFrame({"a": [1.0, None]})),
            r"a\.parquet: column 'a' has no value in row 2",
        ),
        (
            "a.parquet",
            parquet_bytes(pd.DataFrame({"a": [[1, 2], [3, 4]]})),
            r"a\.parquet: column 'a' is not numeric: row 1 holds array\(\[1, 2\]\)",
        ),
        (
            "a.parquet",
            parquet_bytes(pd.DataFrame({"a": ["1", "2"]})),
            r"a\.parquet: column 'a' is not numeric: row 1 holds '1'",
        ),
        (
            "a.csv.gz",
            gzip.compress(b"a\n1\n", mtime=0),
            r"only IDX files are read compressed.*gunzip",
        ),
        ("a.tif", b"II", r"a\.tif: the name does not tell what kind .* NumPy arrays \(\.npy\); "),
        ("a.xlsx", b"PK", r"a\.xlsx: .* CSV tables .* Write the data as one of them, or, if it is"),
        ("a", b"II", r"a: the name does not tell what kind of file it is"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataFileError, match=message) as caught:
        read_arrays(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"no\.npy: there is no such file\. .*starts at /"):
        read_arrays(tmp_path / "no.npy")
    with pytest.raises(
        DataFileError, match=r"is a folder without Parquet files.* Give the path of one"
    ):
        read_arrays(tmp_path)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2], r"y\.npy holds 3 labels, but there are 4 images"),
        (
            [5, 7, 5, 7],
            r"the labels 5, 7, but 2 classes must be numbered 0 to 1\. .* \{5: 0, 7: 1\}",
        ),
        ([1, 2, 3, 1], r"\{1: 0, 2: 1, 3: 2\}\. Apply it by `names, y = numpy\.unique\(labels, "),
        (
            [0, 1, 3, 1],
            r"\{0: 0, 1: 1, 3: 2\}.* absent from this file .*read_arrays\(\.\.\., n_classes=4\)",
        ),
        ([-1, 0, 1, 1], r"holds the labels -1, 0, 1, but 3 classes .*\{-1: 0, 0: 1, 1: 2\}"),
        (["cat", "dog", "cat", "dog"], r"labels 'cat', 'dog', .*\{'cat': 0, 'dog': 1\}"),
        ([1.0, 2.0, 1.0, 2.0], r"\{1\.0: 0, 2\.0: 1\}"),
        (
            [0.0, 0.5, 1.0, 1.0],
            r"y\.npy holds the label 0\.5, which is not a whole number, in row 2 .*MLPReg",
        ),
        (
            [0.0, np.nan, 1.0, 1.0],
            r"nan, which is not a whole number, in row 2 \(rows count from 1\)\. It .* is missing",
        ),
        ([0.0, np.inf, 1.0, 1.0], r"holds the label inf, which is not a whole number, in row 2"),
        (np.eye(4, 3), r"has shape \(4, 3\), .*One-hot rows become .* labels\.argmax\(axis=1\)"),
        (
            IMAGES,
            r"has shape \(4, 2, 3\), but labels have shape \(4,\).* images and labels swapped",
        ),
    ],
)
def test_wrong_labels_are_refused(tmp_path: Path, labels: Any, message: str) -> None:
    np.save(tmp_path / "a.npy", IMAGES)
    np.save(tmp_path / "y.npy", labels)
    with pytest.raises(DataFileError, match=message) as caught:
        read_arrays(tmp_path / "a.npy", tmp_path / "y.npy")
    assert str(tmp_path / "y.npy") in str(caught.value)


def test_a_long_mapping_is_cut(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((20, 1)))
    np.save(tmp_path / "y.npy", np.arange(1, 21))
    with pytest.raises(DataFileError, match=r"6, 7, 8, \.\.\., but 20 classes .* 8: 7, \.\.\.\}"):
        read_arrays(tmp_path / "a.npy", tmp_path / "y.npy")


@pytest.mark.parametrize("labels", [[0, 1, 2, 5], [0, -1, 0, 0], ["a", "b", "a", "b"]])
def test_labels_beyond_the_known_classes(tmp_path: Path, labels: list[Any]) -> None:
    np.save(tmp_path / "a.npy", IMAGES)
    np.save(tmp_path / "y.npy", labels)
    wrong = {5: "5", -1: "-1", "b": "'a'"}[labels[-1] if labels[-1] != 0 else -1]
    with pytest.raises(DataFileError, match=f"label {wrong}, but with 5 classes .* 0 to 4"):
        read_arrays(tmp_path / "a.npy", tmp_path / "y.npy", n_classes=5)
    with pytest.raises(ValueError, match="n_classes=0 must be at least 1"):
        read_arrays(tmp_path / "a.npy", tmp_path / "y.npy", n_classes=0)


def test_label_files_must_hold_one_array_or_column(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGES)
    np.savez(tmp_path / "y.npz", train=LABELS, test=LABELS)
    with pytest.raises(DataFileError, match=r"y\.npz holds 2 arrays: train, test\. A file of lab"):
        read_arrays(tmp_path / "a.npy", tmp_path / "y.npz")
    table(IMAGES).to_csv(tmp_path / "y.csv", index=False)
    with pytest.raises(DataFileError, match=r"y\.csv holds 6 columns: pixel0, pixel1"):
        read_arrays(tmp_path / "a.npy", tmp_path / "y.csv")
    with pytest.raises(DataFileError, match=r"y\.idx: there is no such file"):
        read_arrays(tmp_path / "a.npy", str(tmp_path / "y.idx"))


def test_names_that_are_not_there(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", np.zeros((2, 12)))
    with pytest.raises(DataFileError, match=r"no column 'y', .*pixel9, \.\.\. \(12 in all\)"):
        read_arrays(tmp_path / "a.csv", "y")
    np.savez(tmp_path / "a.npz", x=IMAGES)
    with pytest.raises(DataFileError, match=r"no array 'y', and there is no such file .*has: x"):
        read_arrays(tmp_path / "a.npz", "y")
    np.savez(tmp_path / "a.npz", x_train=IMAGES, x_test=IMAGES, y_test=LABELS)
    with pytest.raises(
        DataFileError, match=r"holds 2 arrays besides 'y_test': x_train \(4, 2, 3\), x_"
    ):
        read_arrays(tmp_path / "a.npz", "y_test")
    np.savez(tmp_path / "a.npz", y_test=LABELS)
    with pytest.raises(DataFileError, match="holds 0 arrays besides 'y_test'"):
        read_arrays(tmp_path / "a.npz", "y_test")


def test_label_columns_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,y\n1,0\n2,\n")
    with pytest.raises(DataFileError, match=r"a\.csv\['y'\] has no value in row 2"):
        read_arrays(tmp_path / "a.csv", "y")
    (tmp_path / "a.csv").write_text("a,y\n1,cat\n2,dog\n")
    with pytest.raises(DataFileError, match=r"\['y'\] holds the labels 'cat', 'dog'.*\{'cat': 0,"):
        read_arrays(tmp_path / "a.csv", "y")
    (tmp_path / "a.csv").write_text("y\n1\n0\n")
    with pytest.raises(DataFileError, match="holds no values: 2 rows and 0 feature columns"):
        read_arrays(tmp_path / "a.csv", "y")
    frame = pd.DataFrame({"a": [1, 2], "y": [{"b": 1}, {"b": 2}]})
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataFileError, match=r"holds a dict, \{'b': 1\}, in row 1"):
        read_arrays(tmp_path / "a.parquet", "y")


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "a.parquet").write_bytes(PARQUET)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        ImportError, match=r"Parquet or Feather table needs pyarrow.*eigenmlp\[parquet\]"
    ):
        read_arrays(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"CSV table needs pandas.*eigenmlp\[study\]"):
        read_arrays(tmp_path / "a.csv")


@settings(deadline=None, max_examples=300)
@given(
    name_and_data=st.sampled_from(
        [("a.npy", NPY), ("a.npz", NPZ), ("a.idx", IDX), ("a-idx.gz", gzip.compress(IDX, mtime=0))]
    ),
    position=st.integers(0, 10**6),
    byte=st.integers(0, 255),
    length=st.integers(0, 10**6),
)
def test_damage_is_read_or_refused_but_never_crashes(
    name_and_data: tuple[str, bytes], position: int, byte: int, length: int
) -> None:
    name, data = name_and_data
    mutable = bytearray(data)
    mutable[position % len(data)] = byte
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(mutable[: max(1, length % (2 * len(data)))])
        try:
            X, _ = read_arrays(path)
        except DataFileError:
            return
        assert X.ndim == 2
        assert X.dtype in {np.dtype("u1"), np.dtype("f4"), np.dtype("f8")}
