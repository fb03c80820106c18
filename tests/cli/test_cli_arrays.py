"""`train` and `predict` on .npz files of several arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em
from command_runs import rows

if TYPE_CHECKING:
    from pathlib import Path

    from command_runs import Run

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (X @ [1, 2, 0]).round(3)
WORDS = np.where(Y > 0, "high", "low")
SHORT = ["--epochs", "2"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def names_of(model: str) -> list[str]:
    loaded: Any = em.load_model(model)
    return [str(name) for name in loaded.feature_names_in_]


def test_arrays_that_are_columns_are_a_table(run: Run) -> None:
    gaps = np.where(X[:, 0] > -1, X[:, 0], np.nan)
    towns = np.where(np.arange(60) % 9, WORDS, "")  # of which some are gaps
    np.savez("t.npz", size=gaps, town=towns, n=np.arange(60, dtype=">i2"), price=Y)
    code, out, err = run("train", "t.npz", "--target", "price", "-o", "m.st", *SHORT)
    assert (code, err) == (0, "")
    assert "numbers, " in out
    assert names_of("m.st") == ["size", "town", "n"]
    _, out, _ = run("inspect", "m.st")
    assert "2: high, low" in out
    assert "with gaps" in out
    code, out, err = run("predict", "m.st", "t.npz", "--id", "town", "--labels", "price")
    assert code == 0, err
    header, cells = rows(out)
    assert header == ["town", "prediction"]
    assert cells[:, 0].tolist() == towns.tolist()
    # By name, in whatever order, as any table.
    np.savez("u.npz", n=np.arange(60), town=towns.astype("S"), size=gaps)
    code, again, err = run("predict", "m.st", "u.npz")
    assert (code, err) == (0, "")
    assert rows(again)[1][:, 0].tolist() == cells[:, 1].tolist()
    np.savez("v.npz", size=gaps, town=WORDS)
    code, _, err = run("predict", "m.st", "v.npz")
    assert code == 1
    assert "lacks 1 of the 3 columns of training: 'n'" in err


@pytest.mark.parametrize("y", [Y, Y[:, None], WORDS])
def test_an_array_of_columns_and_one_that_is_the_target(y: Any, run: Run) -> None:
    np.savez("plain.npz", X=X, y=y)
    np.savez("several.npz", X=X, y=y, other=X, names=np.arange(60).astype(str))
    options = [] if y.ndim == 1 else ["--array", "X"]
    code, _, err = run("train", "plain.npz", "--target", "y", "-o", "m.st", *SHORT, *options)
    assert (code, err) == (0, "")
    assert names_of("m.st") == ["1", "2", "3"]
    code, out, err = run("predict", "m.st", "plain.npz", "--labels", "y", *options)
    assert code == 0, err
    assert " on 60 rows" in err
    code, same, err = run("predict", "m.st", "plain.npz", *options)
    assert code == 0, err
    assert err == "plain.npz: left aside, for they are no columns: 'y'\n"
    assert same == out

    code, _, err = run("train", "several.npz", "--target", "y", "-o", "n.st", *SHORT)
    assert code == 1
    shape = str(y.shape)
    assert f"holds 4 arrays, X (60, 3), y {shape}, other (60, 3), names (60,), and which" in err
    assert "Name it by --array; another one that is named as --target" in err
    code, _, err = run(
        "train", "several.npz", "--array", "X", "--target", "y", "-o", "n.st", *SHORT
    )
    assert code == 0
    assert err == "several.npz: left aside, for they are no columns: 'other', 'names'\n"
    code, out, err = run("predict", "n.st", "several.npz", "--array", "other", "--id", "names")
    assert code == 0, err
    assert rows(out)[1][:, 0].tolist() == [str(k) for k in range(60)]
    assert [line.split(",", 1)[1] for line in out.splitlines()] == same.splitlines()


def test_a_column_of_an_array_may_be_the_target(run: Run) -> None:
    np.save("a.npy", np.column_stack([X, Y]))
    np.savez("a.npz", np.column_stack([X, Y]))
    for name in ("a.npy", "a.npz"):
        code, _, err = run("train", name, "--target", "4", "-o", "m.st", "--force", *SHORT)
        assert (code, err) == (0, "")
        assert names_of("m.st") == ["1", "2", "3"]
        code, _, err = run("predict", "m.st", name, "--labels", "4")
        assert code == 0
        assert "R² " in err


def test_images_of_several_arrays(run: Run) -> None:
    images = RNG.integers(0, 255, (30, 4, 5), dtype=np.uint8)
    labels = np.arange(30) % 3
    np.savez("all.npz", images=images, labels=labels, masks=images // 2)
    code, _, err = run("train", "all.npz", "--labels", "labels", "-o", "m.st", *SHORT)
    assert code == 1
    assert "2 arrays besides 'labels': images (30, 4, 5), masks (30, 4, 5). Which one is the" in err
    assert "name it by --array of train and predict" in err
    named = ["--array", "images", "--labels", "labels"]
    code, _, err = run("train", "all.npz", *named, "-o", "m.st", *SHORT)
    assert code == 0, err
    np.save("images.npy", images)
    np.save("labels.npy", labels)
    code, _, err = run("train", "images.npy", "--labels", "labels.npy", "-o", "n.st", *SHORT)
    assert code == 0, err
    _, wanted, _ = run("predict", "n.st", "images.npy")
    assert run("predict", "m.st", "all.npz", "--array", "images").out == wanted
    assert run("predict", "m.st", "all.npz", *named).code == 0
    found, y = em.datasets.read_arrays("all.npz", "labels", array="masks")
    assert found.tolist() == (images // 2).reshape(30, -1).tolist()
    assert y is not None
    assert y.tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"a": Y, "b": Y[:5]}, ["--target", "a"], "holds 2 arrays, a (60,), b (5,), and which"),
        ({"a": X, "b": Y[:5]}, ["--target", "b"], "holds 2 arrays, a (60, 3), b (5,), and which"),
        ({"a": X, "b": Y[:5]}, ["--array", "a", "--target", "b"], "different numbers of rows"),
        ({"a": X, "b": X}, ["--array", "a", "--target", "b"], "['b'] has shape (60, 3), but a col"),
        ({"a": X, "b": Y}, ["--array", "c", "--target", "b"], "no array 'c' for --array; it has a"),
        ({"a": X, "1": Y}, ["--array", "a", "--target", "1"], "several columns are called '1'"),
        ({"a": np.zeros((3, 4, 5))}, ["--target", "1"], "Images are trained on by --labels"),
        ({"a": np.zeros((3, 4), complex)}, ["--target", "1"], "holds values of type complex128"),
        ({"a": np.zeros((3, 4), "M8[D]")}, ["--target", "1"], "holds values of type datetime64"),
        ({"a": X, "b": Y}, ["--array", "b", "--labels", "b"], "no array 'b', besides 'b', which"),
        ({"a": X, "b": Y}, ["--target", "b", "--missing", "-9"], "leave out --missing"),
    ],
)
def test_arrays_that_are_asked_about(
    arrays: Any, options: list[str], message: str, run: Run
) -> None:
    np.savez("t.npz", **arrays)
    code, _, err = run("train", "t.npz", *options)
    assert code == 1
    assert message in err
    assert "Traceback" not in err


def test_other_files_have_no_arrays(run: Run) -> None:
    np.savetxt("t.csv", X, delimiter=",", header="a,b,c", comments="")
    for option in ("--target", "--labels"):
        code, _, err = run("train", "t.csv", option, "a", "--array", "X")
        assert code == 1
        assert "t.csv is no .npz, of whose arrays --array" in err
