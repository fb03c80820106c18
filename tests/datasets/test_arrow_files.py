"""Folders of Parquet's parts and Feather files: as pandas, Arrow and Dask read them, or refused."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

import eigenmlp as em
from eigenmlp.datasets.table_files import read_table

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "n": RNG.normal(size=40).round(3),
        "word": RNG.choice(["Ulm", "Bonn", "Köln"], 40),
        "year": RNG.choice([2020, 2021], 40),
        "code": RNG.choice(["a b", "c/d"], 40),
    }
)


def rows(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return the rows in an order of their own, gaps as None."""
    named = frame[sorted(map(str, frame))].astype(object)
    found: list[Any] = named.where(named.notna(), None).to_numpy().tolist()
    return sorted(map(tuple, found), key=repr)


def split(folder: Path, frame: Any, n_parts: int, name: str = "part-{}.parquet") -> None:
    folder.mkdir(exist_ok=True)
    table = pa.Table.from_pandas(frame) if isinstance(frame, pd.DataFrame) else frame
    size = -(-len(table) // n_parts)
    for part in range(n_parts):
        parquet.write_table(table.slice(part * size, size), folder / name.format(part))


def test_parts_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    split(tmp_path / "t", FRAME, 14)  # part-10 comes after part-9
    for name in ("_SUCCESS", "_metadata", "_common_metadata", ".part-0.parquet.crc"):
        (tmp_path / "t" / name).write_bytes(b"")
    (tmp_path / "t" / "_temporary").mkdir()
    (tmp_path / "t" / "_temporary" / "part-0.parquet").write_bytes(b"half")
    done: list[float] = []
    found = read_table(tmp_path / "t", advance=done.append)
    pd.testing.assert_frame_equal(found.frame, FRAME, check_dtype=False)
    assert not found.told
    assert done == sorted(done)
    assert done[-1] == 1
    X, _ = em.datasets.read_arrays(_numbers_alone(tmp_path / "u"))
    assert X.tolist() == FRAME[["n", "year"]].to_numpy().tolist()


def _numbers_alone(folder: Path) -> Path:
    split(folder, FRAME[["n", "year"]], 3)
    return folder


@pytest.mark.parametrize("columns", [["year"], ["year", "code"], ["code"]])
def test_folders_that_name_columns(tmp_path: Path, columns: list[str]) -> None:
    path = tmp_path / "t.parquet"
    FRAME.to_parquet(path, partition_cols=columns)
    found = read_table(path).frame
    assert [*found] == [name for name in FRAME if name not in columns] + columns
    assert rows(found) == rows(FRAME)
    theirs = parquet.read_table(path).to_pandas()
    for name in ("n", "word"):
        assert found[name].tolist() == theirs[name].tolist()


def test_gaps_and_numbers_in_the_names_of_folders(tmp_path: Path) -> None:
    gaps = FRAME.assign(code=FRAME["code"].where(FRAME["n"] > 0), year=FRAME["year"] + 0.5)
    gaps.to_parquet(tmp_path / "t", partition_cols=["code", "year"])
    assert rows(read_table(tmp_path / "t").frame) == rows(gaps)
    month = tmp_path / "u" / "month=01"
    month.mkdir(parents=True)
    FRAME.to_parquet(month / "a.parquet")
    assert set(read_table(tmp_path / "u").frame["month"]) == {1}


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # which Dask uses
@pytest.mark.parametrize("write_index", [True, False])
def test_what_dask_writes(tmp_path: Path, *, write_index: bool) -> None:
    frames = pytest.importorskip("dask.dataframe")
    for n, frame in enumerate((FRAME, FRAME.set_index("n"))):
        path = tmp_path / str(n)
        parts = frames.from_pandas(frame, npartitions=3, sort=False)
        parts.to_parquet(path, write_index=write_index, write_metadata_file=True)
        wanted = frame.reset_index() if n and write_index else frame
        assert rows(read_table(path).frame) == rows(wanted)
    # One part alone, too, has the numbers of its rows.
    part = sorted((tmp_path / "0").glob("*.parquet"))[1]
    assert [*read_table(part).frame] == [*FRAME]


def test_types_of_parts_are_brought_together(tmp_path: Path) -> None:
    tables = {
        "a": [pa.array([1, 2], pa.int32()), pa.array([3.5, None])],
        "b": [pa.array([None, None], pa.null()), pa.array(["x", None])],
        "c": [pa.array(["u", "v"]).dictionary_encode(), pa.array(["w", None])],
        "d": [pa.array([Decimal("1.5"), None]), pa.array([Decimal("20.25"), Decimal(0)])],
        "e": [pa.array([True, None]), pa.array([False, True])],
    }
    for part in range(2):
        names = [*tables][:: -1 if part else 1]  # in another order, too
        table = pa.table({name: tables[name][part] for name in names})
        (tmp_path / "t").mkdir(exist_ok=True)
        parquet.write_table(table, tmp_path / "t" / f"{part}.parquet")
    found = read_table(tmp_path / "t").frame
    assert [*found] == [*tables]
    wanted = {name: [cell for part in parts for cell in part.to_pylist()]
              for name, parts in tables.items()}  # fmt: skip
    for name, cells in wanted.items():
        assert [None if pd.isna(cell) else cell for cell in found[name]] == cells


def test_an_index_with_a_name_is_a_column_of_parts(tmp_path: Path) -> None:
    named = FRAME.set_index(pd.Index(range(100, 140), dtype=object, name="id").astype(str))
    split(tmp_path / "t", named, 4)
    assert read_table(tmp_path / "t").frame["id"].tolist() == [*map(str, range(100, 140))]
    for part in range(2):  # which pandas notes alone
        (tmp_path / "u").mkdir(exist_ok=True)
        FRAME[part * 20 : part * 20 + 20].to_parquet(tmp_path / "u" / f"{part}.parquet")
    assert rows(read_table(tmp_path / "u").frame) == rows(FRAME)


def shuffled(folder: Path) -> None:
    split(folder, FRAME.sample(frac=1, random_state=0), 2)


def ragged(folder: Path) -> None:
    split(folder, FRAME, 2)
    FRAME.drop(columns="word").assign(size=1).to_parquet(folder / "part-2.parquet")


def typed(folder: Path) -> None:
    split(folder, FRAME, 2)
    FRAME.assign(n="x")[[*reversed([*FRAME])]].to_parquet(folder / "part-2.parquet")


def beyond(folder: Path) -> None:
    split(folder, FRAME[["n"]], 2)
    pd.DataFrame({"n": [2**53 + 1]}).to_parquet(folder / "part-2.parquet")


def in_folder_and_file(folder: Path) -> None:
    split(folder / "year=2020", FRAME, 1)


def unlike_folders(folder: Path) -> None:
    split(folder / "year=2020", FRAME[["n"]], 1)
    split(folder / "month=1", FRAME[["n"]], 1)


def of_delta(folder: Path) -> None:
    split(folder, FRAME, 2)
    (folder / "_delta_log").mkdir()


def damaged(folder: Path) -> None:
    split(folder, FRAME, 2)
    (folder / "part-1.parquet").write_bytes(b"PAR1 and no more")


def of_texts(folder: Path) -> None:
    (folder / "part-0.csv").write_text("a\n1\n")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (shuffled, r"part-0.parquet holds an index without a name, which begins with \d+\."),
        (ragged, r"part-2.parquet lacks the columns 'word' and has the further columns 'size', ot"),
        (
            typed,
            r"part-2.parquet: column 'n' is of type (large_)?string, but of type double in .*0",
        ),
        (beyond, r"its parts have columns of types that don't go together: .*9007199254740993"),
        (in_folder_and_file, r"part-0.parquet: several columns are called 'year'"),
        (unlike_folders, r"lies in folders with the names year, but .* in such with month"),
        (of_delta, r"is a Delta table, whose log says which of the parts count"),
        (damaged, r"part-1.parquet is damaged or cut off: "),
        (of_texts, r"is a folder without Parquet files, whose names .*; it has part-0.csv\. Give"),
        (lambda _: None, r"is a folder without Parquet files, whose names end in .parquet\. Give"),
    ],
)
def test_folders_that_are_refused(tmp_path: Path, make: Any, message: str) -> None:
    folder = tmp_path / "t"
    folder.mkdir()
    (folder / "year=2020").mkdir()
    (folder / "month=1").mkdir()
    make(folder)
    with pytest.raises(em.DataFileError, match=message):
        read_table(folder)


