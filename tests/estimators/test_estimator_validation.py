"""Validation data: where they come from, what is measured of them, and the best parameters."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score, f1_score, get_scorer, r2_score
from sklearn.model_selection import train_test_split

import eigenmlp as em
from eigenmlp.estimators.initial import glorot
from estimator_problems import (
    Snapshots,
    digits,
    labels_without_order,
    numbers,
    parameters,
    record,
    two_digits,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NAMES = np.array([f"digit {d}" for d in range(10)])
PROBLEMS: dict[str, tuple[type[Any], Any, Any]] = {
    "classes": (em.MLPClassifier, *digits()),
    "text": (em.MLPClassifier, digits()[0], NAMES[digits()[1]]),
    "two classes": (em.MLPClassifier, *two_digits()),
    "labels": (em.MLPClassifier, *labels_without_order()),
    "numbers": (em.MLPRegressor, *numbers()),
    "several numbers": (em.MLPRegressor, *numbers(n_targets=2)),
}


def halves(problem: str) -> tuple[type[Any], dict[str, Any], Any, Any]:
    kind, X, y = PROBLEMS[problem]
    return kind, {"X": X[::2], "y": y[::2]}, X[1::2], y[1::2]


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("weighted", [False, True])
def test_curves_of_data_of_ones_own(problem: str, weighted: bool) -> None:
    kind, train, X, y = halves(problem)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(X)) if weighted else None
    snapshots = Snapshots()
    model = kind(max_iter=8, random_state=0, learning_rate_init=0.01, callbacks=[snapshots])
    model.fit(**train, X_val=X, y_val=y, sample_weight_val=weights)
    assert model.n_iter_ == len(model.validation_scores_) == len(model.validation_loss_curve_) == 8
    outputs = model.n_outputs_ if kind is em.MLPRegressor else 1
    targets = model._targets(model._validate_input(X, y, incremental=True, reset=False)[1])
    for epoch, taken in enumerate(snapshots.taken):
        model._network.set_flat_parameters(taken)
        assert model.validation_scores_[epoch] == pytest.approx(model.score(X, y, weights))
        loss = model._network.evaluate(X, targets, sample_weight=weights).loss
        assert model.validation_loss_curve_[epoch] == pytest.approx(loss / outputs)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_data_of_ones_own_are_only_looked_at(problem: str) -> None:
    kind, train, X, y = halves(problem)
    snapshots = [Snapshots(), Snapshots()]
    model = kind(
        max_iter=60, random_state=0, tol=1e-3, n_iter_no_change=2, callbacks=[snapshots[0]]
    )
    model.fit(**train)
    curve = model.loss_curve_
    model.set_params(callbacks=[snapshots[1]]).fit(**train, X_val=X, y_val=y)
    assert_array_equal(snapshots[0].taken, snapshots[1].taken)
    assert model.loss_curve_ == curve
    assert model.best_loss_ == min(curve)
    # Nor does a score that stands still stop it.
    model.set_params(monitor=lambda *_: 0.0).fit(**train, X_val=X, y_val=y)
    assert model.loss_curve_ == curve


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_share_held_out_is_as_if_passed(problem: str) -> None:
    kind, X, y = PROBLEMS[problem]
    settings = {"max_iter": 8, "random_state": 0, "shuffle": False, "early_stopping": True}
    model = kind(**settings).fit(X, y)
    # The initial parameters are drawn before the split.
    random_state = np.random.RandomState(0)
    glorot(random_state, model._network.layer_sizes, ["relu"], np.float64)
    X_train, X_val, y_train, y_val = train_test_split(
        X,
        y,
        test_size=0.1,
        random_state=random_state,
        stratify=y if problem == "two classes" else None,
    )
    passed = kind(**settings).fit(X_train, y_train, X_val=X_val, y_val=y_val)
    assert_array_equal(parameters(model), parameters(passed))
    assert record(model) == record(passed)
    assert len(model.validation_loss_curve_) == 8


def test_early_stopping_goes_by_data_of_ones_own() -> None:
    _, train, X, y = halves("classes")
    settings: dict[str, Any] = {"random_state": 0, "learning_rate_init": 0.02, "max_iter": 500}
    stopped = em.MLPClassifier(early_stopping=True, n_iter_no_change=3, **settings)
    stopped.fit(**train, X_val=X, y_val=y)
    best = int(np.argmax(stopped.validation_scores_))
    assert stopped.best_loss_ is None
    assert stopped.n_iter_ < 100
    assert stopped.t_ == stopped.n_iter_ * len(train["X"])
    assert stopped.validation_scores_[best] == stopped.best_validation_score_
    assert stopped.score(X, y) == stopped.best_validation_score_


@pytest.mark.parametrize(
    ("problem", "monitor", "measure"),
    [
        ("classes", None, None),
        ("classes", "accuracy", None),
        ("text", "balanced_accuracy", balanced_accuracy_score),
        ("two classes", "f1_macro", lambda y, p: f1_score(y, p, average="macro")),
        ("labels", "f1_macro", lambda y, p: f1_score(y, p, average="macro", zero_division=0)),
        ("classes", "neg_log_loss", None),
        ("text", "roc_auc_ovr", None),
        ("numbers", None, r2_score),
        ("several numbers", "r2", r2_score),
        ("numbers", "neg_mean_absolute_error", None),
        ("several numbers", lambda model, X, y: -abs(model.predict(X) - y).max(), None),
    ],
)
@pytest.mark.filterwarnings("ignore:F-score is ill-defined")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_monitors(problem: str, monitor: Any, measure: Callable[..., float] | None) -> None:
    kind, train, X, y = halves(problem)
    snapshots = Snapshots()
    model = kind(
        max_iter=8,
        random_state=0,
        learning_rate_init=0.03,
        monitor=monitor,
        callbacks=[snapshots],
    )
    model.fit(**train, X_val=X, y_val=y)
    scores = []
    for taken in snapshots.taken:
        model._network.set_flat_parameters(taken)
        if measure is not None:
            scores.append(measure(y, model.predict(X)))
        elif callable(monitor):
            scores.append(monitor(model, X, y))
        else:
            scores.append(get_scorer(monitor or "accuracy")(model, X, y))
    assert_allclose(model.validation_scores_, scores)
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_monitor_of_the_loss() -> None:
    kind, train, X, y = halves("several numbers")
    model = kind(max_iter=8, random_state=0, monitor="loss").fit(**train, X_val=X, y_val=y)
    assert model.validation_scores_ == [-loss for loss in model.validation_loss_curve_]


def test_a_scorer_gets_weights_and_no_warning_of_names() -> None:
    pandas = pytest.importorskip("pandas")
    X, y = digits()
    columns = [f"pixel {i}" for i in range(64)]
    frame = pandas.DataFrame(X, columns=columns)
    model = em.MLPClassifier(max_iter=3, monitor="balanced_accuracy", random_state=0)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 100)
    model.fit(
        frame[:200],
        y[:200],
        X_val=frame[200:],
        y_val=y[200:],
        sample_weight_val=weights,
    )
    scores = [
        balanced_accuracy_score(y[200:], model.predict(frame[200:]), sample_weight=weights),
        model.best_validation_score_,
    ]
    assert scores[0] == pytest.approx(scores[1])
    with pytest.raises(ValueError, match="feature names should match"):
        model.fit(frame, y, X_val=frame.rename(columns={"pixel 0": "other"}), y_val=y)


def best_of(model: Any, snapshots: Snapshots) -> NDArray[Any]:
    return snapshots.taken[int(np.nanargmax(model.validation_scores_))]


class Breaks(em.callbacks.Callback):
    """Ends training after some epochs, in one way or another."""

    def __init__(self, end: Callable[[], bool]) -> None:
        self.end = end

    def on_epoch_end(self, state: em.callbacks.TrainingState) -> bool:
        return state.epoch == 7 and self.end()


def interrupt() -> bool:
    raise KeyboardInterrupt


@pytest.mark.parametrize("how", ["max_iter", "tol", "callback", "Ctrl-C", "divergence"])
def test_the_best_parameters_return_however_training_ended(how: str) -> None:
    kind, train, X, y = halves("classes")
    snapshots = Snapshots()
    settings: dict[str, dict[str, Any]] = {
        "max_iter": {"max_iter": 8},
        "tol": {"tol": 10.0, "n_iter_no_change": 6},
        "callback": {"callbacks": [snapshots, Breaks(lambda: True)]},
        "Ctrl-C": {"callbacks": [snapshots, Breaks(interrupt)]},
        "divergence": {"learning_rate": lambda epoch: 1.0 if epoch < 8 else 1e300},
    }
    # So fast that the last isn't the best.
    model = kind(
        max_iter=100,
        random_state=0,
        solver="sgd",
        learning_rate=lambda _epoch: 1.0,
        callbacks=[snapshots],
    ).set_params(**settings[how])
    if how == "Ctrl-C":
        with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
            model.fit(**train, X_val=X, y_val=y)
    elif how == "divergence":
        with pytest.warns(ConvergenceWarning, match="training diverged in iteration 9; the model"):
            model.fit(**train, X_val=X, y_val=y)
        for curve in (model.loss_curve_, model.validation_scores_, model.validation_loss_curve_):
            assert len(curve) == model.n_iter_ == 9
            assert np.isnan(curve).tolist() == [False] * 8 + [True]
    else:
        model.fit(**train, X_val=X, y_val=y)
    assert len(snapshots.taken) == 8
    assert_array_equal(model._network.get_flat_parameters(), best_of(model, snapshots))
    assert not np.array_equal(best_of(model, snapshots), snapshots.taken[-1])
    assert_array_equal(model.coefs_[0], model._network.weights[0])
    assert model.score(X, y) == model.best_validation_score_


def test_the_best_of_a_fit_before_is_kept() -> None:
    kind, train, X, y = halves("classes")
    model = kind(max_iter=20, random_state=0, warm_start=True).fit(**train, X_val=X, y_val=y)
    best, score = parameters(model), model.best_validation_score_
    model.set_params(learning_rate_init=1.0, max_iter=3).fit(**train, X_val=X, y_val=y)
    assert model.best_validation_score_ == score
    assert len(model.validation_scores_) == 23
    assert_array_equal(parameters(model), best)


def test_batch_normalization_returns_with_its_statistics() -> None:
    kind, train, X, y = halves("classes")
    snapshots = Snapshots()
    model = kind(max_iter=9, normalization="batch", random_state=0, callbacks=[snapshots])
    model.fit(**train, X_val=X, y_val=y)
    assert_array_equal(model._network.get_flat_parameters(), best_of(model, snapshots))


def test_nan_is_no_progress() -> None:
    kind, train, X, y = halves("numbers")
    model = kind(max_iter=100, monitor=lambda *_: np.nan, early_stopping=True, n_iter_no_change=4)
    with pytest.warns(UserWarning, match="no validation score was a number"):
        model.fit(**train, X_val=X, y_val=y)
    assert model.n_iter_ == 5
    assert model.best_validation_score_ == -np.inf


class PressesCtrlC(em.callbacks.Callback):
    """Sends the signal of the terminal, after the third epoch or iteration."""

    def __init__(self) -> None:
        self.done = 0

    def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
        self.press()

    def press(self, *_: object) -> None:
        self.done += 1
        if self.done == 3:
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_leaves_a_model() -> None:
    X, y = digits()
    model = em.MLPClassifier(max_iter=10_000, random_state=0, callbacks=[PressesCtrlC()])
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        model.fit(X, y)
    assert 3 <= model.n_iter_ == len(model.loss_curve_) < 10
    assert model.predict(X[:3]).shape == (3,)
    model.partial_fit(X, y)
    assert len(model.loss_curve_) >= 4


def test_ctrl_c_leaves_a_model_of_lbfgs(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = digits()
    monkeypatch.setattr(em.MLPClassifier, "_say", PressesCtrlC().press)
    model = em.MLPClassifier(solver="lbfgs", max_iter=10_000, tol=0, random_state=0)
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        model.fit(X, y)
    monkeypatch.undo()
    assert 3 <= model.n_iter_ < 10
    same = em.MLPClassifier(solver="lbfgs", max_iter=model.n_iter_, tol=0, random_state=0)
    assert_array_equal(parameters(model), parameters(same.fit(X, y)))
    assert model.loss_ == pytest.approx(same.loss_)


def test_validation_data_may_lack_classes() -> None:
    X, y = digits()
    few = y < 3
    model = em.MLPClassifier(max_iter=2, warm_start=True, random_state=0)
    for _ in range(2):
        model.fit(X, y, X_val=X[few], y_val=y[few])
    assert len(model.validation_scores_) == 4


@pytest.mark.parametrize(
    ("fit", "settings", "message"),
    [
        ({"X_val": digits()[0]}, {}, "incomplete: y_val is None; pass X_val and y_val"),
        ({"y_val": digits()[1]}, {}, "incomplete: X_val is None; pass X_val and y_val"),
        ({"sample_weight_val": np.ones(300)}, {}, "incomplete: X_val is None"),
        ({"X_val": digits()[0], "y_val": digits()[1] + 1}, {}, "`y` has classes not in"),
        ({"X_val": digits()[0][:, 1:], "y_val": digits()[1]}, {}, "X has 63 features, but MLPC"),
        ({"X_val": digits()[0], "y_val": digits()[1][1:]}, {}, "inconsistent numbers of samples"),
        ({}, {"monitor": "accuracy"}, "monitor='accuracy' needs validation data to measure; pass"),
        ({}, {"monitor": "accurate"}, "The 'monitor' parameter of MLPClassifier must be"),
    ],
)
def test_refused_validation(fit: dict[str, Any], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        em.MLPClassifier(**settings).fit(*digits(), **fit)
