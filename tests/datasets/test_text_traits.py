"""What circulates as text tables: nothing of it is misread in silence."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import eigenmlp as em
from eigenmlp.datasets.table_files import read_table

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, text: str | bytes, **options: Any) -> tuple[dict[Any, Any], list[str]]:
    path = folder / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    found = read_table(path, **options)
    columns = found.frame.astype(object).where(found.frame.notna(), None)
    return columns.to_dict("list"), found.told


@pytest.mark.parametrize(
    ("text", "wanted", "told"),
    [
        # Units, in every cell the same.
        ("a,b\n12%,x\n-3.5 %,y\n", {"a": [12, -3.5], "b": ["x", "y"]}, "'a' read as numbers, with"),
        ('a\n"$1,200.50"\n$80\n-$3\n', {"a": [1200.5, 80, -3]}, "without '$'"),
        ("a;b\n1.234,50 €;1\n7,00 €;2\n", {"a": [1234.5, 7], "b": [1, 2]}, "without '€'"),
        ("a;b\n1.234 €;0,5\n2.345 €;1,5\n", {"a": [1234, 2345], "b": [0.5, 1.5]}, "thousands"),
        ("a\n12 kg\n\n7 kg\n", {"a": [12, None, 7]}, "without 'kg'"),
        ('a\n"$1,200.50"\n($80)\n', {"a": [1200.5, -80]}, "without '$'"),
        ("a\n5\n(80)\n", {"a": [5, -80]}, "without brackets, which are a minus"),
        ("a\n12kg\n7lb\n", {"a": ["12kg", "7lb"]}, ""),
        ("a\n1A\n2A\n", {"a": ["1A", "2A"]}, ""),
        # What spreadsheets, R, SQL and NumPy write.
        ("a,b,\n1,2,\n3,4,\n", {"a": [1, 3], "b": [2, 4]}, "1 columns left out that have neither"),
        ("a,b\n1,2,\n3,4,\n", {"a": [1, 3], "b": [2, 4]}, "an empty cell at the end of every row"),
        ("a,b,\n1,2\n3,4\n", {"a": [1, 3], "b": [2, 4]}, ""),
        (",,\n;\na,b\n1,2\n,\n", {"a": [1, None], "b": [2, None]}, ""),
        ("sep=;\na;b\n1;2\n", {"a": [1], "b": [2]}, "semicolon-separated"),
        ("Unnamed: 0,a\n0,5\n", {"Unnamed: 0": [0], "a": [5]}, "is an index that pandas wrote"),
        (",a,\n0,5,\n1,6,\n", {"index": [0, 1], "a": [5, 6]}, "called 'index'"),
        ("# a b\n1 2\n3 4\n", {"a": [1, 3], "b": [2, 4]}, "names of the columns taken from"),
        ("# u,v\na,b\n1,2\n", {"a": [1], "b": [2]}, "the first 1 lines left out"),
        ('"a" "b"\n"1" 5 "New York"\n"2" 6 "Ulm ""x"""\n',
         {"index": [1, 2], "a": [5, 6], "b": ["New York", 'Ulm "x"']}, "blank-separated"),
        ("a,b\n\\N,x\n1,\\N\n", {"a": [None, 1], "b": ["x", None]}, ""),
        ("a,b\n#N/A,x\n1,n.a.\n", {"a": [None, 1], "b": ["x", None]}, ""),
        ("a,b\n1,x\n   \n2,y\n  \n", {"a": [1, 2], "b": ["x", "y"]}, ""),
        # Codes and mixtures.
        ("zip\n01067\n80331\n", {"zip": [1067, 80331]}, "'zip' read as numbers, without the zeros"),
        ("a\n0\n1\n", {"a": [0, 1]}, ""),
        ("a\n20200131\n20200201\n", {"a": [20200131, 20200201]}, "look like dates: '20200131'"),
        ("a\n20200131\n20200299\n", {"a": [20200131, 20200299]}, ""),
        ("a\n" + "".join(f"v{k}x\n" for k in range(11)), {"a": [f"v{k}x" for k in range(11)]},
         "'a' read as words, such as 'v0x': 11 different ones, all of which hold digits"),
        ("a\n0\n1\n2\n3+\n0\n1\n3+\n", {"a": ["0", "1", "2", "3+", "0", "1", "3+"]},
         "'a' read as words, since '3+' in row 4 is no number"),
        ("".join(f"w{chr(97 + k)}\n" for k in range(25)),
         {"wa": [f"w{chr(97 + k)}" for k in range(1, 25)]}, "holds another word in every row"),
        # Some number of the file says what a point is.
        ("a;b\n1.234;0.5\n", {"a": [1.234], "b": [0.5]}, "semicolon-separated"),
        ("a;b\n1.234;1,5\n", {"a": [1234], "b": [1.5]}, "'a' read with '.' between thousands"),
        ("a,b\n1.234,5\n", {"a": [1.234], "b": [5]}, ""),
        ("a;b\n1.234;x\n0.126;y\n", {"a": [1.234, 0.126], "b": ["x", "y"]}, "semicolon"),
        ("a,ü ß\nTRUE,1\nFALSE,2\n", {"a": ["TRUE", "FALSE"], "ü ß": [1, 2]}, ""),
    ],
)  # fmt: skip
def test_what_is_told_from_the_file(tmp_path: Path, text: str, wanted: Any, told: str) -> None:
    found, said = read(tmp_path, text)
    assert found == wanted
    assert any(told in line for line in said) if told else not said


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        # Of three lines one is ragged: by the separator of the others, not as one column.
        ("a;b\n1;2\n3;4;5\n6;7\n", {}, "line 3 has another number of cells than the first line, "),
        ("My table\na,b\n1,2\n3,4\n", {}, "line 1 has another number of cells than the lines b"),
        ("a,b\n" + "1,2\n" * 300 + "3\n", {}, "line 302 has another number of cells than"),
        ("a;b\n1;2\n;;\n3;4\n", {}, "line 3 has another number of cells than the first line, 3 r"),
        ('a,b\n1,"x\ny"\n2,z\n3\n', {}, "line 5 has another number of cells"),
        ("1,2\n3,4,5\n6,7,8\n", {"header": False}, "line 1 has another number of cells"),
        ("a,b\n1,2,\n" + "3,4,\n" * 300 + "5,6,7\n", {}, "line 303 has another number of"),
        ("a b\n" + "1 2 3\n" * 300 + "5 6\n", {}, "line 302 has another number of cells"),
        # A quote that is never closed would take all rows below it.
        ('a,b\n1,2\n3,"4\n5,6\n7,8\n', {}, "quotes that begin in line 3 or below are never"),
        ('a\nx\n"y\nz\n', {}, "quotes that begin in line 3 or below are never closed"),
        # Two of them take all rows between them.
        ('a,b\n1,"Bob\n' + "2,x\n" * 300 + '3,"Al\n', {},
         "follows a closing quote in line 303, of a cell that begins in line 2 or below"),
        ('a,b\n1,"Bob" Smith\n2,Al\n', {}, "text follows a closing quote in line 2. Put whole"),
        # A point, where a comma may stand before decimals.
        ("a;b\n12.000;x\n950;y\n", {}, "'a' holds '12.000' in row 1, whose point may stand"),
        ("a\tb\n1\tx\n-1.250\ty\n", {}, "'a' holds '-1.250' in row 2, whose point may stand"),
        ("a,b\n1.200 €,x\n1.300 €,y\n", {}, "'a' holds '1.200' in row 1, whose point may stand"),
        # Commas of decimals, where nothing else is in a line.
        ("a\n1,5\n2,5\n", {}, "line 1 has one cell, but the lines below it have two, as 1, 5"),
        # First lines of values, however they are written.
        ("1,5;Bonn\n2,5;Ulm\n", {}, "no header, it seems: its first line is 1,5, Bonn, with"),
        ("2020-01-05,x\n2020-01-06,y\n", {}, "with '2020-01-05' where a name is expected"),
        ("$5,x\n$6,y\n", {}, "with '$5' where a name is expected"),
        # Dates.
        ("d,b\n2020-01-05,1\n2020-02-06,2\n", {}, "column 'd' holds dates or times, such as"),
        ("d\n5/1/2020\n6/1/2020\n", {}, "'5/1/2020' in row 1"),
        ("d\n05.01.2020 17:30\n06.02.2020 18:30\n", {}, "--ignore, or take its cells for words"),
        ("d\n17:30\n18:30:05\n", {}, "dates or times"),
        ("d\n5-Jan-20\n16-Sept-2020\n", {}, "dates or times"),
        ('d\n"Jan 5, 2020"\n', {}, "dates or times"),
        ("a,b\n1,x\n1e999,y\n", {}, "column 'a' holds '1e999' in row 2, which is too large"),
        ("a,b\n" + "1,5\n" * 30 + "-,n/k\n", {}, "If '-', 'n/k' stand for gaps, pass --missing"),
        (",".join(f"c{k}" for k in range(40)) + "\n" + ("5," * 39 + "5\n") * 21 + "x," * 39 + "x\n",
         {}, "'c9' holds numbers, but 'x' in row 22; and likewise 'c10', 'c11', "),
        # All columns at once, in small tables, too.
        ("a,b,c\n1,u,5\n2,3,6\n3,4,many\n4,5,8\n", {},
         ("column 'a' holds|'b' holds numbers, but 'u' in row 1; column 'c' holds numbers, but "
         "'many' in row 3 (rows count")),
        ("a\n" + "\n".join(map(str, range(30))) + "\n" + "x" * 999 + "\n", {}, "(1,001 char"),
        ("a,b\n1,2\n1e,3\n", {"numbers": {"a", "b"}}, "'a' was of numbers, but '1e' in row 2 ("),
        (",\x1f", {}, "nothing but blank lines"),
        (",\n,,\n", {}, "nothing but blank lines"),
        ("\xa0\n\u2003,\n", {}, "nothing but blank lines"),
        ('"\xa0,\xa0"\n', {}, "has a header, but no rows"),
        # No text.
        ("a,b\n1,2\n".encode("utf-16-le"), {}, "holds NUL, as text in UTF-16 does"),
        (b"PK\x03\x04rest", {}, "it begins with the bytes 50 4b 03 04, as if it were a zip"),
        (b"<!DOCTYPE html>\n<html></html>\n", {}, "as if it were a web page"),
        ("a,b\n1," + "x" * 200_000 + "\n", {}, "a cell that ends in line 2 has more than 131,072"),
        (gzip.compress(b"a,b\n1,\xff\n" * 5000, mtime=0)[:-4], {}, "is not text in UTF-8"),
        (gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:40] + b"damaged" * 9, {}, "damaged or cut"),
    ],
)  # fmt: skip
def test_what_is_asked_about(tmp_path: Path, text: Any, options: Any, message: str) -> None:
    with pytest.raises(em.DataFileError) as caught:
        read(tmp_path, text, **options)
    told = str(caught.value)
    absent, _, there = message.rpartition("|")
    assert there in told
    assert not absent or absent not in told
    assert len(told) < 1200
    assert "\0" not in told


