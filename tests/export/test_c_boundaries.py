"""Exported C decides as the model does where a decision hangs in the balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em
from c_program import COMPILER, answer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")

X = np.zeros((3, 2))


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("output", "n_outputs"), [("logistic", 1), ("softmax", 2), ("softmax", 5)])
def test_a_network_of_zeros_picks_the_first_class(
    output: str, n_outputs: int, dtype: str, int8: bool, tmp_path: Path
) -> None:
    network = em.Network([2, 3, n_outputs], output=output, dtype=dtype, rng=0)
    network.set_flat_parameters(np.zeros(network.n_parameters, dtype))
    got = answer(network, X, tmp_path, int8=int8)
    assert (got.outputs == 1 / max(n_outputs, 2)).all() or n_outputs == 5
    assert np.array_equal(got.classes, network.predict(X).ravel())
    assert not got.classes.any()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("classes", [["no", "yes"], ["a", "b", "c"]])
def test_a_classifier_of_zeros_picks_the_first_class(classes: Any, tmp_path: Path) -> None:
    model = em.MLPClassifier((3,), max_iter=1, warm_start=True, random_state=0)
    model.fit(np.zeros((len(classes), 2)), classes)
    network = model._model()
    network.set_flat_parameters(np.zeros(network.n_parameters, network.dtype))
    got = answer(model, X, tmp_path)
    assert not got.classes.any()
