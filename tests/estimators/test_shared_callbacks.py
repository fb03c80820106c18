"""What a user passes to be called is called itself, through every copy that scikit-learn makes."""

from __future__ import annotations

import os
import pickle
import threading
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  what makes it importable
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import eigenmlp as em
from eigenmlp.callbacks import Callback, EarlyStopping, MLflowLogger, TrainingState
from estimator_problems import digits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = digits(120)


class Trial:
    """What a tuner hands out: it can be reported to, and neither copied nor pickled."""

    def __init__(self) -> None:
        self.reported: list[float] = []
        self._connection = threading.Lock()

    def report(self, value: float, _step: int) -> None:
        with self._connection:
            self.reported.append(value)


class Pruner(Callback):
    def __init__(self, trial: Trial) -> None:
        self.trial = trial

    def on_epoch_end(self, state: TrainingState) -> None:
        self.trial.report(state.history.last["train_loss"], state.epoch)


class Rate:
    """A learning rate and a monitor of the user's own, that count and can't be copied."""

    def __init__(self) -> None:
        self.calls = 0
        self._connection = threading.Lock()

    def __call__(self, *_: Any) -> float:
        self.calls += 1
        return 0.01


def classifier(**parameters: Any) -> em.MLPClassifier:
    given = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0, **parameters}
    return em.MLPClassifier(**given)


