"""What a study can run on."""

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest

import eigenmlp as em
from eigenmlp.study import data as study_data
from eigenmlp.study.data import (
    DATASETS,
    StudyData,
    load_dataset,
    load_files,
    make_study_data,
    with_unlabelled,
)
from tiny_study import tiny_data


def _check_split(data: StudyData, train: int, val: int, test: int) -> None:
    assert [len(part) for part in data.split] == [train, val, test]
    assert sorted(np.concatenate(data.split)) == list(range(len(data.X)))
    for (X, y), index in zip(data.for_runs.parts.values(), data.split, strict=True):
        np.testing.assert_array_equal(X, data.X[index])
        np.testing.assert_array_equal(y, data.y[index])


def test_glyphs_come_with_further_images_to_predict() -> None:
    data = load_dataset("glyphs", quick=True)
    _check_split(data, 800, 100, 100)
    glyphs = em.datasets.load_glyphs(1000)
    np.testing.assert_array_equal(data.X, glyphs.X)
    np.testing.assert_array_equal(data.y, glyphs.y)
    assert (data.n_classes, data.n_features, data.image_shape) == (49, 784, (28, 28))
    assert data.input_scale == 1 / 255
    assert data.class_names == glyphs.class_names
    assert data.unlabelled is not None
    assert data.unlabelled.shape == (1000, 784)
    labelled = {row.tobytes() for row in data.X}
    assert not any(row.tobytes() in labelled for row in data.unlabelled)
    assert "1,000 brush characters of 49 classes" in data.description
    assert repr(data) == "StudyData('glyphs': 1000 images, 49 classes)"


def test_the_same_data_set_has_the_same_fingerprint() -> None:
    assert load_dataset("digits").fingerprint == load_dataset("digits").fingerprint


def test_anything_that_affects_training_changes_the_fingerprint() -> None:
    data = tiny_data()
    train, val, test = data.split
    pixel = data.X.copy()
    pixel[0, 0] += 1
    changed = [
        dataclasses.replace(data, X=pixel),
        dataclasses.replace(data, X=data.X.astype(np.float32)),
        dataclasses.replace(data, y=(data.y + 1) % 3),
        dataclasses.replace(data, split=(train[::-1], val, test)),
        dataclasses.replace(data, split=(train, test, val)),
        dataclasses.replace(data, input_scale=1.0),
        dataclasses.replace(data, class_names=("a", "b", "c", "d")),
    ]
    fingerprints = {data.fingerprint, *(other.fingerprint for other in changed)}
    assert len(fingerprints) == len(changed) + 1
    for same in (
        dataclasses.replace(data, unlabelled=None),
        dataclasses.replace(data, class_names=("a", "b", "c")),
        dataclasses.replace(data, X=np.asfortranarray(data.X)),
    ):
        assert same.fingerprint == data.fingerprint


def test_digits_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    data = load_dataset("digits")
    _check_split(data, 1437, 180, 180)
    np.testing.assert_array_equal(data.X, load_digits().data)
    assert data.X.dtype == np.uint8
    assert data.X.max() * data.input_scale == 1
    assert data.image_shape == (8, 8)
    assert len(load_dataset("digits", quick=True).X) == 1000


def test_an_unknown_data_set_is_refused() -> None:
    with pytest.raises(
        ValueError,
        match=r"no data set called 'mnist'\. Choose from: glyphs, digits, kuzushiji49, kmnist",
    ):
        load_dataset("mnist")


def test_kuzushiji_is_sampled_with_every_class_equally_likely() -> None:
    """A stand-in for the download, with one class ten times as frequent as the others."""
    y = np.repeat([0, 1, 2, 3], [40_000, 4000, 4000, 4000])
    X = np.arange(len(y), dtype=np.int64)[:, None] * np.ones((1, 4), dtype=np.int64)

    def fetch(split: Literal["train"]) -> em.datasets.Dataset:
        assert split == "train"
        return em.datasets.Dataset(X, y, ("a", "b", "c", "d"), (2, 2))  # type: ignore[arg-type]

    load = study_data._kuzushiji(fetch, "k4", "Kuzushiji-4")
    data = load(5000)
    _check_split(data, 4000, 500, 500)
    counts = np.bincount(data.y)
    assert counts.sum() == 5000
    assert abs(counts - 1250).max() < 5 * np.sqrt(5000 * 0.25 * 0.75)
    assert data.unlabelled is not None
    rows = np.concatenate([data.X[:, 0], data.unlabelled[:, 0]])
    assert len(np.unique(rows)) == 6000
    np.testing.assert_array_equal(y[data.X[:, 0]], data.y)
    assert data.fingerprint == load(5000).fingerprint
    assert "CC BY-SA 4.0" in data.description
    assert list(DATASETS) == ["glyphs", "digits", "kuzushiji49", "kmnist"]


