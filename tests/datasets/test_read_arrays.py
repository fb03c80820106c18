"""Reading images and labels from files: what comes back."""

import gzip
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data_files import IMAGES, LABELS, WRITERS, idx_bytes, table, write_csv
from eigenmlp.datasets import read_arrays
from eigenmlp.datasets.files import read_samples
from eigenmlp.errors import DataFileError


def assert_same(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


def read_as(name: str) -> npt.NDArray[Any]:
    """What IMAGES, of uint8, are read as from a file of that name: a table has no images."""
    rows = IMAGES.reshape(4, 6)
    return rows.astype({".csv": "f8", ".parquet": "f4"}.get(Path(name).suffix, "u1"))


@pytest.mark.parametrize("image_name", WRITERS)
@pytest.mark.parametrize("label_name", WRITERS)
def test_every_kind_goes_with_every_other(tmp_path: Path, image_name: str, label_name: str) -> None:
    images, labels = tmp_path / f"images-{image_name}", tmp_path / f"labels-{label_name}"
    WRITERS[image_name](images, IMAGES)
    WRITERS[label_name](labels, LABELS)
    X, y = read_arrays(images, labels)
    assert y is not None
    assert_same(X, read_as(image_name))
    assert_same(y, LABELS.astype(np.int64))


@pytest.mark.parametrize("name", WRITERS)
def test_without_labels(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, IMAGES)
    X, y = read_arrays(str(tmp_path / name))
    assert_same(X, read_as(name))
    assert y is None


def test_npy_is_mapped_and_read_only(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGES)
    X, _ = read_arrays(tmp_path / "a.npy")
    assert isinstance(X, np.memmap)
    assert not X.flags.writeable


@pytest.mark.parametrize("shape", [(4, 2, 3), (4, 6)])
def test_fortran_order_is_understood(tmp_path: Path, shape: tuple[int, ...]) -> None:
    images = np.asfortranarray(IMAGES.reshape(shape))
    np.save(tmp_path / "a.npy", images)
    np.savez(tmp_path / "a.npz", images)
    for name in ("a.npy", "a.npz"):
        X, _ = read_arrays(tmp_path / name)
        assert X.flags.c_contiguous
        assert_same(np.asarray(X), IMAGES.reshape(4, 6))


def test_gzip_is_told_by_content_because_browsers_unpack_and_keep_the_name(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(idx_bytes(IMAGES))
    X, _ = read_arrays(tmp_path / "train-images-idx3-ubyte.gz")
    assert_same(X, IMAGES.reshape(4, 6))


@settings(deadline=None, max_examples=60)
@given(
    array=st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]).flatmap(
        lambda dtype: hnp.arrays(
            dtype,
            hnp.array_shapes(min_dims=2, max_dims=4, max_side=5),
            elements={"allow_nan": False, "allow_infinity": False} if dtype[0] == "f" else None,
        )
    ),
    packed=st.booleans(),
)
def test_idx_of_every_type_and_rank(array: npt.NDArray[Any], packed: bool) -> None:
    data = idx_bytes(array)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.idx"
        path.write_bytes(gzip.compress(data) if packed else data)
        X, _ = read_arrays(path)
    assert X.dtype in {np.dtype("u1"), np.dtype("f4"), np.dtype("f8")}
    np.testing.assert_array_equal(X, array.reshape(len(array), -1), strict=False)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([0, 255], "u1", "u1"),
        ([0, 255], "i8", "f8"),
        ([0, 255], "u2", "f4"),
        ([0, 1], "?", "f4"),
        ([0, 65535], ">u2", "f4"),
        ([-1, 5], "i1", "f4"),
        ([0, 1], "i2", "f4"),
        ([0, 1], "u4", "f8"),
        ([0, 2**24 + 1], "i4", "f8"),
        ([-(2**53), 2**53], "i8", "f8"),
        ([0, 2**53], "u8", "f8"),
        ([0.5, 1.5], "f2", "f4"),
        ([0.5, 1.5], ">f4", "f4"),
        ([0.5, 1.5], ">f8", "f8"),
    ],
)
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_types_decide_what_becomes_of_them_and_never_values(
    tmp_path: Path, name: str, values: list[float], dtype: str, expected: str
) -> None:
    WRITERS[name](tmp_path / name, np.array(values, dtype).reshape(2, 1))
    X, _ = read_arrays(tmp_path / name)
    assert X.dtype.str[1:] == expected
    assert X.dtype.isnative
    assert X.ravel().tolist() == values


