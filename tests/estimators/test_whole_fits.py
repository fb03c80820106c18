"""A fit that raises, wherever and by whatever, leaves everything as it was."""

from __future__ import annotations

import copy
import functools
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

import eigenmlp as em
from eigenmlp.callbacks import Callback, Checkpoint, TrainingState
from eigenmlp.estimators.solver_state import SolverState
from estimator_problems import digits, numbers

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = digits(120)
NAMES = np.array([f"digit {digit}" for digit in Y])
_, NUMBERS = numbers(120)
PACKAGE = str(Path(em.__file__).parent)


def flat(value: Any) -> Any:  # noqa: PLR0911  a type each
    """Whatever an attribute holds, as what can be compared."""
    if isinstance(value, em.Network):
        return repr(value), value.dropout_seed, value.get_flat_parameters().tobytes()
    if isinstance(value, SolverState):
        memory = value.rule.state_dict(value.network)
        moments = [moment.tobytes() for moment in memory["moments"]]
        order = None if value.order is None else value.order.tobytes()
        return repr(value.rule), memory["clock"], moments, sorted(value.clocks().items()), order
    if isinstance(value, np.random.RandomState):
        return flat(value.get_state())
    if isinstance(value, np.ndarray):
        return (
            value.dtype.str,
            value.shape,
            value.tobytes() if value.dtype != object else list(value),
        )
    if isinstance(value, LabelBinarizer):
        return flat(vars(value))
    if isinstance(value, dict):
        return {name: flat(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [flat(entry) for entry in value]
    return repr(value)


class Raises(Callback):
    """Ends training after the second epoch, or in another hook."""

    def __init__(self, error: BaseException, hook: str = "on_epoch_end") -> None:
        self.error = error
        setattr(self, hook, self._raise)

    def _raise(self, state: TrainingState) -> None:
        if state.epoch != 0:
            raise self.error


def bad_monitor(*_: Any) -> float:
    raise ZeroDivisionError


def negative_later(epoch: int) -> float:
    return 0.01 if epoch < 2 else -1.0


# By name: parameters that the fit has, what is passed to it, and how it ends.
ENDS: dict[str, tuple[dict[str, Any], dict[str, Any], type[BaseException]]] = {
    "a row": ({}, {"X": X[0]}, ValueError),
    "rows": ({}, {"X": X[1:]}, ValueError),
    "NaN": ({}, {"X": np.where(X > 0.9, np.nan, X)}, ValueError),
    "y": ({}, {"y": None}, ValueError),
    "y of another kind": ({}, {"y": np.linspace(0, 1, 120)}, ValueError),
    "weights": ({}, {"sample_weight": -np.ones(120)}, ValueError),
    "X_val": ({}, {"X_val": X[:, 1:], "y_val": Y}, ValueError),
    "y_val": ({}, {"X_val": X, "y_val": Y + 1}, ValueError),
    "half of it": ({}, {"X_val": X}, ValueError),
    "monitor": ({"monitor": "accuracy", "early_stopping": False}, {}, ValueError),
    "monitor fails": ({"monitor": bad_monitor, "early_stopping": True}, {}, ZeroDivisionError),
    "activation": ({"activation": ["relu", "tanh"]}, {}, ValueError),
    "dropout": ({"dropout": [1.5]}, {}, ValueError),
    "callbacks": ({"callbacks": [print]}, {}, TypeError),
    "a schedule": ({"learning_rate": negative_later}, {}, ValueError),
    "diverges": (
        {"learning_rate": lambda _epoch: 1e300, "solver": "sgd", "early_stopping": False},
        {},
        ValueError,
    ),
    "a hook begins": ({"callbacks": [Raises(OSError(), "on_train_begin")]}, {}, OSError),
    "a hook": ({"callbacks": [Raises(OSError())]}, {}, OSError),
    "a hook ends": ({"callbacks": [Raises(OSError(), "on_train_end")]}, {}, OSError),
    "memory": ({"callbacks": [Raises(MemoryError())]}, {}, MemoryError),
    "exit": ({"callbacks": [Raises(SystemExit())]}, {}, SystemExit),
    "held out": (
        {"callbacks": [Raises(OSError())], "early_stopping": True, "dropout": 0.3},
        {},
        OSError,
    ),
    "layers": ({"hidden_layer_sizes": (0,)}, {}, ValueError),
    "lbfgs": ({"solver": "lbfgs", "dropout": 0.5}, {}, ValueError),
    "lbfgs diverges": ({"solver": "lbfgs"}, {"X": 1e300 * X}, ValueError),
    "a folder": ({}, {"resume_from": "nowhere"}, FileNotFoundError),
}


def model(**parameters: Any) -> em.MLPClassifier:
    given: dict[str, Any] = {"max_iter": 4, "batch_size": 32, **parameters}
    return em.MLPClassifier(hidden_layer_sizes=(6,), random_state=np.random.RandomState(3), **given)


MODELS: dict[str, Callable[[], Any]] = {
    "unfitted": model,
    "fitted": lambda: model().fit(X, Y),
    "warm": lambda: model(warm_start=True, dropout=0.2, normalization="batch").fit(X, Y),
    "warm, held out": lambda: model(warm_start=True, early_stopping=True).fit(X, Y),
    "warm, by lbfgs": lambda: model(solver="lbfgs", warm_start=True).fit(X, Y),
    "names": lambda: model().fit(X, NAMES),
    "partly": lambda: model().partial_fit(X, Y, classes=np.arange(12)),
}


def check_unchanged(estimator: Any, error: type[BaseException], act: Callable[[], object]) -> None:
    before = flat(vars(estimator))
    curve = getattr(estimator, "loss_curve_", None)
    # By other parameters the model at hand may refuse earlier.
    with pytest.raises((error, ValueError)):
        act()
    assert flat(vars(estimator)) == before
    assert getattr(estimator, "loss_curve_", None) is curve
    if "coefs_" in before:
        assert np.isfinite(estimator.predict_proba(X)).all()
    else:
        with pytest.raises(NotFittedError):
            check_is_fitted(estimator)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", MODELS)
def test_a_fit_that_raises(kind: str, end: str) -> None:
    parameters, data, error = ENDS[end]
    estimator = MODELS[kind]().set_params(**parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_unchanged(estimator, error, lambda: estimator.fit(**{"X": X, "y": Y, **data}))


NOT_PARTIAL = {"X_val", "y_val", "half of it", "lbfgs", "lbfgs diverges", "a folder"}
NOT_PARTIAL |= {"monitor fails", "a schedule", "layers"}
# A fitted model's parameters are not checked again, or the hook is in a later epoch.


@pytest.mark.parametrize("end", sorted(ENDS.keys() - NOT_PARTIAL))
@pytest.mark.parametrize("kind", ["unfitted", "fitted", "warm", "names", "partly"])
def test_a_partial_fit_that_raises(kind: str, end: str) -> None:
    parameters, data, error = ENDS[end]
    estimator = MODELS[kind]().set_params(**parameters)
    for hook in estimator.callbacks:
        if isinstance(hook, Raises):
            estimator.set_params(callbacks=[AlwaysRaises(hook)])
    given = {"X": X, "y": NAMES if kind == "names" else Y, **data}
    if kind == "unfitted":
        given["classes"] = np.arange(12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_unchanged(estimator, error, lambda: estimator.partial_fit(**given))


class AlwaysRaises(Callback):
    def __init__(self, other: Raises) -> None:
        self.error = other.error

    def on_epoch_end(self, state: TrainingState) -> None:
        raise self.error


def test_a_first_partial_fit_that_raises_forgets_the_classes_as_well() -> None:
    estimator = model()
    check_unchanged(
        estimator, ValueError, lambda: estimator.partial_fit(X[:, :3], Y[1:], classes=np.arange(10))
    )
    estimator.partial_fit(X, Y % 3, classes=np.arange(3))
    assert list(estimator.classes_) == [0, 1, 2]


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("warm", [False, True])
def test_regressors(loss: str, warm: bool) -> None:
    fitted = em.MLPRegressor(loss, hidden_layer_sizes=(5,), max_iter=3, warm_start=warm)
    fitted.fit(X, NUMBERS**2)
    for data in ({"y": NUMBERS * np.nan}, {"X": X[1:]}, {"y": np.column_stack([NUMBERS] * 3)[1:]}):
        before = flat(vars(fitted))
        with pytest.raises(ValueError):  # noqa: PT011
            fitted.fit(**{"X": X, "y": NUMBERS, **data})
        with pytest.raises(ValueError):  # noqa: PT011
            fitted.partial_fit(**{"X": X, "y": NUMBERS, **data})
        assert flat(vars(fitted)) == before


def test_what_follows_is_what_would_have_been() -> None:
    """The optimizer's memory too: the next fit gives the same bits."""
    options: dict[str, Any] = {"warm_start": True, "dropout": 0.2, "solver": "adamw"}
    whole = model(**options).fit(X, Y)
    other = copy.deepcopy(whole)
    for callbacks in ([Raises(OSError())], [Raises(MemoryError(), "on_train_end")]):
        other.set_params(callbacks=callbacks)
        with pytest.raises((OSError, MemoryError)):
            other.fit(X, Y)
    other.set_params(callbacks=())
    for _ in range(2):
        assert flat(vars(whole.fit(X, Y))) == flat(vars(other.fit(X, Y)))


def test_a_warning_that_is_an_error() -> None:
    estimator = model(warm_start=True).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_unchanged(estimator, UserWarning, lambda: estimator.fit(X, Y))


def test_resuming_from_another_run(tmp_path: Path) -> None:
    model(callbacks=[Checkpoint(tmp_path)]).fit(X, Y)
    for make in MODELS.values():
        estimator = make().set_params(tol=0.3, solver="adam")
        act = functools.partial(estimator.fit, X, Y, resume_from=tmp_path)
        check_unchanged(estimator, em.CheckpointError, act)


def test_resuming_leaves_numpys_own_generator_alone(tmp_path: Path) -> None:
    estimator = model(callbacks=[Checkpoint(tmp_path)]).set_params(random_state=None)
    estimator.fit(X, Y)
    before = flat(np.random.mtrand._rand.get_state())
    estimator.set_params(max_iter=6).fit(X, Y, resume_from=tmp_path)
    assert flat(np.random.mtrand._rand.get_state()) == before


def test_parameters_set_on_the_way_stay() -> None:
    class Sets(Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            estimator.set_params(tol=0.5)
            raise ZeroDivisionError

    estimator = model(callbacks=[Sets()])
    with pytest.raises(ZeroDivisionError):
        estimator.fit(X, Y)
    assert estimator.tol == 0.5
    assert set(vars(estimator)) == set(estimator.get_params())


def lines_of(act: Callable[[], object], stop_at: int | None = None) -> int:
    """Count the lines of the package's own code that run; raise Ctrl-C at one of them."""
    count = 0

    def trace(frame: Any, event: str, _arg: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line" and not frame.f_code.co_filename.endswith("whole_fits.py"):
            count += 1
            if count == stop_at:
                raise KeyboardInterrupt
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(previous)
    return count


@pytest.mark.parametrize("kind", ["unfitted", "warm", "warm, held out", "partly"])
@pytest.mark.filterwarnings("ignore:Training interrupted by user")
def test_ctrl_c_at_any_line_leaves_the_old_or_a_whole_new(kind: str) -> None:
    start = MODELS[kind]().set_params(max_iter=1)
    n_lines = lines_of(functools.partial(copy.deepcopy(start).fit, X, Y))
    for line in range(1, n_lines, max(1, n_lines // 60)):
        estimator = copy.deepcopy(start)
        before = flat(vars(estimator))
        try:
            lines_of(functools.partial(estimator.fit, X, Y), line)
        except KeyboardInterrupt:
            # The last line returns from a fit that is done.
            if line < n_lines - 1:
                assert flat(vars(estimator)) == before
        else:
            assert estimator.predict(X).shape == (120,)