def test_what_is_asked_about_can_be_said(tmp_path: Path) -> None:
    assert read(tmp_path, "a\n1,5\n2,5\n", decimal=",")[0] == {"a": [1.5, 2.5]}
    assert read(tmp_path, "a\n1,5\n2,5\n", decimal=".")[0] == {"index": [1, 2], "a": [5, 5]}
    dates = "d,b\n2020-01-05,1\n2020-02-06,2\n"
    assert read(tmp_path, dates, texts=["d"])[0]["d"] == ["2020-01-05", "2020-02-06"]
    assert read(tmp_path, dates, numbers={"b"})[0]["d"] == ["2020-01-05", "2020-02-06"]
    assert read(tmp_path, "1A,x\n2B,y\n", header=False)[0] == {"1": ["1A", "2B"], "2": ["x", "y"]}
    text = "a,b\n1,2\n".encode("utf-16-le")
    assert read(tmp_path, text, encoding="utf-16-le")[0] == {"a": [1], "b": [2]}
    marked = "a,b\n1,2\n".encode("utf-8-sig")
    assert read(tmp_path, marked, encoding="utf-8")[0] == {"a": [1], "b": [2]}


@pytest.mark.parametrize("n_lines", [199, 200, 201, 64, 128])
def test_cells_of_several_lines_may_stand_anywhere(tmp_path: Path, n_lines: int) -> None:
    text = "a,b\n" + "1,x\n" * (n_lines - 2) + '2,"y\n\nz, ""w"""\n' + "3,v\n" * 300
    found, said = read(tmp_path, text)
    wanted = pd.read_csv(io.StringIO(text))
    assert found["a"] == wanted["a"].tolist()
    assert found["b"] == wanted["b"].tolist()
    assert not said


