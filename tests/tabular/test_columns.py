"""Tables of every library are read alike, and what can't be read is named."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from eigenmlp.tabular.columns import Column, chosen_by, columns_of

NAN = float("nan")
CELLS: dict[str, list[Any]] = {
    "age": [3, None, 5, 7],
    "height": [1.5, 2.0, NAN, 4.0],
    "town": ["Ulm", "Bonn", None, "Ulm"],
    "new": [True, False, None, True],
}
WANTED: dict[str, tuple[str, list[Any]]] = {
    "age": ("number", [3.0, NAN, 5.0, 7.0]),
    "height": ("number", [1.5, 2.0, NAN, 4.0]),
    "town": ("category", ["Ulm", "Bonn", None, "Ulm"]),
    "new": ("category", ["True", "False", None, "True"]),
}


def read(table: Any, categorical: tuple[int | str, ...] = ()) -> list[Column]:
    return columns_of(table, categorical=chosen_by(categorical))[0]


def nullable() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": pd.array([3, None, 5, 7], dtype="Int64"),
            "height": pd.array([1.5, 2.0, None, 4.0], dtype="Float64"),
            "town": pd.array(["Ulm", "Bonn", None, "Ulm"], dtype="string"),
            "new": pd.array([True, False, None, True], dtype="boolean"),
        }
    )


def categories() -> pd.DataFrame:
    frame = pd.DataFrame(CELLS)
    return frame.assign(town=frame["town"].astype("category"))


TABLES = {
    "pandas": lambda: pd.DataFrame(CELLS),
    "pandas, of objects": lambda: pd.DataFrame(CELLS, dtype=object),
    "pandas, nullable": nullable,
    "pandas, categories": categories,
    "pandas, another index": lambda: pd.DataFrame(CELLS, index=[7, 7, 3, 1]),
    "pandas of Arrow": lambda: pa.table(CELLS).to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda: pl.DataFrame(CELLS),
    "polars, categories": lambda: pl.DataFrame(CELLS).with_columns(
        pl.col("town").cast(pl.Categorical)
    ),
    "Arrow": lambda: pa.table(CELLS),
    "Arrow, dictionary": lambda: pa.table(CELLS).set_column(
        2, "town", pa.array(CELLS["town"]).dictionary_encode()
    ),
    "dict of lists": lambda: CELLS,
    "dict of arrays": lambda: {
        name: np.array(cells, dtype=object) for name, cells in CELLS.items()
    },
    "dict of series": lambda: {name: pd.Series(cells) for name, cells in CELLS.items()},
    "dict of pandas' arrays": lambda: {
        name: pd.array(cells) if name != "town" else pd.Categorical(cells)
        for name, cells in CELLS.items()
    },
}


@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
def test_every_library_is_read_alike(make: Any) -> None:
    columns, named = columns_of(make(), categorical=chosen_by(()))
    assert named
    assert [column.name for column in columns] == list(WANTED)
    for column in columns:
        kind, values = WANTED[column.name]
        assert column.kind == kind, column.name
        if kind == "number":
            np.testing.assert_array_equal(column.cells, values)
        else:
            assert column.cells.tolist() == values


def test_arrays_have_no_names_and_their_columns_are_counted_from_1() -> None:
    columns, named = columns_of(np.arange(6).reshape(3, 2), categorical=chosen_by(()))
    assert not named
    assert [column.name for column in columns] == ["column 1", "column 2"]
    assert read([[1, "a"], [2, "b"]])[1].kind == "category"
    assert read([["1", "a"], ["2", "b"]])[0].kind == "category"  # types decide, never values
    assert [column.kind for column in read(np.array([[1, "a"], [2, "b"]], dtype=object))] == [
        "number",
        "category",
    ]
    assert not columns_of(pd.DataFrame(np.eye(2)), categorical=chosen_by(()))[1]


def test_numbers_as_labels_are_places_in_whatever_order() -> None:
    frame = pd.DataFrame(np.arange(6.0).reshape(2, 3))
    for table in (frame, frame[[2, 0, 1]]):
        columns, named = columns_of(table, categorical=chosen_by(()))
        assert not named
        assert [column.cells.tolist() for column in columns] == [[0, 3], [1, 4], [2, 5]]
    columns, named = columns_of(frame[[2, 0]], categorical=chosen_by(()))
    assert named
    assert [column.name for column in columns] == ["2", "0"]


def test_columns_that_nobody_wants_are_not_read() -> None:
    table = {"a": [1, 2], "when": np.array(["2020", "2021"], dtype="M8"), "far": [np.inf, 0]}
    columns, _ = columns_of(table, categorical=chosen_by(()), wanted={"a"})
    assert [column.name for column in columns] == ["a", "when", "far"]
    assert columns[0].cells.tolist() == [1, 2]
    with pytest.raises(TypeError, match="'when' holds dates"):
        columns_of(table, categorical=chosen_by(()))


def test_whole_numbers_beyond_any_float_are_refused() -> None:
    with pytest.raises(ValueError, match="column 'a' holds infinity in row 2"):
        columns_of({"a": [1, 10**400]}, categorical=chosen_by(()))


@pytest.mark.parametrize("dtype", ["int8", "uint64", "float16", "float32", "float64"])
def test_numbers_of_every_type(dtype: str) -> None:
    read_column = read({"a": np.array([1, 2], dtype=dtype)})[0]
    assert read_column.kind == "number"
    assert read_column.cells.tolist() == [1, 2]


def test_decimals_are_numbers_and_strided_read_only_arrays_are_read() -> None:
    assert read({"a": [Decimal("1.5"), None]})[0].cells[0] == 1.5
    assert read(pa.table({"a": pa.array([Decimal("1.5")])}))[0].cells.tolist() == [1.5]
    array = np.arange(24.0).reshape(4, 6)[::2, ::3]
    array.flags.writeable = False
    assert [column.cells.tolist() for column in read(array)] == [[0, 12], [3, 15]]


def test_codes_are_categories_where_that_is_said() -> None:
    table = {"code": [1, 2.0, None], "zip": ["01", 1, 1.5]}
    code, place = read(table, ("code", 1))
    assert (code.kind, code.cells.tolist()) == ("category", ["1", "2", None])
    assert (place.kind, place.cells.tolist()) == ("category", ["01", "1", "1.5"])


@pytest.mark.parametrize(
    ("categorical", "message"),
    [
        (
            ("city",),
            "categorical_features has 'city', but the table's columns are 'age', ",
        ),
        ((4,), "categorical_features has 4, but the table has 4 columns; pass names, or places"),
        ((-1,), "categorical_features has -1"),
        ((1.5,), "categorical_features has 1.5"),
    ],
)
def test_categories_that_are_not_there(categorical: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(CELLS, categorical)


DATE = dt.date(2026, 1, 2)


@pytest.mark.parametrize(
    ("cells", "error", "message"),
    [
        (
            [1, 2, "n/a", 3],
            ValueError,
            r"numbers, and beside them 'n/a' in row 3 \(rows",
        ),
        (
            [1, "a", "b", "c", "d"],
            ValueError,
            "'a' in row 2, 'b' in row 3, 'c' in row 4 and 1",
        ),
        ([1, "long" * 100], ValueError, r"longlong\.\.\.\S*long \(400 characters\)"),
        ([DATE, None], TypeError, "dates, which no network reads as they are; pass"),
        ([[1], [2]], TypeError, "lists or tables in its cells"),
        ([{"a": 1}, None], TypeError, "lists or tables in its cells"),
        ([1.0, float("inf")], ValueError, "infinity in row 2"),
        ([1 + 2j, 1], ValueError, "complex"),
        ([object()], TypeError, "argument must be a string or a number"),
    ],
)
@pytest.mark.parametrize("make", [dict, pd.DataFrame])
def test_what_no_network_can_read(make: Any, cells: Any, error: Any, message: str) -> None:
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    with pytest.raises(error, match=f"column 'x' holds.*{message}"):
        read(make({"fine": np.zeros(len(cells)), "x": array}))


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"x": pd.to_datetime(["2026-01-02"])}),
        pd.DataFrame({"x": pd.to_datetime(["2026-01-02"]).tz_localize("UTC")}),
        pd.DataFrame({"x": pd.period_range("2026-01", periods=1)}),
        pd.DataFrame({"x": pd.to_timedelta([1], unit="D")}),
        pl.DataFrame({"x": [DATE]}),
        pa.table({"x": [DATE]}),
        {"x": np.array(["2026-01-02"], dtype="datetime64[D]")},
    ],
)
def test_dates_of_every_library_are_refused(table: Any) -> None:
    with pytest.raises(TypeError, match="column 'x' holds dates"):
        read(table)


def test_all_bad_columns_are_listed() -> None:
    table = {"a": [DATE], "b": [1.0], "c": [[1]]}
    with pytest.raises(TypeError, match=r"column 'a' holds dates.*; column 'c' holds lists"):
        read(table)


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (None, TypeError, "the table is a NoneType; pass a DataFrame"),
        ("file.csv", TypeError, "the table is a str"),
        ({}, ValueError, "no columns"),
        (pd.DataFrame(), ValueError, "no columns"),
        (np.zeros((0, 3)), ValueError, r"0 sample\(s\)"),
        (np.zeros(3), ValueError, "Expected 2D array, got 1D array"),
        (pd.Series([1, 2]), ValueError, "pass series.to_frame"),
        (np.zeros((2, 2, 2)), ValueError, "Expected 2D array, got 3D"),
        ({"a": [1], "b": [1, 2]}, ValueError, "different numbers of rows: 'a' has 1, 'b' has 2"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ValueError, "several columns are called 'a'"),
        (np.ma.masked_array([[1.0]], [[True]]), TypeError, "masked array"),
    ],
)
def test_what_is_no_table(table: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        read(table)
