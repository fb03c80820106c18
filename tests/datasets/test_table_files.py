"""Text tables of every kind are read back as they were written, or asked about."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import eigenmlp as em
from eigenmlp.datasets.table_files import read_table

if TYPE_CHECKING:
    from pathlib import Path

# No numbers, no marks of gaps, and no comments.
WORDS = st.text(st.characters(codec="utf-8", categories=["Lu", "Ll"]), min_size=2, max_size=5).map(
    lambda text: f'{text} {text}, "{text}"'
)
NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 1)) | st.just(float("nan"))


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    words=st.lists(WORDS, min_size=8, max_size=8),
    numbers=st.lists(NUMBERS, min_size=8, max_size=8),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    decimal=st.sampled_from([".", ","]),
    packed=st.booleans(),
)
def test_what_pandas_writes_is_read_back(
    tmp_path: Path,
    words: list[str],
    numbers: list[float],
    separator: str,
    decimal: str,
    *,
    packed: bool,
) -> None:
    frame = pd.DataFrame({"first word": words, "n": numbers, "whole": [*range(7), 1000]})
    text = frame.to_csv(None, index=False, sep=separator, decimal=decimal)
    path = tmp_path / "table.csv"
    content = text.encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    found = _read_or_told(path, decimal)
    assert list(found) == list(frame)
    assert found["first word"].tolist() == words
    np.testing.assert_array_equal(found["n"].to_numpy(float), np.array(numbers))
    assert found["whole"].tolist() == frame["whole"].tolist()


def _read_or_told(path: Path, decimal: str) -> pd.DataFrame:
    try:
        return read_table(path).frame
    except em.DataFileError:  # every number could be thousands as well
        return read_table(path, decimal=decimal).frame


def read(folder: Path, text: str, **options: Any) -> tuple[dict[Any, Any], list[str]]:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8", newline="")
    found = read_table(path, **options)
    return found.frame.to_dict("list"), found.told


@pytest.mark.parametrize(
    ("text", "wanted", "told"),
    [
        ("a,b\n1,x\n2,y\n", {"a": [1, 2], "b": ["x", "y"]}, []),
        ("a,b\r\n1,x\r\n2,y", {"a": [1, 2], "b": ["x", "y"]}, []),
        ("a,b\r1,x\r2,y\r", {"a": [1, 2], "b": ["x", "y"]}, []),
        ("a, b\n1, x\n2, y\n", {"a": [1, 2], "b": ["x", "y"]}, []),
        ('a,b\n1,"x\ny"\n2,z\n', {"a": [1, 2], "b": ["x\ny", "z"]}, []),
        ("a\n1\n2\n", {"a": [1, 2]}, []),
        ("full name\nJohn Smith\nAnn Lee\n", {"full name": ["John Smith", "Ann Lee"]}, []),
        ("a b\n1 2 3\n2 3 4\n", {"index": [1, 2], "a": [2, 3], "b": [3, 4]}, ["read as blank-sep"]),
        ("a  b\n 1   2\n 10 20\n", {"a": [1, 10], "b": [2, 20]}, ["read as blank-separated"]),
        (",a\n0,1\n1,2\n", {"index": [0, 1], "a": [1, 2]}, ["the first column, which has no name"]),
        ("# title\n\n% more\na,b\n1,2\n", {"a": [1], "b": [2]}, ["the first 2 lines left out, as"]),
        (
            "a;b\n1.234,5;x\n6,5;y\n",
            {"a": [1234.5, 6.5], "b": ["x", "y"]},
            ["read as semicolon-sep"],
        ),
        (
            "a;b\n1.234;5,6\n2.345;7,8\n",
            {"a": [1234, 2345], "b": [5.6, 7.8]},
            ["read as semicolon"],
        ),
        ("a\n1.234\n2.345\n", {"a": [1.234, 2.345]}, []),
        (
            "a,b\n1'234'567.5,x\n2,y\n",
            {"a": [1234567.5, 2], "b": ["x", "y"]},
            ["column 'a' read w"],
        ),
        (
            "a;b\n1 234;x\n2 345;y\n",
            {"a": [1234, 2345], "b": ["x", "y"]},
            ["read as semicolon-sep"],
        ),
        ("a,b\n-1e-3,+.5\n1.,2E3\n", {"a": [-0.001, 1], "b": [0.5, 2000]}, []),
        ("a,b\n1,0x10\n2,1_0\n", {"a": [1, 2], "b": ["0x10", "1_0"]}, []),
    ],
)
def test_kinds_of_texts(tmp_path: Path, text: str, wanted: Any, told: list[str]) -> None:
    found, said = read(tmp_path, text)
    assert found == wanted
    assert all(any(line.startswith(one) for line in said) for one in told)
    assert bool(said) == bool(told)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "nothing but blank lines"),
        ("\n \n", {}, "nothing but blank lines"),
        ("a,b\n", {}, "has a header, but no rows"),
        ("1,2\n3,4\n", {}, "no header, it seems"),
        ("a,a\n1,2\n", {}, "several columns are called 'a'"),
        ("a,,b\n1,2,3\n", {}, "column 2 has no name"),
        ("a,b\n1,2\n3\n", {}, "line 3 has another number of cells"),
        ('a\n"1,234"\n"2,345"\n', {}, "whose comma may stand between thousands or before decimals"),
        ("a;b\n1.5;2\n1,5;3\n", {"decimal": ","}, "decimal points and others with decimal commas"),
        ("a\n" + "\n".join(map(str, range(30))) + "\nmany\n", {}, "but 'many' in row 31"),
        (
            "a\nü\n",
            {"encoding": "ascii"},
            "is not text in ascii (ordinal not in range(128) in line 2",
        ),
        ("a\nb\n", {"encoding": "martian"}, "--encoding 'martian' is unknown"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, options: Any, message: str) -> None:
    with pytest.raises(em.DataFileError) as caught:
        read(tmp_path, text, **options)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 700


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(em.DataFileError, match="there is no file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n")[:-6])
    with pytest.raises(em.DataFileError, match="damaged or cut off"):
        read_table(tmp_path / "cut.csv.gz")


def test_words_and_gaps_can_be_said(tmp_path: Path) -> None:
    text = "zip,n\n01,-9\n02,5\n03,7\n"
    found, _ = read(tmp_path, text, texts=["zip"], missing=["-9"])
    assert found["zip"] == ["01", "02", "03"]
    assert np.isnan(found["n"][0])
    assert read(tmp_path, text)[0]["zip"] == [1, 2, 3]