@pytest.mark.parametrize("late", ["", "7,5", "word", "1_0", "٣", "nan", "Infinity", "01", "-"])
def test_what_comes_late_in_a_column_counts(tmp_path: Path, late: str) -> None:
    """Numbers are made of cells as they are read: what was made must not stay."""
    cells = [*map(str, np.random.default_rng(0).normal(size=400).round(3)), late, "5"]
    path = tmp_path / "table.csv"
    frame = pd.DataFrame({"a": cells, "b": range(len(cells))})
    frame.to_csv(path, index=False, sep=";")
    if late in {"word", "1_0", "Infinity", "-"}:
        with pytest.raises(em.DataFileError, match=r"holds numbers, but .* in row 401 "):
            read_table(path)
        found = read_table(path, texts=["a"]).frame
        assert found["a"].tolist() == cells
    elif late == "7,5":
        with pytest.raises(em.DataFileError, match="decimal commas, such as '7,5' in row 401 "):
            read_table(path, decimal=".")
    else:
        found = read_table(path).frame
        wanted = [float(cell or "nan") for cell in cells]
        np.testing.assert_array_equal(found["a"].to_numpy(float), wanted)


def test_marks_of_gaps_that_no_cell_has_are_told(tmp_path: Path) -> None:
    found, told = read(tmp_path, "a,b\n-999.0,x\n1,-\n", missing=["-999", "-"])
    assert found == {"a": [-999, 1], "b": ["x", None]}
    assert told == ["no cell is '-999', which --missing names as it is written"]
