"""scikit-learn's callbacks see a fit to a table as a task, and each epoch as one within it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import eigenmlp as em
from recorded_tasks import Recorder

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 brought callbacks")

FRAME = pd.DataFrame(
    {
        "age": np.random.default_rng(0).normal(40, 9, 120),
        "town": np.random.default_rng(1).choice(["Bonn", "Ulm", "Jena"], 120),
    }
)
WORDS = np.where((FRAME.age > 40) ^ (FRAME.town == "Ulm"), "yes", "no")


SMALL: dict[str, Any] = {"hidden_layer_sizes": (8,), "random_state": 0, "validation_fraction": 0}


def test_epochs_begin_and_end_with_the_model_that_they_led_to() -> None:
    recorder = Recorder()
    model = em.TabularClassifier(max_iter=3, **SMALL).set_callbacks(recorder).fit(FRAME, WORDS)
    steps = [(kind, "epoch", (0, step)) for step in range(3) for kind in ("begin", "end")]
    assert recorder.events == [
        ("setup", "", ()),
        ("begin", "fit", (0,)),
        *steps,
        ("end", "fit", (0,)),
        ("teardown", "", ()),
    ]
    first, *_, last, whole = recorder.seen
    pd.testing.assert_frame_equal(first["X"], FRAME)
    np.testing.assert_array_equal(first["y"], WORDS)
    expected = model.predict_proba(FRAME)
    np.testing.assert_array_equal(last["fitted"].predict_proba(FRAME), expected)
    np.testing.assert_array_equal(whole["fitted"].predict_proba(FRAME), expected)
    assert not np.array_equal(first["fitted"].predict_proba(FRAME), expected)
    untold = em.TabularClassifier(max_iter=3, **SMALL).fit(FRAME, WORDS)
    np.testing.assert_array_equal(untold.predict_proba(FRAME), expected)


@pytest.mark.parametrize(
    "as_table",
    [
        pl.from_pandas,
        pa.Table.from_pandas,
        lambda frame: {name: frame[name].to_numpy() for name in frame},
        lambda frame: frame.to_numpy(),
    ],
    ids=["polars", "Arrow", "dict", "array"],
)
def test_callbacks_get_the_rows_that_are_learnt_from(as_table: Any) -> None:
    recorder = Recorder()
    weights = np.ones(len(FRAME))
    weights[::3] = 0
    options = {**SMALL, "validation_fraction": 0.25}
    model = em.TabularClassifier(max_iter=2, **options).set_callbacks(recorder)
    model.fit(as_table(FRAME), WORDS, weights)
    given = recorder.seen[0]
    n_learnt = 60  # of 80 that weigh something
    assert len(given["y"]) == len(given["metadata"]["sample_weight"]) == n_learnt
    probabilities = recorder.seen[-1]["fitted"].predict_proba(given["X"])
    assert probabilities.shape == (n_learnt, 2)
    told_apart = probabilities.argmax(axis=1) == (given["y"] == "yes")
    assert told_apart.mean() == model.score(given["X"], given["y"])


def test_a_callback_ends_the_fit_of_several_networks() -> None:
    recorder = Recorder(after=4)
    model = em.TabularClassifier(max_iter=3, n_estimators=3, **SMALL).set_callbacks(recorder)
    model.fit(FRAME, WORDS)
    assert [history.n_epochs for history in model.histories_] == [3, 1]
    assert len(model.networks_) == 2
    assert [len(seen["fitted"].networks_) for seen in recorder.seen] == [1, 1, 1, 2, 2]
    assert recorder.events[-1][0] == "teardown"


def test_ctrl_c_in_a_later_network_keeps_those_before() -> None:
    class Interrupting(em.callbacks.Callback):
        n_begun = 0

        def on_train_begin(self, state: em.callbacks.TrainingState) -> None:
            self.n_begun += 1
            if self.n_begun == 3:
                raise KeyboardInterrupt

    options = {**SMALL, "max_iter": 2, "n_estimators": 4}
    with pytest.warns(UserWarning, match="interrupted"):
        model = em.TabularRegressor(callbacks=[Interrupting()], **options).fit(FRAME, FRAME.age)
    assert len(model.networks_) == 2


def test_a_monitor_of_scikit_learn_scores_a_pipeline() -> None:
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model = em.TabularClassifier(max_iter=3, **SMALL).set_callbacks(monitor)
    make_pipeline(FunctionTransformer(), model).fit(FRAME, WORDS)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 3
    assert rows[-1]["accuracy"] == model.score(FRAME, WORDS)
