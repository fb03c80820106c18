"""Data are free when training ends, however it ends, without help of the garbage collector."""

import contextlib
import copy
import gc
import pickle
import tracemalloc
import weakref
from collections.abc import Callable as Function
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from scipy import sparse
from scipy.optimize import minimize

import eigenmlp as em
from eigenmlp import MLPClassifier, MLPRegressor
from eigenmlp.callbacks import (
    Callback,
    Checkpoint,
    CSVLogger,
    EarlyStopping,
    JSONLinesLogger,
    ProgressBar,
    TensorBoardLogger,
    TrainingState,
)
from eigenmlp.sweeps.store import Store
from eigenmlp.sweeps.trial import run_spec
from tiny_study import tiny_runs_data, tiny_spec

N, WIDTH = 3000, 100
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Training interrupted"),
]


@dataclass
class Data:
    """All that may be given to train on."""

    X: NDArray[Any]
    y: NDArray[Any]
    weights: NDArray[Any]
    X_val: NDArray[Any]
    y_val: NDArray[Any]
    weights_val: NDArray[Any]

    @property
    def validation(self) -> tuple[NDArray[Any], ...]:
        return self.X_val, self.y_val, self.weights_val


def data(dtype: str = "f8") -> Data:
    generator = np.random.default_rng(0)
    X = generator.integers(0, 9, (N, WIDTH)).astype(dtype)
    y, weights = np.arange(N) % 3, np.full(N, 0.5)
    return Data(X, y, weights, *(array[: N // 2].copy() for array in (X, y, weights)))


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def kept(use: Function[[Data], object], dtype: str = "f8") -> list[str]:
    """Name the arrays that are there after a use of them, and "copies" if large ones are."""
    given = data(dtype)
    references = {name: weakref.ref(array) for name, array in vars(given).items()}
    tracemalloc.start()
    try:
        result = use(given)
        del given
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del result
    found = [name for name, reference in references.items() if reference() is not None]
    return [*found, *(["copies"] if grown > N * WIDTH * np.dtype(dtype).itemsize // 4 else [])]


class Remembers(Callback):
    """Keeps the state for ever."""

    def on_train_begin(self, state: TrainingState) -> None:
        self.state = state
        self.first = state.snapshot

    def on_epoch_end(self, state: TrainingState) -> None:
        self.snapshot = state.snapshot()


class Ends(Callback):
    """Ends training after the second epoch."""

    def __init__(self, error: type[BaseException] | None = None) -> None:
        self.error = error

    def on_epoch_end(self, state: TrainingState) -> bool:
        if state.epoch == 1 and self.error is not None:
            raise self.error
        return state.epoch == 1


def train(given: Data, **options: Any) -> em.History:
    return em.train(
        em.Network([WIDTH, 4, 3], rng=0),
        given.X,
        given.y,
        **{
            "epochs": 3,
            "batch_size": 500,
            "sample_weight": given.weights,
            "validation_data": given.validation,
            "rng": 0,
            "n_threads": 1,
            **options,
        },
    )


CALLBACKS: dict[str, Function[[Path], Callback]] = {
    "remembers": lambda _: Remembers(),
    "checkpoint": lambda path: Checkpoint(path / "run"),
    "stopping": lambda _: EarlyStopping(patience=1, restore_best=True),
    "csv": lambda path: CSVLogger(path / "log.csv"),
    "json": lambda path: JSONLinesLogger(path / "log.jsonl"),
    "tensorboard": lambda path: TensorBoardLogger(path / "board"),
    "bar": lambda _: ProgressBar(console=Console(file=StringIO(), force_terminal=True)),
}
ENDINGS: dict[str, Function[[], list[Callback]]] = {
    "in order": list,
    "a callback stops": lambda: [Ends()],
    "a callback raises": lambda: [Ends(ArithmeticError)],
    "Ctrl-C": lambda: [Ends(KeyboardInterrupt)],
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", CALLBACKS)
def test_train_keeps_no_data(name: str, ending: str, tmp_path: Path) -> None:
    # What is imported late is there for the second time.
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        callback = CALLBACKS[name](tmp_path / folder)
        found = kept(partial(ended, callbacks=[callback, *ENDINGS[ending]()]))
    assert found == []


def ended(given: Data, callbacks: list[Callback]) -> None:
    with contextlib.suppress(ArithmeticError, KeyboardInterrupt):
        train(given, callbacks=callbacks)


REFUSED: dict[str, dict[str, Any]] = {
    "batch_size": {"batch_size": -1},
    "callbacks": {"callbacks": [3]},
    "metrics": {"metrics": ["nonsense"]},
    "another run": {"l2": 0.5, "resume_from": "run"},
    "another's folder": {"l2": 0.5, "callbacks": [Checkpoint("run")]},
    "nothing there": {"resume_from": "nothing"},
    "fewer epochs": {"resume_from": "run", "epochs": 1},
    "divergence": {"learning_rate": 1e30, "optimizer": em.optimizers.SGD()},
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_run_that_raises_keeps_no_data(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    train(data(), callbacks=[Checkpoint("run")])

    def use(given: Data) -> None:
        error: BaseException
        try:
            train(given, **REFUSED[name])
        except Exception as caught:  # noqa: BLE001
            error = caught
        # The caller has it as long as they like, and no longer.
        assert error.__traceback__ is not None
        del error

    assert kept(use) == []


def test_a_resumed_run_keeps_no_data(tmp_path: Path) -> None:
    train(data(), callbacks=[Checkpoint(tmp_path)])
    remembers = Remembers()
    assert kept(lambda d: train(d, resume_from=tmp_path, epochs=5, callbacks=[remembers])) == []
    assert remembers.snapshot.n_epochs == 5


@pytest.mark.parametrize("dtype", ["i8", "f2", "f4"])
def test_copies_of_other_types_are_free(dtype: str) -> None:
    assert kept(lambda d: train(d, metrics=["f1_macro"], class_weight="balanced"), dtype) == []


def test_a_snapshot_after_the_run_is_an_error() -> None:
    remembers = Remembers()
    train(data(), callbacks=[remembers])
    for copied in (
        remembers,
        copy.deepcopy(remembers),
        pickle.loads(pickle.dumps(remembers)),  # noqa: S301
    ):
        with pytest.raises(RuntimeError, match=r"called after the training run.*in on_epoch_end"):
            copied.state.snapshot()
        with pytest.raises(RuntimeError, match="called after the training run"):
            copied.first()
        assert copied.snapshot.n_epochs == 3


ESTIMATORS: dict[str, Function[..., Any]] = {
    "classifier": lambda **options: MLPClassifier((4,), **{"max_iter": 3, **options}),
    "regressor": lambda **options: MLPRegressor(
        hidden_layer_sizes=(4,), **{"max_iter": 3, **options}
    ),
}


def validated(model: Any, given: Data) -> Any:
    X_val, y_val, weights_val = given.validation
    return model.fit(given.X, given.y, X_val=X_val, y_val=y_val, sample_weight_val=weights_val)


def with_callback(model: Any, given: Data, callback: Callback) -> Any:
    return model.set_params(callbacks=[callback]).fit(given.X, given.y)


def interrupted(model: Any, given: Data) -> Any:
    """Fit until what both solvers call is interrupted."""

    class Interrupts:
        calls = 0

        def __bool__(self) -> bool:
            Interrupts.calls += 1
            if Interrupts.calls == 2:
                raise KeyboardInterrupt
            return False

    interrupts = Interrupts()
    model._say = lambda _message: bool(interrupts)
    fitted = model.fit(given.X, given.y)
    assert Interrupts.calls >= 2
    return fitted


FITS: dict[str, Function[[Any, Data], object]] = {
    "fit": lambda model, d: model.fit(d.X, d.y, d.weights),
    "without weights": lambda model, d: model.fit(d.X, d.y),
    "sparse": lambda model, d: model.fit(sparse.csr_array(d.X), d.y),
    "twice": lambda model, d: model.set_params(warm_start=True).fit(d.X, d.y).fit(d.X, d.y),
    "predict": lambda model, d: model.fit(d.X, d.y).predict(d.X_val),
    "score": lambda model, d: model.fit(d.X, d.y).score(*d.validation),
    "wrong width": lambda model, d: model.fit(d.X, d.y).predict(d.X_val[:, 1:]),
    "not finite": lambda model, d: model.fit(d.X * np.nan, d.y),
    "wrong parameter": lambda model, d: model.set_params(alpha=-1.0).fit(d.X, d.y),
    "Ctrl-C": interrupted,
}
STOCHASTIC: dict[str, Function[[Any, Data], object]] = {
    "partial_fit": lambda model, d: model.partial_fit(d.X, d.y, d.weights),
    "validation": validated,
    "monitor": lambda model, d: validated(model.set_params(monitor="max_error"), d),
    "own monitor": lambda model, d: validated(model.set_params(monitor=lambda *_: 1.0), d),
    "early stopping": lambda model, d: model.set_params(early_stopping=True).fit(d.X, d.y),
    "a callback raises": lambda model, d: with_callback(model, d, Ends(ArithmeticError)),
    "a callback stops": lambda model, d: with_callback(model, d, Ends()),
    "a callback remembers": lambda model, d: with_callback(model, d, Remembers()),
    "divergence": lambda model, d: model.set_params(learning_rate_init=1e200).fit(d.X * 1e99, d.y),
}


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize(
    ("solver", "name"),
    [
        *(("lbfgs", name) for name in FITS),
        *(("adam", name) for name in FITS | STOCHASTIC),
        ("sgd", "validation"),
        ("adamw", "validation"),
    ],
)
def test_an_estimator_keeps_no_data(kind: str, solver: str, name: str) -> None:
    model = ESTIMATORS[kind](solver=solver)
    if name == "partial_fit" and kind == "classifier":
        model.partial_fit(np.zeros((3, WIDTH)), [0, 1, 2], classes=[0, 1, 2])

    def use(given: Data) -> None:
        try:
            (FITS | STOCHASTIC)[name](model, given)
        except (ArithmeticError, ValueError):
            assert name in {"wrong width", "not finite", "wrong parameter", "a callback raises",
                            "divergence", "monitor"}  # fmt: skip

    assert kept(use) == []


def test_a_function_that_scipy_keeps_has_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    held = []

    def holding(function: Any, *arguments: Any, **options: Any) -> Any:
        held.append(function)
        return minimize(function, *arguments, **options)

    monkeypatch.setattr("eigenmlp.estimators.lbfgs.minimize", holding)
    assert kept(lambda d: MLPClassifier((4,), solver="lbfgs").fit(d.X, d.y, d.weights)) == []
    assert held


def test_a_run_of_a_sweep_keeps_no_data(tmp_path: Path) -> None:
    data = tiny_runs_data()
    references: list[weakref.ref[Any]] = [weakref.ref(data), weakref.ref(data.train[0])]
    Store(tmp_path).add(run_spec(tiny_spec(), data))
    del data
    assert [reference() for reference in references] == [None, None]


def test_an_export_keeps_no_data(tmp_path: Path) -> None:
    def export(given: Data) -> None:
        em.export.to_c(em.Network([WIDTH, 4, 3]), tmp_path, int8=True, X=given.X, y=given.y)

    assert kept(export) == []
