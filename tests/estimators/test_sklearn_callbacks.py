"""scikit-learn's callbacks see a fit as a task, and each of its epochs as one within it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import eigenmlp as em
from estimator_problems import digits
from recorded_tasks import Recorder

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 brought callbacks")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = digits(120)


def fitted(n_epochs: int, solver: str = "adam", y: Any = Y) -> em.MLPClassifier:
    model = em.MLPClassifier((8,), max_iter=n_epochs, random_state=0, solver=solver)
    model.fit(X, y)
    return model


@pytest.mark.parametrize(("solver", "name"), [("adam", "epoch"), ("lbfgs", "iteration")])
def test_every_step_begins_and_ends_with_the_model_that_it_led_to(solver: str, name: str) -> None:
    recorder = Recorder()
    model = em.MLPClassifier((8,), max_iter=3, random_state=0, solver=solver)
    model.set_callbacks(recorder).fit(X, Y)
    steps = [(kind, name, (0, step)) for step in range(3) for kind in ("begin", "end")]
    assert recorder.events == [
        ("setup", "", ()),
        ("begin", "fit", (0,)),
        *steps,
        ("end", "fit", (0,)),
        ("teardown", "", ()),
    ]
    for n_epochs, seen in zip((1, 2, 3, 3), recorder.seen, strict=True):
        np.testing.assert_array_equal(seen["X"], X)
        np.testing.assert_array_equal(seen["y"], Y)
        alone = fitted(n_epochs, solver).predict_proba(X)
        np.testing.assert_array_equal(seen["fitted"].predict_proba(X), alone)
    np.testing.assert_array_equal(model.predict_proba(X), fitted(3, solver).predict_proba(X))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_callback_ends_the_fit(solver: str) -> None:
    recorder = Recorder(after=2)
    model = em.MLPClassifier((8,), max_iter=9, random_state=0, solver=solver)
    model.set_callbacks(recorder).fit(X, Y)
    assert model.n_iter_ == 2
    np.testing.assert_array_equal(model.predict_proba(X), fitted(2, solver).predict_proba(X))
    assert [event[0] for event in recorder.events[-2:]] == ["end", "teardown"]


@pytest.mark.parametrize(
    "options",
    [
        {"callbacks": [em.callbacks.EarlyStopping("train_loss", mode="max", patience=1)]},
        {"early_stopping": True, "n_iter_no_change": 1},
        {"tol": 10.0, "n_iter_no_change": 2},
        {"solver": "lbfgs", "tol": 1.0},
        {"solver": "lbfgs", "max_fun": 2},
    ],
)
def test_there_are_as_many_steps_as_were_taken(options: dict[str, Any]) -> None:
    recorder = Recorder()
    model = em.MLPClassifier((8,), max_iter=9, random_state=0, **options)
    model.set_callbacks(recorder).fit(X, Y)
    assert model.n_iter_ < 9
    steps = [path for _, name, path in recorder.events if name in {"epoch", "iteration"}]
    assert len(steps) == 2 * model.n_iter_
    assert all(seen["fitted"] is not None for seen in recorder.seen)


def test_a_step_that_ctrl_c_interrupts_in_a_callback_is_ended_once() -> None:
    class Interrupting(Recorder):
        def on_fit_task_end(self, estimator: Any, context: Any, **given: Any) -> bool:
            super().on_fit_task_end(estimator, context)
            if context.parent is not None and context.task_id == 1:
                raise KeyboardInterrupt
            return False

    recorder = Interrupting()
    model = em.MLPClassifier((8,), max_iter=9, random_state=0)
    with pytest.warns(UserWarning, match="interrupted"):
        model.set_callbacks(recorder).fit(X, Y)
    ended = [path for kind, _, path in recorder.events if kind == "end"]
    assert ended == [(0, 0), (0, 1), (0,)]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_callbacks_are_left_however_the_fit_ends(error: type[BaseException]) -> None:
    class Raises(em.callbacks.Callback):
        def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
            if state.epoch == 1:
                raise error("from a callback")

    recorder = Recorder()
    model = em.MLPClassifier((8,), max_iter=9, callbacks=[Raises()]).set_callbacks(recorder)
    if error is ValueError:
        with pytest.raises(ValueError, match="from a callback"):
            model.fit(X, Y)
    else:
        with pytest.warns(UserWarning, match="interrupted"):
            model.fit(X, Y)
    assert recorder.events[-1] == ("teardown", "", ())
    assert model._skl_callbacks == [recorder]


def test_they_get_what_is_learnt_from_with_the_weights_that_were_passed() -> None:
    recorder = Recorder()
    weights = np.arange(len(X), dtype=float)  # the first is absent
    model = em.MLPClassifier(
        (4,), max_iter=2, early_stopping=True, class_weight="balanced", random_state=0
    )
    model.set_callbacks(recorder).fit(X, Y, sample_weight=weights)
    rows = {X[row].tobytes(): row for row in range(len(X))}
    for seen in recorder.seen:
        order = [rows[sample.tobytes()] for sample in seen["X"]]
        assert len(order) == round(0.9 * (len(X) - 1))
        assert 0 not in order
        np.testing.assert_array_equal(seen["y"], Y[order])
        np.testing.assert_array_equal(seen["metadata"]["sample_weight"], weights[order])


def test_a_monitor_scores_every_epoch_of_a_table_with_names() -> None:
    frame = pd.DataFrame(X, columns=[f"pixel {column}" for column in range(X.shape[1])])
    words = np.array([f"digit {9 - digit}" for digit in Y])
    monitor = callback.ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    model = em.MLPClassifier((8,), max_iter=3, random_state=0).set_callbacks(monitor)
    model.fit(frame, words)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    alone = [fitted(n_epochs, y=words).score(X, words) for n_epochs in (1, 2, 3)]
    assert [row["accuracy"] for row in rows] == alone
    assert model.score(frame, words) == alone[-1]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_over_pipelines_shows_all_epochs(
    n_jobs: int, capsys: pytest.CaptureFixture[str]
) -> None:
    monitor = callback.ScoringMonitor(scoring="r2")
    last = em.MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0).set_callbacks(
        monitor
    )
    search = GridSearchCV(
        make_pipeline(StandardScaler(), last),
        {"mlpregressor__alpha": [0.0, 1.0]},
        cv=2,
        n_jobs=n_jobs,
    )
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(X, Y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    fits = {row["task_id_path"][:-1] for row in rows}
    assert len(fits) == 2 * 2 + 1
    assert len(rows) == 3 * len(fits)
    shown = capsys.readouterr().out
    assert shown.count("MLPRegressor - fit") == len(fits)
    assert clone(last)._skl_callbacks == [monitor]


def test_partial_fits_are_no_tasks() -> None:
    recorder = Recorder()
    model = em.MLPClassifier((4,)).set_callbacks(recorder)
    model.partial_fit(X, Y, classes=np.arange(10))
    assert recorder.events == []
