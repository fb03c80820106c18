"""What runs train on: read as people have it, and refused where no run could use it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_array, csr_matrix

import eigenmlp as em
from eigenmlp.sweeps import Data, RunSpec, run
from eigenmlp.sweeps.executors.mapped import MappedData

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
WORDS = np.where(X[:, 0] > 0, "yes", "no")
CLASSES = (WORDS == "yes").astype(int)


def of(y: Any, x: Any = X, **others: Any) -> Data:
    return Data(train=(x[:20], y[:20]), validation=(x[20:], y[20:]), **others)


@pytest.mark.parametrize("labels", [WORDS, WORDS.astype(object), WORDS.tolist(), pd.Series(WORDS)])
def test_texts_are_classes(labels: Any) -> None:
    data = of(labels)
    assert data.class_names == ("no", "yes")
    assert data.n_classes == 2
    np.testing.assert_array_equal(data.train[1], CLASSES[:20])
    np.testing.assert_array_equal(data.validation[1], CLASSES[20:])


def test_bools_are_classes() -> None:
    assert of(WORDS == "yes").class_names == ("False", "True")


def test_a_table_has_names_and_an_order() -> None:
    table = pd.DataFrame(X, columns=["a", "b", "c"])
    data = Data(
        train=(table[:20], CLASSES[:20]), validation=(table[["c", "a", "b"]][20:], CLASSES[20:])
    )
    assert data.feature_names == ("a", "b", "c")
    np.testing.assert_array_equal(data.validation[0], X[20:])
    network = em.sweeps.run_spec(RunSpec(hidden_layers=(2,), epochs=1), data).files
    header = network["last.safetensors"]
    size = int.from_bytes(header[:8], "little")
    described = json.loads(json.loads(header[8 : 8 + size])["__metadata__"]["eigenmlp"])
    assert described["feature_names"] == ["a", "b", "c"]


def test_an_array_stays_the_same_and_uint8_stays_uint8() -> None:
    pixels = RNG.integers(0, 255, (30, 4), dtype=np.uint8)
    train = pixels[:20]
    data = Data(train=(train, CLASSES[:20]), validation=(pixels[20:], CLASSES[20:]))
    assert data.train[0] is train


def test_numbers_are_of_one_output_or_several() -> None:
    assert of(X[:, 0]).n_outputs(em.losses.SquaredError()) == 1
    assert of(X[:, :2]).n_outputs(em.losses.SquaredError()) == 2
    assert of(X[:, 0]).n_classes is None
    assert of(CLASSES).n_outputs(em.losses.BinaryCrossEntropy()) == 1
    assert of(CLASSES).n_outputs(em.losses.CrossEntropy()) == 2


def test_any_change_changes_the_fingerprint() -> None:
    same = of(CLASSES).fingerprint
    assert of(CLASSES.copy()).fingerprint == same
    moved = X.copy()
    moved[-1, -1] += 1e-9
    others = [
        of(CLASSES, moved),
        of(CLASSES, feature_names=["a", "b", "c"]),
        of(CLASSES, feature_names=["b", "a", "c"]),
        of(1 - CLASSES),
        of(CLASSES, input_scale=0.5),
        of(CLASSES, X.astype(np.float32)),
        Data(train=(X[:20], CLASSES[:20]), validation=(X[:20], CLASSES[:20])),
        Data(train=(X[:20], CLASSES[:20], np.ones(20)), validation=(X[20:], CLASSES[20:])),
        Data(
            train=(X[:20], CLASSES[:20]),
            validation=(X[20:], CLASSES[20:]),
            test=(X[20:], CLASSES[20:]),
        ),
    ]
    assert len({same, *(data.fingerprint for data in others)}) == 1 + len(others)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train": X}, r"train must be a pair \(X, y\), or a triple"),
        ({"train": (X,)}, r"train must be a pair"),
        ({"train": (X, CLASSES[:-1])}, "train: y has 29 entries for 30 samples"),
        ({"train": (X, CLASSES, np.ones(2))}, "train: sample_weight has 2 entries for 30 samples"),
        ({"train": (X, CLASSES, -np.ones(30))}, "train: sample_weight"),
        ({"train": (X[:0], CLASSES[:0])}, r"train: X has shape \(0, 3\), without samples"),
        ({"train": (X[:, 0], CLASSES)}, r"train: X is float64 of shape \(30,\)"),
        ({"train": ("X.npy", CLASSES)}, "train: X is"),
        ({"train": (np.where(X > 2, np.nan, X), CLASSES)}, "train: X"),
        (
            {"validation": (X[:, :2], CLASSES)},
            "validation: X has 2 features, but that of train",
        ),
        ({"validation": (np.where(X > 2, np.inf, X), CLASSES)}, "validation: X"),
        ({"validation": (X, X)}, r"validation: y is float64 of shape \(30, 3\)"),
        ({"test": (X, CLASSES, CLASSES, 1)}, "test must be a pair"),
        ({"class_names": ["a"]}, "train: y has 1 for sample .* class_names for 0 to 0"),
        ({"feature_names": ["a"]}, "feature_names has 1 names for 3 features"),
        ({"input_scale": 0.0}, "input_scale"),
        ({"train": (X, [None, *WORDS[1:]])}, "y mixes labels of several types"),
    ],
)
def test_what_no_run_could_use_is_refused(arguments: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"train": (X, CLASSES), "validation": (X, CLASSES)}
    with pytest.raises((TypeError, ValueError), match=message):
        Data(**{**good, **arguments})


def test_maps_travel_as_their_place_and_others_are_written_once(tmp_path: Path) -> None:
    whole = np.lib.format.open_memmap(
        tmp_path / "X.npy", mode="w+", dtype=np.float32, shape=(30, 3)
    )
    whole[...] = X
    data = Data(train=(whole[:20], CLASSES[:20]), validation=(whole[20:], CLASSES[20:]))
    mapped = MappedData(data)
    written = sorted(path.name for path in Path(mapped.folder).glob("*.npy"))
    opened = mapped.open()
    assert written == ["0.npy", "1.npy"]  # the labels
    for part, expected in zip(opened.parts.values(), data.parts.values(), strict=True):
        for array, original in zip(part, expected, strict=True):
            assert isinstance(array, np.memmap)
            np.testing.assert_array_equal(array, original)
    assert opened.fingerprint == data.fingerprint
    assert opened.validation[0].filename == str(tmp_path / "X.npy")
    mapped.close()
    assert not Path(mapped.folder).exists()
    np.testing.assert_array_equal(opened.train[1], CLASSES[:20])


def test_what_a_killed_sweep_left_is_removed_and_what_is_in_use_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    in_use = MappedData(of(CLASSES))
    left = tmp_path / "eigenmlp-data-left"
    left.mkdir()
    (left / "0.npy").touch()
    another = MappedData(of(CLASSES))
    assert not left.exists()
    assert {path.name for path in tmp_path.iterdir()} == {
        Path(mapped.folder).name for mapped in (in_use, another)
    }
    for mapped in (in_use, another):
        mapped.close()
    assert not list(tmp_path.iterdir())


def test_sparse_samples_stay_sparse_and_give_the_same_runs(tmp_path: Path) -> None:
    rows = np.where(np.random.default_rng(0).random((60, 9)) < 0.3, 1.0, 0.0).astype(np.float32)
    y = np.arange(60) % 3
    specs = [RunSpec(name="a", hidden_layers=(5,), epochs=3)]
    parts: dict[str, Any] = {}
    for name, kind in (("dense", np.asarray), ("csc", csc_array), ("csr", csr_matrix)):
        data = Data(train=(kind(rows[:40]), y[:40]), validation=(kind(rows[40:]), y[40:]))
        runs = run(specs, data, tmp_path / name, executor="processes", jobs=1, progress=False)
        parts[name] = data, runs.results[0].load("last")
    assert "Data(40 samples of 9 features to train, 20 to validate" in repr(parts["csc"][0])
    assert parts["csc"][0].fingerprint != parts["dense"][0].fingerprint
    changed = csr_matrix(rows[:40])
    changed.data[0] = 2
    other = Data(train=(changed, y[:40]), validation=(csr_matrix(rows[40:]), y[40:]))
    assert other.fingerprint != parts["csr"][0].fingerprint
    for name in ("csc", "csr"):
        assert parts[name][1].tobytes() == parts["dense"][1].tobytes()
    mapped = MappedData(parts["csr"][0])
    opened = mapped.open()
    for stored in (opened.train[0].data, opened.train[0].indices, opened.train[0].indptr):
        assert isinstance(stored, np.memmap)
    assert opened.fingerprint == parts["csr"][0].fingerprint
    mapped.close()