USES: dict[str, tuple[Callable[[Any], Any], int]] = {
    "clone": (lambda model: clone(model).fit(X, Y), 1),
    "clone of a clone": (lambda model: clone(clone(model)).fit(X, Y), 1),
    "pipeline": (lambda model: clone(make_pipeline(StandardScaler(), model)).fit(X, Y), 1),
    "cross-validation": (lambda model: cross_val_score(model, X, Y, cv=3), 3),
    "search": (lambda model: GridSearchCV(model, {"alpha": [0.1, 1.0]}, cv=3).fit(X, Y), 7),
    "halving": (
        lambda model: HalvingGridSearchCV(
            model, {"alpha": [0.1, 1.0]}, cv=2, min_resources=60, max_resources=60
        ).fit(X, Y),
        5,
    ),
    "bagging": (lambda model: BaggingClassifier(model, n_estimators=2).fit(X, Y), 2),
    "calibration": (lambda model: CalibratedClassifierCV(model, cv=2).fit(X, Y), 2),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("kind", [list, tuple])
def test_callbacks_are_called_themselves(use: str, kind: type[Any]) -> None:
    trial = Trial()
    run, fits = USES[use]
    run(classifier(callbacks=kind([Pruner(trial)])))
    assert len(trial.reported) == 3 * fits


@pytest.mark.parametrize("use", USES)
def test_so_are_functions_of_ones_own(use: str) -> None:
    rate, monitor = Rate(), Rate()
    run, fits = USES[use]
    run(classifier(learning_rate=rate, monitor=monitor, early_stopping=True))
    assert rate.calls >= monitor.calls == 3 * fits


def test_callbacks_in_a_grid_are_called_themselves() -> None:
    trials = [Trial(), Trial()]
    grid = {"callbacks": [[Pruner(trial)] for trial in trials]}
    GridSearchCV(classifier(), grid, cv=2, refit=False).fit(X, Y)
    assert [len(trial.reported) for trial in trials] == [6, 6]


def test_a_callback_that_is_the_schedule_as_well_stays_one_object() -> None:
    class Both(Callback):
        epochs = 0

        def __call__(self, _epoch: int) -> float:
            return 0.01 / (1 + self.epochs)

        def on_epoch_end(self, state: TrainingState) -> None:
            self.epochs = state.epoch + 1

    both = Both()
    copied = clone(classifier(learning_rate=both, callbacks=[both]))
    assert copied.learning_rate is both is copied.callbacks[0]
    copied.fit(X, Y)
    assert both.epochs == 3


def test_a_clone_is_unfitted_and_its_other_parameters_are_copies() -> None:
    model = classifier(hidden_layer_sizes=[5], learning_rate=Rate()).fit(X, Y)
    copied = clone(model)
    assert set(vars(copied)) == set(model.get_params())
    assert copied.hidden_layer_sizes is not model.hidden_layer_sizes == [5]


def test_the_logger_of_a_search_knows_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    logger = MLflowLogger(tracking_uri=(tmp_path / "store").as_uri())
    GridSearchCV(classifier(callbacks=[logger]), {"alpha": [0.1]}, cv=2).fit(X, Y)
    client = mlflow.MlflowClient(tracking_uri=logger.tracking_uri)
    assert len(client.get_metric_history(logger.run_id, "train_loss")) == 3


def test_copies_in_other_processes_leave_the_one_that_was_passed() -> None:
    stopping = EarlyStopping("train_loss", patience=9)
    search = GridSearchCV(classifier(callbacks=[stopping]), {"alpha": [0.1]}, cv=2, n_jobs=2)
    search.set_params(refit=False).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert stopping.best_epoch is None


class Waits(Callback):
    """Holds a run up until another has been tried."""

    def __init__(self) -> None:
        self.begun, self.tried = threading.Event(), threading.Event()

    def on_epoch_end(self, state: TrainingState) -> None:
        self.begun.set()
        assert self.tried.wait(60)


def network() -> em.Network:
    return em.Network([64, 10], rng=0)


def test_two_threads_at_the_same_moment() -> None:
    waits = Waits()
    first = threading.Thread(
        target=em.train, args=(network(), X, Y), kwargs={"epochs": 1, "callbacks": [waits]}
    )
    first.start()
    second = network()
    before = second.get_flat_parameters()
    model = classifier(callbacks=[waits])
    try:
        assert waits.begun.wait(60)
        with pytest.raises(RuntimeError, match=r"Waits.* is in use by a training run already; giv"):
            em.train(second, X, Y, callbacks=[Callback(), waits])
        with pytest.raises(RuntimeError, match="is in use by a training run already"):
            model.fit(X, Y)
    finally:
        waits.tried.set()
        first.join()
    np.testing.assert_array_equal(second.get_flat_parameters(), before)
    assert em.train(second, X, Y, epochs=1, callbacks=[waits]).n_epochs == 1


def test_a_search_in_threads_is_told() -> None:
    refused = threading.Event()

    class UntilAnotherIsRefused(Callback):
        def on_train_begin(self, state: TrainingState) -> None:
            assert refused.wait(60)

    class Tells(em.MLPClassifier):
        def fit(self, X: Any, y: Any, **options: Any) -> Any:
            try:
                return super().fit(X, y, **options)
            except RuntimeError:
                refused.set()
                raise

    model = Tells((5,), max_iter=3, callbacks=[UntilAnotherIsRefused()])
    with (
        joblib.parallel_config("threading", n_jobs=2),
        pytest.raises(RuntimeError, match="in a search that fits in several threads"),
    ):
        cross_val_score(model, X, Y, cv=2, error_score="raise")


class Nests(Callback):
    """Trains another network with itself."""

    def on_epoch_end(self, state: TrainingState) -> None:
        em.train(network(), X, Y, epochs=1, callbacks=[self])


def test_a_callback_that_trains_with_itself() -> None:
    with pytest.raises(RuntimeError, match="or in a callback that trains"):
        em.train(network(), X, Y, epochs=1, callbacks=[Nests()])


class Fails(Callback):
    """Raises in one hook, once."""

    def __init__(self, hook: str, error: type[BaseException]) -> None:
        self.left = 1
        self.hook = hook
        setattr(self, hook, self._raise)
        self.error = error

    def _raise(self, *_: Any) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_end", "on_train_end"])
def test_however_a_run_ends_its_callbacks_are_free(hook: str, error: type[BaseException]) -> None:
    callbacks = [Callback(), Fails(hook, error)]
    with pytest.raises(error):
        em.train(network(), X, Y, epochs=1, callbacks=callbacks)
    assert em.train(network(), X, Y, epochs=1, callbacks=callbacks).n_epochs == 1


def test_a_refused_run_leaves_the_claims_of_the_other() -> None:
    class Tries(Callback):
        refused = 0

        def on_epoch_end(self, state: TrainingState) -> None:
            try:
                em.train(network(), X, Y, epochs=1, callbacks=[Callback(), self])
            except RuntimeError:
                self.refused += 1

    tries = Tries()
    em.train(network(), X, Y, epochs=3, callbacks=[tries])
    assert tries.refused == 3


def test_a_copy_taken_in_a_run_is_free() -> None:
    class Copies(Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            copied = pickle.loads(pickle.dumps(stopping))  # noqa: S301  our own
            em.train(network(), X, Y, epochs=1, callbacks=[copied])

    stopping = EarlyStopping("train_loss")
    assert em.train(network(), X, Y, epochs=2, callbacks=[stopping, Copies()]).n_epochs == 2


def test_a_single_callback_is_asked_for_in_a_list() -> None:
    stopping = EarlyStopping("train_loss")
    with pytest.raises(TypeError, match=r"^callbacks=EarlyStopping\(.* pass a list of it$"):
        em.train(network(), X, Y, callbacks=stopping)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="The 'callbacks' parameter of MLPClassifier must be"):
        classifier(callbacks=stopping).fit(X, Y)


def test_a_child_is_in_no_run_of_its_parents() -> None:
    statuses: list[int] = []

    class Forks(Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            child = os.fork()
            if child == 0:
                failed = True
                try:
                    failed = em.train(network(), X, Y, epochs=1, callbacks=[stopping]).n_epochs != 1
                finally:
                    os._exit(failed)
            statuses.append(os.waitpid(child, 0)[1])

    stopping = EarlyStopping("train_loss")
    em.train(network(), X, Y, epochs=1, callbacks=[stopping, Forks()])
    assert statuses == [0]
