"""Dask arrays: computed once where arrays are wanted, and trained on by blocks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp import MLPClassifier, MLPRegressor

dask_array = pytest.importorskip("dask.array", reason="Dask arrays need Dask")

PAGE = (Path(__file__).parents[2] / "docs" / "out-of-core.md").read_text()
PROGRAM = re.search(r"```python\n(class DaskBlocks.*?)```", PAGE, re.DOTALL)
PREDICTION = re.search(r"`(X\.map_blocks\(.*?)`", PAGE)
N_CLASSES = 10
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(200, 3)).astype("f4")
Y = GENERATOR.integers(0, N_CLASSES, 200)
LAZY_X, LAZY_Y = dask_array.from_array(X, chunks=(60, 3)), dask_array.from_array(Y, chunks=60)


def trained(*data: Any, **options: Any) -> em.Network:
    network = em.Network([3, 8, N_CLASSES], rng=0)
    em.train(network, *data, epochs=2, rng=0, **options)
    return network


def same(one: em.Network, other: em.Network) -> bool:
    return bool((one.get_flat_parameters() == other.get_flat_parameters()).all())


def test_they_are_taken_as_arrays_are() -> None:
    lazy = trained(LAZY_X, LAZY_Y, validation_data=(LAZY_X, LAZY_Y), evaluate_train=True)
    assert same(lazy, trained(X, Y))
    np.testing.assert_array_equal(lazy.predict(LAZY_X), lazy.predict(X))
    np.testing.assert_array_equal(lazy.predict_proba(LAZY_X), lazy.predict_proba(X))
    assert lazy.evaluate(LAZY_X, LAZY_Y) == lazy.evaluate(X, Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_estimators_take_them(kind: Any) -> None:
    options = {"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0}
    lazy, whole = kind(**options).fit(LAZY_X, LAZY_Y), kind(**options).fit(X, Y)
    np.testing.assert_array_equal(lazy.predict(LAZY_X), whole.predict(X))
    assert lazy.score(LAZY_X, LAZY_Y) == whole.score(X, Y)


def test_their_blocks_are_batches() -> None:
    assert PROGRAM is not None
    names: dict[str, Any] = {}
    exec(PROGRAM[1], names)  # noqa: S102  the page's
    by_blocks = trained(names["DaskBlocks"](LAZY_X, LAZY_Y))
    assert same(by_blocks, trained(X, Y, batch_size=60, shuffle=False))


def test_blocks_that_are_not_computed_yet_are_batches_too() -> None:
    blocks = [(LAZY_X.blocks[i], LAZY_Y.blocks[i]) for i in range(LAZY_X.numblocks[0])]
    assert same(trained(blocks), trained(X, Y, batch_size=60, shuffle=False))


def test_predictions_go_by_blocks() -> None:
    assert PREDICTION is not None
    network = trained(X, Y)
    lazy = eval(PREDICTION[1], {"X": LAZY_X, "net": network})  # noqa: S307  the page's
    assert (lazy.shape, lazy.dtype, lazy.chunks[0]) == ((200, 10), np.float32, LAZY_X.chunks[0])
    np.testing.assert_array_equal(lazy.compute(scheduler="threads"), network.predict_proba(X))
