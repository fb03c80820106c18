"""CSV tables: what is a header, what is a number, and what no reader may drop or change."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eigenmlp.datasets import read_arrays
from eigenmlp.datasets.files import read_samples
from eigenmlp.errors import DataFileError


def write(folder: Path, text: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


FIRST_ROWS_OF_VALUES = [
    "1.5,2",
    "0,1",
    "?,1.5",
    "1.5,?",
    "NA,3",
    ",3",
    "nan,x",
    "a,inf",
    "x,-Infinity",
    "a,1e5 ",
    "x,12_34",
    "x,٣",
    "x,+.5",
    '"1","b"',
    "True,x",
    "x,FALSE",
]


@pytest.mark.parametrize("first", FIRST_ROWS_OF_VALUES)
def test_a_first_row_with_a_value_is_asked_about(tmp_path: Path, first: str) -> None:
    path = write(tmp_path, f"{first}\n3,4\n5,6\n")
    with pytest.raises(DataFileError, match=r"--no-header \(in Python header=False\).* --header"):
        read_arrays(path)
    with pytest.raises(DataFileError, match="has no header: its first line is "):
        read_arrays(path, "y")  # before a name is looked for


@pytest.mark.parametrize("first", ["a,b", "x1,x2", "1st,2nd", "50%,1/2", "a.1,b", "é,_"])
def test_names_are_a_header(tmp_path: Path, first: str) -> None:
    path = write(tmp_path, f"{first}\n3,4\n5,6\n")
    for header in (None, True):
        assert read_arrays(path, header=header)[0].tolist() == [[3, 4], [5, 6]]


def test_without_a_header_columns_are_called_by_their_places(tmp_path: Path) -> None:
    path = write(tmp_path, "7,1.5,0\n3,2.5,1\n5,0.5,2\n")
    X, _ = read_arrays(path, header=False)
    assert X.tolist() == [[7, 1.5, 0], [3, 2.5, 1], [5, 0.5, 2]]
    X, y = read_arrays(path, "3", header=False)
    assert X.tolist() == [[7, 1.5], [3, 2.5], [5, 0.5]]
    assert y is not None
    assert y.tolist() == [0, 1, 2]
    with pytest.raises(DataFileError, match=r"no column '0', .* It has: 1, 2, 3"):
        read_arrays(path, "0", header=False)
    with pytest.raises(TypeError, match="header='no' is not a bool"):
        read_arrays(path, header="no")  # type: ignore[arg-type]


def test_columns_without_names_go_by_their_places(tmp_path: Path) -> None:
    path = write(tmp_path, "0,7,1.5\n1,3,2.5\n")
    known = read_samples(path, "1", header=False)
    assert known.feature_names is None  # the places of features in this table are not in the next
    unknown = read_samples(write(tmp_path, "7,1.5\n3,2.5\n"), header=False)
    assert unknown.X.tolist() == known.X.tolist()
    unknown = read_samples(path, columns=["a", "b"], header=False)
    assert unknown.X.tolist() == known.X.tolist()


def test_numbers_may_be_names(tmp_path: Path) -> None:
    path = write(tmp_path, "0,1,2\n7,1.5,0\n3,2.5,1\n")
    X, y = read_arrays(path, "2", header=True)
    assert X.tolist() == [[7, 1.5], [3, 2.5]]
    assert y is not None
    assert y.tolist() == [0, 1]
    with pytest.raises(DataFileError, match="several columns are called '1'"):
        read_arrays(write(tmp_path, "1,1\n2,3\n"), header=True)


def test_a_missing_cell_of_the_first_row_is_told_as_such(tmp_path: Path) -> None:
    path = write(tmp_path, "?,1.5,0\n3,2.5,1\n")
    with pytest.raises(DataFileError, match=r"column '1' is not numeric: row 1 holds '\?'"):
        read_arrays(path, "3", header=False)
    path = write(tmp_path, ",1.5,0\n3,2.5,1\n")
    with pytest.raises(DataFileError, match=r"column '1' has no value in row 1 "):
        read_arrays(path, "3", header=False)


def test_names_are_no_row(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,2\n")
    with pytest.raises(DataFileError, match="has a header, it seems: its first line is a, b, "):
        read_arrays(path, header=False)


def test_label_files_likewise(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 2)))
    labels = write(tmp_path, "0\n1\n1\n", "y.csv")
    with pytest.raises(DataFileError, match=r"y\.csv has no header: its first line is 0, "):
        read_arrays(tmp_path / "x.npy", labels)
    _, y = read_arrays(tmp_path / "x.npy", labels, header=False)
    assert y is not None
    assert y.tolist() == [0, 1, 1]
    write(tmp_path, "cat\ndog\ncat\n", "y.csv")
    with pytest.raises(DataFileError, match=r"2 labels, but .* 3 .* pass --no-header"):
        read_arrays(tmp_path / "x.npy", labels)
    with pytest.raises(DataFileError, match=r"the labels 'cat', 'dog'"):
        read_arrays(tmp_path / "x.npy", labels, header=False)


def test_a_blank_line_among_labels_is_a_missing_label(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 2)))
    labels = write(tmp_path, "y\n0\n\n1\n1\n", "y.csv")
    with pytest.raises(DataFileError, match=r"y\.csv has no value in row 2 \(1 of 4 rows"):
        read_arrays(tmp_path / "x.npy", labels)
    write(tmp_path, "\n0\n1\n", "y.csv")
    with pytest.raises(DataFileError, match=r"y\.csv has no value in row 1 \(1 of 3 rows"):
        read_arrays(tmp_path / "x.npy", labels, header=False)
    for around in ("\n\ny\n0\n1\n1\n", "y\r\n0\r\n1\r\n1\r\n\r\n\r\n"):
        write(tmp_path, around, "y.csv")
        _, y = read_arrays(tmp_path / "x.npy", labels)
        assert y is not None
        assert y.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    "cell",
    [
        "12_34",
        "٣",
        "0x1A",
        "1d5",
        "- 5",
        "1 234",
        '"1,234"',
        "5%",
        "x",
        "1.5.2",
        "#1",
        "1e",
        "\x00",
    ],
)
def test_the_cell_that_is_no_number_is_blamed(tmp_path: Path, cell: str) -> None:
    path = write(tmp_path, f"a,b\n1,7.5\n2,8\n3,{cell}\n4,9\n")
    with pytest.raises(DataFileError, match="column 'b' is not numeric: row 3 holds ") as caught:
        read_arrays(path)
    assert f"row 3 holds {cell.strip(chr(34))!r}" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_other_encodings_are_told_as_such(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("a,b\n1,2\n".encode(encoding))
    with pytest.raises(DataFileError, match=r"is not text in UTF-8 .* Export the table again"):
        read_arrays(path)


def test_truth_values_among_numbers_are_blamed(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,7.5\n2,True\n")
    with pytest.raises(DataFileError, match="column 'b' is not numeric: row 2 holds 'True'"):
        read_arrays(path)
    path = write(tmp_path, "a,b\n1,false\n2,True\n")
    assert read_arrays(path)[0].tolist() == [[1, 0], [2, 1]]


@pytest.mark.parametrize("cell", ["inf", "-inf", "Infinity", "1e400"])
@pytest.mark.parametrize("with_label", [False, True])
def test_infinity_is_told_by_row_and_name(tmp_path: Path, cell: str, with_label: bool) -> None:
    path = write(tmp_path, f"y,a,b\n0,1,2\n1,1,{cell}\n")
    with pytest.raises(DataFileError, match=r"column 'b' holds -?inf, .* in row 2 \(rows count fr"):
        read_arrays(path, "y" if with_label else None)


@pytest.mark.parametrize(
    "cell", ["9007199254740993", "-9007199254740993", str(2**63), str(10**30), str(-(10**19))]
)
@pytest.mark.parametrize("other", ["1", "0.5"])
def test_an_integer_that_would_be_rounded_is_refused(tmp_path: Path, cell: str, other: str) -> None:
    path = write(tmp_path, f"id,x\n1,{other}\n{cell},{other}\n")
    with pytest.raises(DataFileError, match=f"column 'id' holds the integer {cell} in row 2 "):
        read_arrays(path)


@pytest.mark.parametrize("values", [[[0, 255], [3, 7]], [[0, 300], [3, 7]], [[-1, 2.5], [3, 7]]])
def test_whole_numbers_of_a_table_are_no_pixels(tmp_path: Path, values: list[Any]) -> None:
    rows = "\n".join(",".join(map(str, row)) for row in values)
    X, _ = read_arrays(write(tmp_path, f"a,b\n{rows}\n"))
    assert X.dtype == np.float64
    assert X.tolist() == values
