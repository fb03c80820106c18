"""Displays: what they draw is what was computed, and what can't be drawn is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.neural_network import MLPClassifier as ScikitLearnClassifier

import eigenmlp as em

if TYPE_CHECKING:
    from collections.abc import Iterator

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _figures_closed() -> Iterator[None]:
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fitted() -> Any:
    X, y = load_digits(return_X_y=True)
    model = em.MLPClassifier(20, max_iter=300, early_stopping=True, tol=0.01, random_state=0)
    return model.fit(X / 16, y), X / 16, y


def xs(line: Any) -> list[float]:
    return np.asarray(line.get_xdata()).tolist()  # type: ignore[no-any-return]


def ys(line: Any) -> list[float]:
    return np.asarray(line.get_ydata()).tolist()  # type: ignore[no-any-return]


def history() -> em.History:
    made = em.History()
    for train_loss, val_loss, accuracy in ((2.0, 2.1, 0.3), (1.0, 1.5, 0.6), (0.5, 1.7, 0.5)):
        made.append(train_loss=train_loss, val_loss=val_loss, val_accuracy=accuracy)
    return made


def test_curves_of_a_history() -> None:
    display = em.plots.LearningCurveDisplay.from_history(history())
    train, val, best, score = display.lines_
    assert ys(train) == [2.0, 1.0, 0.5]
    assert xs(train) == [1, 2, 3]
    assert ys(val) == [2.1, 1.5, 1.7]
    assert (xs(best), ys(best)) == ([2], [1.5])
    assert ys(score) == [0.3, 0.6, 0.5]
    assert score.axes is not display.ax_
    assert display.figure_.axes[0] is display.ax_


def test_the_best_of_a_score_alone_is_its_largest() -> None:
    display = em.plots.LearningCurveDisplay([2.0, 1.0], None, [0.7, math.nan])
    best = display.plot().lines_[-1]
    assert (xs(best), ys(best)) == ([1], [0.7])


def test_curves_of_estimators(fitted: Any) -> None:
    model, X, y = fitted
    _, ax = plt.subplots()
    display = em.plots.LearningCurveDisplay.from_estimator(model, ax=ax)
    assert display.ax_ is ax
    assert ys(display.lines_[0]) == model.loss_curve_
    assert ys(display.lines_[-1]) == model.validation_scores_
    theirs = ScikitLearnClassifier(5, max_iter=300, tol=1.0, random_state=0).fit(X, y)
    display = em.plots.LearningCurveDisplay.from_estimator(theirs)
    assert ys(display.lines_[0]) == theirs.loss_curve_
    assert len(display.lines_) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: em.plots.LearningCurveDisplay([]), "there are no epochs to draw"),
        (
            lambda: em.plots.LearningCurveDisplay([1.0, 2.0], [1.0]),
            "has 2 epochs, but the validation loss has 1",
        ),
        (
            lambda: em.plots.LearningCurveDisplay.from_history({"loss": [1.0]}),
            "no 'train_loss', only loss",
        ),
        (
            lambda: em.plots.LearningCurveDisplay.from_estimator(em.MLPClassifier()),
            "MLPClassifier has no loss_curve_: fit it first",
        ),
        (
            lambda: em.plots.FirstLayerDisplay.from_estimator(em.MLPClassifier()),
            "has no coefs_; fit it first",
        ),
        (lambda: em.plots.FirstLayerDisplay(np.zeros((10, 3))), "10 features are no square image"),
        (
            lambda: em.plots.FirstLayerDisplay(np.zeros((10, 3)), image_shape=(3, 3)),
            r"image_shape=\(3, 3\) has 9 pixels, but there are 10",
        ),
        (
            lambda: em.plots.FirstLayerDisplay(np.zeros((9, 3)), n_units=0),
            "n_units=0 is less than 1",
        ),
        (lambda: em.plots.FirstLayerDisplay(np.zeros(9)), r"got \(9,\)"),
        (
            lambda: em.plots.ReliabilityDisplay.from_predictions([0], [[0.5, 0.6]]),
            r"proba\[0\] is \[0.5 0.6\], which are no probabilities",
        ),
        (
            lambda: em.plots.ReliabilityDisplay.from_predictions([2], [[0.5, 0.5]]),
            "indices of proba's columns, 0 to 1; got 2 to 2",
        ),
        (
            lambda: em.plots.ReliabilityDisplay.from_predictions([], np.zeros((0, 2))),
            "with one sample at least",
        ),
    ],
)
def test_what_cannot_be_drawn(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_reliability_by_hand() -> None:
    # Two samples at 0.65 of which one is right, two at 0.95 of which both are.
    proba = np.array([[0.65, 0.35], [0.35, 0.65], [0.95, 0.05], [0.05, 0.95]])
    display = em.plots.ReliabilityDisplay.from_predictions([0, 0, 0, 1], proba)
    assert display.counts[[6, 9]].tolist() == [2, 2]
    assert display.counts.sum() == 4
    assert display.accuracy[6] == 0.5
    assert display.accuracy[9] == 1.0
    assert display.expected_calibration_error == pytest.approx((0.15 * 2 + 0.05 * 2) / 4)


def test_a_probability_of_one_is_in_the_last_bin() -> None:
    display = em.plots.ReliabilityDisplay.from_predictions([0], [[1.0, 0.0]], n_bins=3)
    assert display.counts.tolist() == [0, 0, 1]
    assert display.expected_calibration_error == 0


def test_reliability_of_an_estimator_by_the_names_of_its_classes(fitted: Any) -> None:
    model, X, y = fitted
    direct = em.plots.ReliabilityDisplay.from_predictions(y, model.predict_proba(X))
    display = em.plots.ReliabilityDisplay.from_estimator(model, X, y)
    assert np.array_equal(display.counts, direct.counts)
    with pytest.raises(ValueError, match="y holds 11, which is no class of the estimator"):
        em.plots.ReliabilityDisplay.from_estimator(model, X[:1], [11])


def test_confusion_matrix_of_few_classes(fitted: Any) -> None:
    model, X, y = fitted
    display = em.plots.ConfusionMatrixDisplay.from_estimator(model, X, y)
    expected = confusion_matrix(y, model.predict(X))
    assert np.array_equal(display.confusion_matrix, expected)
    assert [text.get_text() for text in display.ax_.texts] == [str(n) for n in expected.ravel()]


def test_confusion_matrix_of_many_classes_has_no_numbers() -> None:
    y = np.arange(49)
    display = em.plots.ConfusionMatrixDisplay.from_predictions(y, y)
    assert not display.ax_.texts
    assert np.array_equal(display.confusion_matrix, np.eye(49))


def test_first_layer_draws_the_largest_units(fitted: Any) -> None:
    model, _, _ = fitted
    display = em.plots.FirstLayerDisplay.from_estimator(model, n_units=7)
    weights = model.coefs_[0]
    norms = np.linalg.norm(weights, axis=0)
    assert list(display.units) == sorted(range(20), key=lambda unit: -norms[unit])[:7]
    assert len(display.ax_) == 7
    image = np.asarray(display.ax_[0].images[0].get_array())
    assert np.array_equal(image.ravel(), weights[:, display.units[0]])
    low, high = display.ax_[0].images[0].get_clim()
    assert low == -high


def test_first_layer_of_all_zeros_and_one_unit() -> None:
    display = em.plots.FirstLayerDisplay(np.zeros((6, 1)), image_shape=(2, 3)).plot()
    assert len(display.ax_) == 1
