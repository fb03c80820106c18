"""A path that leads in a circle: whatever writes there raises an OSError that names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp import callbacks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

X, Y = np.eye(2), [0, 1]


def network() -> em.Network:
    return em.Network([2, 2], rng=0)


def train(callback: Any, **options: Any) -> None:
    em.train(network(), X, Y, epochs=1, callbacks=[callback], **options)


def onnx(path: Path) -> None:
    pytest.importorskip("onnx")
    em.export.to_onnx(network(), path)


def tensorboard(path: Path) -> None:
    pytest.importorskip("tensorboardX")
    train(callbacks.TensorBoardLogger(path))


WRITERS: dict[str, Callable[[Path], object]] = {
    "network": lambda path: network().save(path),
    "estimator": lambda path: em.MLPClassifier((), solver="lbfgs").fit(X, Y).save(path),
    "regressor": lambda path: (
        em.MLPRegressor(hidden_layer_sizes=(), solver="lbfgs").fit(X, Y).save(path)
    ),
    "CSV": lambda path: train(callbacks.CSVLogger(path)),
    "JSON lines": lambda path: train(callbacks.JSONLinesLogger(path)),
    "TensorBoard": tensorboard,
    "checkpoint": lambda path: train(callbacks.Checkpoint(path)),
    "checkpoint that goes on": lambda path: train(callbacks.Checkpoint(path), resume_from=path),
    "C": lambda path: em.export.to_c(network(), path),
    "ONNX": onnx,
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("place", ["itself", "two", "folder"])
def test_a_circle_is_named(writer: str, place: str, tmp_path: Path) -> None:
    itself, first, second = (tmp_path / name for name in ("itself", "first", "second"))
    itself.symlink_to(itself)
    first.symlink_to(second)
    second.symlink_to(first)
    path = {"itself": itself, "two": first, "folder": itself / "model"}[place]
    with pytest.raises(OSError) as caught:  # noqa: PT011
        WRITERS[writer](path)
    assert str(path) in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["first", "itself", "second"]