@pytest.mark.parametrize(
    ("dtype", "scale", "shape", "image_shape"),
    [
        (np.uint8, 1 / 255, (9, 9), (9, 9)),
        (np.float32, 1.0, (8, 9), None),
        (np.float64, 1.0, (4,), None),
    ],
)
def test_files_are_read_whole(
    tmp_path: Path,
    dtype: type,
    scale: float,
    shape: tuple[int, ...],
    image_shape: tuple[int, int] | None,
) -> None:
    rng = np.random.default_rng(0)
    X: np.ndarray = rng.integers(0, 255, size=(1500, *shape)).astype(dtype)
    y = np.arange(1500) % 3
    np.save(tmp_path / "images.v2.npy", X)
    np.save(tmp_path / "labels.npy", y)
    data = load_files(tmp_path / "images.v2.npy", tmp_path / "labels.npy")
    _check_split(data, 1200, 150, 150)
    np.testing.assert_array_equal(data.X, X.reshape(1500, -1))
    assert (data.name, data.class_names) == ("images", ("0", "1", "2"))
    assert (data.input_scale, data.image_shape) == (scale, image_shape)
    quick = load_files(tmp_path / "images.v2.npy", str(tmp_path / "labels.npy"), quick=True)
    assert len(quick.X) == 1000
    rows = {row.tobytes(): label for row, label in zip(data.X, data.y, strict=True)}
    assert all(rows[x.tobytes()] == label for x, label in zip(quick.X, quick.y, strict=True))


def test_images_to_predict_must_be_like_those_of_the_study(tmp_path: Path) -> None:
    data = tiny_data()
    np.save(tmp_path / "more.npy", data.X[:5].reshape(5, 4, 4))
    more = with_unlabelled(data, tmp_path / "more.npy")
    np.testing.assert_array_equal(more.unlabelled, data.X[:5])
    assert more.fingerprint == data.fingerprint
    np.save(tmp_path / "wide.npy", np.zeros((5, 4, 5), np.uint8))
    with pytest.raises(
        em.DataFileError, match=r"wide.npy cannot be predicted.*of 20 values, .* of 16 values"
    ):
        with_unlabelled(data, tmp_path / "wide.npy")
    np.save(tmp_path / "float.npy", data.X[:5] / 255)
    with pytest.raises(em.DataFileError, match=r"of float64 numbers, .* of uint8 numbers; bring"):
        with_unlabelled(data, tmp_path / "float.npy")


def test_images_to_predict_may_be_of_the_other_float(tmp_path: Path) -> None:
    data = dataclasses.replace(tiny_data(), X=tiny_data().X.astype(np.float32), input_scale=1.0)
    np.save(tmp_path / "more.npy", data.X[:5].astype(np.float64))
    np.testing.assert_array_equal(
        with_unlabelled(data, tmp_path / "more.npy").unlabelled, data.X[:5]
    )


def test_too_few_images_for_a_split_are_refused() -> None:
    with pytest.raises(ValueError, match=r"5|empty|sample"):
        make_study_data(
            np.zeros((5, 4)),
            np.arange(5) % 2,
            name="few",
            description="",
            class_names=("0", "1"),
            image_shape=None,
            input_scale=1.0,
        )


def test_columns_to_predict_go_by_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(40, 3)), columns=["a", "b", "c"])
    frame.assign(y=np.arange(40) % 2).to_csv(tmp_path / "table.csv", index=False)
    data = load_files(tmp_path / "table.csv", "y")
    assert data.feature_names == ("a", "b", "c")
    moved = frame.assign(note="text", y=0)[["c", "note", "a", "y", "b"]]
    moved.to_csv(tmp_path / "moved.csv", index=False)
    with pytest.warns(UserWarning, match=r"moved.csv: left aside, .* no such columns: note, y"):
        more = with_unlabelled(data, tmp_path / "moved.csv")
    np.testing.assert_array_equal(more.unlabelled, data.X)
    moved.drop(columns=["a", "b"]).to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(em.DataFileError, match=r"lacks 2 of the 3 columns .*: a, b\. It has: c, n"):
        with_unlabelled(data, tmp_path / "short.csv")


@pytest.mark.parametrize(("counts", "n_rows"), [([3000, 1], 1000), ([2] * 1500, 1500)])
def test_a_quick_look_loses_no_class(counts: list[int], n_rows: int, tmp_path: Path) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    np.save(tmp_path / "x.npy", np.arange(len(y), dtype=float)[:, None])
    np.save(tmp_path / "y.npy", y)
    data = load_files(tmp_path / "x.npy", str(tmp_path / "y.npy"), quick=True)
    assert len(data.X) == len(np.unique(data.X)) == n_rows
    assert len(np.unique(data.y)) == data.n_classes == len(counts)
    np.testing.assert_array_equal(data.y, y[data.X[:, 0].astype(int)])


def test_a_quick_look_takes_what_it_took_where_no_class_is_rare(tmp_path: Path) -> None:
    y = np.arange(1500) % 3
    np.save(tmp_path / "x.npy", np.arange(1500.0)[:, None])
    np.save(tmp_path / "y.npy", y)
    data = load_files(tmp_path / "x.npy", str(tmp_path / "y.npy"), quick=True)
    drawn = np.random.default_rng(0).permutation(1500)[:1000]
    np.testing.assert_array_equal(data.X[:, 0], drawn)


def test_classes_that_a_part_lacks_are_told() -> None:
    data = tiny_data(100)
    y = data.y.copy()
    (rare,) = data.split[0][:1]
    y[:] = data.y % 2
    y[rare] = 2
    (validation, test) = dataclasses.replace(data, y=y).for_runs.absences
    assert validation == (
        "No sample for validation of 1 of the 3 classes: neither (of 1 sample). "
        "Scores in validation say nothing of them."
    )
    assert test.startswith("No sample for test of 1 of the 3 classes")
    y[rare], y[data.split[2][0]] = 0, 2
    training, _ = dataclasses.replace(data, y=y).for_runs.absences
    assert training == (
        "No sample for training of 1 of the 3 classes: neither (of 1 sample). "
        "They can't be learned."
    )
    assert tiny_data(1000).for_runs.absences == []
