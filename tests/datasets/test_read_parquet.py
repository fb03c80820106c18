"""Parquet tables: every column is taken as it is, or refused by name."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from eigenmlp.datasets import read_arrays
from eigenmlp.errors import DataFileError

FRAME = pd.DataFrame({"a": [1.5, 2.5], "b": [3, 4]})


def write(folder: Path, table: Any, **options: Any) -> Path:
    path = folder / "a.parquet"
    if isinstance(table, pd.DataFrame):
        table.to_parquet(path, **options)
    else:
        parquet.write_table(pa.table(table) if isinstance(table, dict) else table, path, **options)
    return path


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (pd.Index([70, 80], name="age"), [[1.5, 3, 70], [2.5, 4, 80]]),
        (pd.RangeIndex(5, 9, 2, name="age"), [[1.5, 3, 5], [2.5, 4, 7]]),
        (pd.RangeIndex(2, name="age"), [[1.5, 3, 0], [2.5, 4, 1]]),
        (
            pd.MultiIndex.from_tuples([(7, 0.5), (8, 1)], names=["age", "dose"]),
            [[1.5, 3, 7, 0.5], [2.5, 4, 8, 1]],
        ),
        (pd.RangeIndex(2), [[1.5, 3], [2.5, 4]]),
    ],
)
def test_an_index_with_a_name_is_a_column(
    tmp_path: Path, index: "pd.Index[Any]", expected: list[list[float]]
) -> None:
    path = write(tmp_path, FRAME.set_index(index))
    X, _ = read_arrays(path)
    assert X.tolist() == expected


def test_an_index_may_be_the_labels(tmp_path: Path) -> None:
    path = write(tmp_path, FRAME.set_index(pd.Index([1, 0], name="class")))
    X, y = read_arrays(path, "class")
    assert y is not None
    assert (X.tolist(), y.tolist()) == ([[1.5, 3], [2.5, 4]], [1, 0])


@pytest.mark.parametrize(
    ("index", "first"),
    [
        (pd.Index([70, 80]), "70"),
        (pd.RangeIndex(800, 802), "800"),
        (pd.Index(["Anna", "Bob"]), "Anna"),
        (pd.MultiIndex.from_tuples([(7, 0.5), (8, 1)], names=["age", None]), "0.5"),
    ],
)
def test_an_index_without_a_name_is_refused(
    tmp_path: Path, index: "pd.Index[Any]", first: str
) -> None:
    path = write(tmp_path, FRAME.set_index(index))
    message = f"an index without a name, which begins with {first}.*index=False.*rename_axis"
    with pytest.raises(DataFileError, match=message):
        read_arrays(path)
    write(tmp_path, FRAME.set_index(index), index=False)
    assert read_arrays(path)[0].tolist() == [[1.5, 3], [2.5, 4]]


def note(step: int) -> bytes:
    index = {"kind": "range", "name": "k", "start": 0, "stop": 9, "step": step}
    return json.dumps({"index_columns": [index]}).encode()


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (b"[", "damaged note about its index"),
        (b'{"index_columns": 5}', "damaged note about its index"),
        (b'{"index_columns": [{"kind": "range"}]}', "damaged note about its index"),
        (note(0), "damaged note about its index"),
        (note(1), "2 rows, but an index of another length"),
    ],
)
def test_a_damaged_note_of_an_index_is_refused(
    tmp_path: Path, metadata: bytes, message: str
) -> None:
    table = pa.table({"a": [1, 2]}).replace_schema_metadata({b"pandas": metadata})
    with pytest.raises(DataFileError, match=message):
        read_arrays(write(tmp_path, table))


def test_a_wrong_checksum_is_told(tmp_path: Path) -> None:
    values = np.arange(1000.0)
    path = write(
        tmp_path, {"a": values}, compression="none", use_dictionary=False,
        write_page_checksum=True,
    )  # fmt: skip
    assert read_arrays(path)[0].ravel().tolist() == values.tolist()
    data = path.read_bytes()
    path.write_bytes(data.replace(np.float64(500).tobytes(), np.float64(501).tobytes(), 1))
    assert parquet.read_table(path)["a"].to_pylist() != values.tolist()  # unless it is asked
    with pytest.raises(DataFileError, match=r"is damaged or cut off: .*CRC checksum"):
        read_arrays(path)


def test_names_of_folders_are_no_columns(tmp_path: Path) -> None:
    folder = tmp_path / "year=2020"
    folder.mkdir()
    assert read_arrays(write(folder, FRAME))[0].tolist() == [[1.5, 3], [2.5, 4]]


@pytest.mark.parametrize("names", [["a", "a"], ["a", "b", "a"]])
def test_repeated_names_are_told_as_such(tmp_path: Path, names: list[str]) -> None:
    path = write(tmp_path, pa.table([pa.array([1, 2])] * len(names), names=names))
    with pytest.raises(DataFileError, match="several columns are called 'a'") as caught:
        read_arrays(path)
    assert "damaged" not in str(caught.value)
    with pytest.raises(DataFileError, match="column 2 has no name"):
        read_arrays(write(tmp_path, pa.table([pa.array([1, 2])] * 2, names=["a", ""])))


def test_columns_that_pandas_numbered_go_by_their_numbers(tmp_path: Path) -> None:
    X, y = read_arrays(write(tmp_path, pd.DataFrame([[1.5, 0], [2.5, 1]])), "1")
    assert y is not None
    assert (X.tolist(), y.tolist()) == ([[1.5], [2.5]], [0, 1])


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (pa.array([0, 255], pa.uint8()), "f4"),
        (pa.array([0, 255], pa.int64()), "f8"),
        (pa.array([0, 2**53], pa.uint64()), "f8"),
        (pa.array([-5, 5], pa.int16()), "f4"),
        (pa.array([True, False]), "f4"),
        (pa.array([0.5, 65504], pa.float16()), "f4"),
        (pa.array([0.1, 3e38], pa.float32()), "f4"),
        (pa.array([0.1, 1e300]), "f8"),
        (pa.array([3, 3], pa.int32()).dictionary_encode(), "f8"),
        (pa.array([Decimal("0.10"), Decimal("-12.34")]), "f8"),
        (pa.array([Decimal(2**53 + 1), Decimal(3)]).cast(pa.decimal128(30, 0)), None),
        (pa.array([Decimal(2**60), Decimal(3)]).cast(pa.decimal256(50, 0)), "f8"),
        (pa.array([Decimal("1.0000000000000000001"), Decimal(0)]), None),
    ],
)
def test_types_decide_and_values_are_exact(
    tmp_path: Path, values: pa.Array, dtype: str | None
) -> None:
    path = write(tmp_path, {"a": values})
    if dtype is None:
        with pytest.raises(DataFileError, match=r"column 'a' holds [0-9.]+ in row 1 .*every digit"):
            read_arrays(path)
        return
    X, _ = read_arrays(path)
    assert X.dtype.str[1:] == dtype
    assert X.ravel().tolist() == [float(value) for value in values.to_pylist()]


def test_an_integer_that_would_be_rounded_beside_decimals_is_refused(tmp_path: Path) -> None:
    for integer in (2**53 + 1, -(2**53) - 1, 2**63 - 1):
        path = write(tmp_path, {"x": [0.5, 1.5], "id": [1, integer]})
        with pytest.raises(DataFileError, match=f"'id' holds the integer {integer} in row 2 "):
            read_arrays(path)
    path = write(tmp_path, {"id": pa.array([1, 2**64 - 1], pa.uint64())})
    with pytest.raises(DataFileError, match=f"'id' holds the integer {2**64 - 1} in row 2 "):
        read_arrays(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array([None, None]), "has no value in row 1"),
        (pa.array([1, None]), "has no value in row 2"),
        (pa.array([True, None]), "has no value in row 2"),
        (pa.array([Decimal(1), None]), "has no value in row 2"),
        (pa.array([0.5, float("nan")]), "has no value in row 2"),
        (pa.array([0.5, float("-inf")]), "holds -inf, .* in row 2 "),
        (pa.array(["x", "1"]), "is not numeric: row 1 holds 'x'"),
        (pa.array(["x", "x"]).dictionary_encode(), "is not numeric: row 1 holds 'x'"),
        (pa.array([b"x", b"y"]), "is not numeric: row 1 holds b'x'"),
        (pa.array([1, None], pa.date32()), "has no value in row 2"),
        (pa.array([1, 2], pa.timestamp("us")), "is not numeric: row 1 holds Timestamp"),
        (pa.array([5, 6], pa.duration("s")), "is not numeric: row 1 holds Timedelta"),
        (pa.array([{"u": 1}, {"u": 2}]), "is not numeric: row 1 holds {'u': 1}"),
    ],
)
def test_columns_without_numbers(tmp_path: Path, values: pa.Array, message: str) -> None:
    path = write(tmp_path, {"b": [1, 2], "a": values})
    with pytest.raises(DataFileError, match=f"column 'a' {message}"):
        read_arrays(path)


def test_labels_may_be_decimals(tmp_path: Path) -> None:
    path = write(tmp_path, {"x": [0.5, 1.5, 2.5], "y": [Decimal(1), Decimal(0), Decimal(1)]})
    _, y = read_arrays(path, "y")
    assert y is not None
    assert y.tolist() == [1, 0, 1]


@pytest.mark.parametrize("values", [[[1, 2], [1, 2]], [["a"], ["b"]], [{"u": 1}, {"u": 2}]])
def test_a_label_is_one_value(tmp_path: Path, values: list[Any]) -> None:
    path = write(tmp_path, {"x": [0.5, 1.5], "y": values})
    with pytest.raises(DataFileError, match=r"\['y'\] holds an? .* in row 1 .* a label is one"):
        read_arrays(path, "y")