def test_feather_is_read_as_pandas_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "a.feather"
    frame = FRAME.assign(
        kind=FRAME["word"].astype("category"),
        gap=FRAME["n"].where(FRAME["n"] > 0),
    )
    feather.write_feather(frame, path)
    found = read_table(path)
    assert not found.told
    assert rows(found.frame) == rows(pd.read_feather(path))
    feather.write_feather(frame[["n", "year"]], path)
    X, y = em.datasets.read_arrays(path)
    assert (X.tolist(), y) == (FRAME[["n", "year"]].to_numpy().tolist(), None)


def test_feather_that_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.feather"
    FRAME.to_parquet(path)
    with pytest.raises(em.DataFileError, match=r"no.* Feather file.*if it were a Parquet table"):
        read_table(path)
    pa.feather.write_feather(
        pa.table({"a": ["long" * 9, "texts" * 9]}), path, compression="uncompressed"
    )
    data = path.read_bytes()
    path.write_bytes(data[:-30])
    with pytest.raises(em.DataFileError, match="damaged or cut off"):
        read_table(path)
    # The second text ends far beyond the texts.
    end = np.array([0, 36, 81], np.int32).tobytes()
    assert data.count(end) == 1
    path.write_bytes(data.replace(end, np.array([0, 36, 10**9], np.int32).tobytes()))
    with pytest.raises(em.DataFileError, match=r"damaged or cut off: .*offset"):
        read_table(path)
    path.write_bytes(data.replace(b"\x01\0\0\0a\0", b"\x01\0\0\0\xff\0"))  # the column's name
    assert path.read_bytes() != data
    with pytest.raises(em.DataFileError, match=r"damaged or cut off: .*utf-8"):
        read_table(path)
    with pytest.raises(em.DataFileError, match=r"is a Feather table, whose .*leave out --missing"):
        read_table(path, missing=["x"])


def test_texts_of_parquet_are_utf_8(tmp_path: Path) -> None:
    offsets, texts = np.array([0, 1, 2], np.int32), b"\xff\xfe"
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(texts)]
    table = pa.table({"a": pa.Array.from_buffers(pa.string(), 2, buffers)})
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(em.DataFileError, match=r"damaged or cut off: .*UTF8"):
        read_table(tmp_path / "a.parquet")
