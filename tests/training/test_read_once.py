"""Data are read once a training run: what computes itself would be computed each time."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score

import eigenmlp as em
from eigenmlp import MLPClassifier, MLPRegressor
from eigenmlp.callbacks import Callback, Checkpoint, TrainingState
from resumable_run import columns


class Lazy:
    """An array that is there when asked for, as Dask's are, and counts how often it was."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim
        self.read = 0

    def __len__(self) -> int:
        return len(self._array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        self.read += 1
        return np.array(self._array, dtype=dtype)


class Snapshots(Callback):
    """Asks for a snapshot each epoch."""

    def on_epoch_end(self, state: TrainingState) -> None:
        state.snapshot()


def lazy(dtype: str = "f8") -> dict[str, Lazy]:
    generator = np.random.default_rng(0)
    X = generator.integers(0, 9, (60, 5)).astype(dtype)
    y, weights = np.arange(60) % 3, np.full(60, 0.5)
    arrays = {"X": X, "y": y, "weights": weights}
    arrays |= {f"{name}_val": array[:20] for name, array in arrays.items()}
    return {name: Lazy(array) for name, array in arrays.items()}


def train(given: dict[str, Any], **options: Any) -> em.History:
    return em.train(
        em.Network([5, 4, 3], rng=0),
        given["X"],
        given["y"],
        sample_weight=given["weights"],
        validation_data=(given["X_val"], given["y_val"], given["weights_val"]),
        **{"epochs": 4, "rng": 0, **options},
    )


def counts(given: dict[str, Lazy]) -> dict[str, int]:
    return {name: array.read for name, array in given.items()}


@pytest.mark.parametrize("dtype", ["f8", "i8", "u1", "?"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"metrics": ["f1_macro", "balanced_accuracy", accuracy_score]},
        {"class_weight": "balanced", "evaluate_train": True, "penalized_loss": True},
        {"callbacks": [Snapshots()], "shuffle": lambda _: range(60)},
        {"epochs": 0},
    ],
)
def test_training_reads_all_once(dtype: str, options: dict[str, Any]) -> None:
    given = lazy(dtype)
    history = train(given, **options)
    assert counts(given) == dict.fromkeys(given, 1)
    plain = train({name: array._array for name, array in given.items()}, **options)
    assert columns(history) == columns(plain)


def test_checkpoints_and_resumption_read_all_once(tmp_path: Path) -> None:
    given = lazy()
    train(given, callbacks=[Checkpoint(tmp_path)], metrics=["f1_macro"])
    assert counts(given) == dict.fromkeys(given, 1)
    again = lazy()
    train(again, resume_from=tmp_path, callbacks=[Checkpoint(tmp_path)], metrics=["f1_macro"],
          epochs=6)  # fmt: skip
    assert counts(again) == dict.fromkeys(again, 1)


def test_a_refused_run_reads_nothing_twice() -> None:
    given = lazy()
    with pytest.raises(ValueError, match="batch_size"):
        train(given, batch_size=0)
    assert counts(given) == dict.fromkeys(given, 0)
    with pytest.raises(ValueError, match="n_threads"):
        train(given, n_threads=0)
    assert counts(given) == dict.fromkeys(given, 1)


def test_metrics_are_given_arrays() -> None:
    seen = []

    def both(y: Any, predictions: Any) -> float:
        seen.append((y, predictions))
        return 0.0

    generator = np.random.default_rng(0)
    X, y = pd.DataFrame(generator.normal(size=(9, 2))), pd.Series([0, 1, 2] * 3)
    em.train(em.Network([2, 3]), X, y, validation_data=(X, y), metrics=[both], epochs=2)
    assert all(type(array) is np.ndarray for pair in seen for array in pair)
    assert seen[0][0] is seen[1][0]


def test_a_list_that_is_ragged_is_still_told() -> None:
    with pytest.raises(ValueError, match="X can't be read as one array"):
        em.train(em.Network([2, 3]), [[1.0, 2.0], [3.0]], [0, 1])
    with pytest.raises(ValueError, match=r"^validation_data: X can't be read as one array"):
        em.train(em.Network([2, 3]), np.ones((2, 2)), [0, 1], validation_data=([[1.0], []], [0, 1]))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("monitor", [None, "r2"])
def test_an_estimator_reads_all_once(kind: Any, monitor: str | None) -> None:
    given = lazy()
    kind(hidden_layer_sizes=(4,), max_iter=3, monitor=monitor).fit(
        given["X"], given["y"], given["weights"],
        X_val=given["X_val"], y_val=given["y_val"], sample_weight_val=given["weights_val"],
    )  # fmt: skip
    assert counts(given) == dict.fromkeys(given, 1)


@pytest.mark.parametrize("use", ["predict", "predict_proba", "predict_outputs", "evaluate"])
def test_a_network_reads_all_once(use: str) -> None:
    given = lazy()
    arguments = [given["X"], given["y"]] if use == "evaluate" else [given["X"]]
    getattr(em.Network([5, 3]), use)(*arguments)
    assert {array.read for array in arguments} == {1}