def test_csv_keeps_the_digits_of_a_float(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((50, 4)) * 10.0 ** rng.integers(-300, 300, (50, 4))
    write_csv(tmp_path / "a.csv", values)
    X, _ = read_arrays(tmp_path / "a.csv")
    assert X.dtype == np.float64
    np.testing.assert_allclose(X, values, rtol=1e-14)  # older pandas rounds the last bit


def test_parquet_keeps_float32_and_nullable_types(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.array([0.5, 1.5], "f4"), "b": pd.array([1, 2], "Int8")})
    frame.to_parquet(tmp_path / "a.parquet")
    X, _ = read_arrays(tmp_path / "a.parquet")
    assert_same(X, np.array([[0.5, 1], [1.5, 2]], "f4"))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_label_column_of_a_table(tmp_path: Path, name: str) -> None:
    frame = table(IMAGES)
    frame.insert(2, "class", LABELS)
    frame["good"] = [True, False, True, True]
    frame.to_csv(tmp_path / name, index=False) if name == "a.csv" else frame.to_parquet(
        tmp_path / name
    )
    X, y = read_arrays(tmp_path / name, "class")
    assert y is not None
    assert X.tolist() == [
        [*row, good] for row, good in zip(IMAGES.reshape(4, 6).tolist(), [1, 0, 1, 1], strict=True)
    ]
    assert_same(y, LABELS.astype(np.int64))


def test_label_array_of_an_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS.reshape(4, 1))
    X, y = read_arrays(tmp_path / "a.npz", "labels")
    assert y is not None
    assert_same(X, IMAGES.reshape(4, 6))
    assert_same(y, LABELS.astype(np.int64))


def test_a_name_wins_over_a_file_and_a_path_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table(IMAGES).assign(**{"y.csv": LABELS}).to_csv("a.csv", index=False)
    pd.DataFrame({"y": LABELS[::-1]}).to_csv("y.csv", index=False)
    assert [len(read_arrays("a.csv", labels)[0].T) for labels in ("y.csv", Path("y.csv"))] == [6, 7]
    assert read_arrays("a.csv", Path("y.csv"))[1].tolist() == [1, 2, 1, 0]  # type: ignore[union-attr]


def test_whole_floats_are_class_numbers(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGES)
    np.save(tmp_path / "y.npy", LABELS.astype(np.float64))
    _, y = read_arrays(tmp_path / "a.npy", tmp_path / "y.npy")
    assert y is not None
    assert_same(y, LABELS.astype(np.int64))


def test_known_classes_may_be_absent(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGES)
    np.save(tmp_path / "y.npy", [3, 0, 3, 8])
    _, y = read_arrays(tmp_path / "a.npy", tmp_path / "y.npy", n_classes=9)
    assert y is not None
    assert y.tolist() == [3, 0, 3, 8]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_columns_asked_for_come_in_their_order(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"note": ["x", "y"], "b": [1, 2], "label": ["no", "yes"], "a": [3.5, 4]})
    frame.to_csv(tmp_path / name, index=False) if name == "a.csv" else frame.to_parquet(
        tmp_path / name
    )
    found = read_samples(tmp_path / name, "label", columns=["a", "b"])
    assert found.X.tolist() == [[3.5, 1], [4, 2]]
    assert (found.feature_names, found.left_aside) == (("a", "b"), ("note",))
    assert found.labels is not None
    assert found.labels.tolist() == ["no", "yes"]
    whole = read_samples(tmp_path / name, columns=["b", "a"])
    assert (whole.left_aside, whole.labels) == (("note", "label"), None)
    with pytest.raises(DataFileError, match=r"lacks 2 of the 3 columns .* on: c, d\. It has: note"):
        read_samples(tmp_path / name, columns=["c", "a", "d"])
    with pytest.raises(DataFileError, match=r"on: b \('b' is taken for the labels\)\. It has"):
        read_samples(tmp_path / name, "b", columns=["a", "b"])


def test_files_without_names_go_by_place(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGES)
    found = read_samples(tmp_path / "a.npy", columns=[str(index) for index in range(6)])
    assert_same(found.X, IMAGES.reshape(4, 6))
    assert (found.feature_names, found.left_aside) == (None, ())
