"""What displays can't draw is refused: value, cause and remedy, and no figure is left."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

plt = pytest.importorskip("matplotlib.pyplot")

BOX = (0.1, 0.1, 0.8, 0.8)


@pytest.fixture(autouse=True)
def _figures_closed() -> Iterator[None]:
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: em.plots.LearningCurveDisplay([]), "there are no epochs to draw"),
        (lambda: em.plots.PredictionDisplay([], []), r"y_true has shape \(0,\); pass"),
        (lambda: em.plots.PredictionDisplay([1, 2], [1]), "y_true has 2 samples, but y_pred has 1"),
        (lambda: em.plots.PredictionDisplay([1, math.nan], [1, 2]), r"y_true\[1\] is nan"),
        (lambda: em.plots.ImportanceDisplay([1.0], ["a"]), r"importances has shape \(1,\); pass"),
        (lambda: em.plots.ImportanceDisplay([[1.0]], []), "there are 0 names for 1 columns"),
        (
            lambda: em.plots.LearningCurveDisplay([1.0, 2.0], [1.0]),
            "has 2 epochs, but the validation loss has 1",
        ),
        (
            lambda: em.plots.LearningCurveDisplay.from_history({"loss": [1.0]}),
            r"no 'train_loss' \(its columns: loss\); pass what eigenmlp.train returned",
        ),
        (
            lambda: em.plots.LearningCurveDisplay.from_history(em.History()),
            r"no 'train_loss' \(its columns: none\)",
        ),
        (
            lambda: em.plots.LearningCurveDisplay.from_estimator(em.MLPClassifier()),
            "MLPClassifier has no loss_curve_: fit it first",
        ),
        (
            lambda: em.plots.FirstLayerDisplay.from_estimator(em.MLPClassifier()),
            "has no coefs_; fit it first",
        ),
        (
            lambda: em.plots.FirstLayerDisplay(np.zeros((10, 3))),
            "10 features are not a square image",
        ),
        (
            lambda: em.plots.FirstLayerDisplay(np.zeros((10, 3)), image_shape=(3, 3)),
            r"image_shape=\(3, 3\) has 9 pixels, but there are 10",
        ),
        (
            lambda: em.plots.FirstLayerDisplay(np.zeros((9, 3)), n_units=0),
            "n_units=0 is less than 1",
        ),
        (
            lambda: em.plots.FirstLayerDisplay(np.zeros((10, 3)), image_shape=(-2, -5)),
            "image_shape=-2 is less than 1; pass .height, width. in pixels",
        ),
        (
            lambda: em.plots.FirstLayerDisplay(
                np.zeros((10, 3)),
                image_shape=(1, 2, 5),  # type: ignore[arg-type]
            ),
            r"image_shape=\(1, 2, 5\) is not a pair",
        ),
        (
            lambda: em.plots.FirstLayerDisplay([[0.0, 1.0]] * 3 + [[0.0, math.inf]]),
            r"weights\[3, 1\] is inf, .* pass finite weights",
        ),
        (
            lambda: em.plots.FirstLayerDisplay(np.ones((4, 1))).plot(ax=plt.figure().add_axes(BOX)),
            "is not a subplot, so it can't be divided",
        ),
        (
            lambda: em.plots.ConfusionMatrixDisplay(np.zeros((2, 3))),
            r"confusion_matrix has shape \(2, 3\)",
        ),
        (
            lambda: em.plots.ConfusionMatrixDisplay(np.eye(2), display_labels=["a"]),
            "1 display_labels for 2 classes; pass one per class",
        ),
        (
            lambda: em.plots.ConfusionMatrixDisplay.from_predictions([0, 1], [0.5, 1.5]),
            "^y_pred is continuous, but a confusion matrix counts one class per sample; pass",
        ),
        (
            lambda: em.plots.ConfusionMatrixDisplay.from_predictions(np.eye(2), np.eye(2)),
            "^y_true is multilabel-indicator, but .* of several labels per sample one column$",
        ),
        (
            lambda: em.plots.ReliabilityDisplay.from_estimator(em.MLPClassifier(), [[1.0]], [0]),
            "MLPClassifier instance is not fitted yet",
        ),
        (
            lambda: em.plots.ReliabilityDisplay.from_predictions(["a"], [[0.5, 0.5]]),
            "indices of proba's columns, got dtype <U1",
        ),
        (
            lambda: em.plots.ReliabilityDisplay.from_predictions([0], np.zeros((1, 0))),
            "one sample at least and one class",
        ),
        (lambda: em.plots.FirstLayerDisplay(np.zeros(9)), r"got \(9,\)"),
        (
            lambda: em.plots.ReliabilityDisplay.from_predictions([0], [[0.5, 0.6]]),
            r"proba\[0\] is \[0.5 0.6\], which are not probabilities",
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


def test_what_is_refused_leaves_no_figure() -> None:
    displays = em.plots
    calls: list[Callable[[], Any]] = [
        lambda: displays.LearningCurveDisplay([]).plot(),
        lambda: displays.ConfusionMatrixDisplay(np.eye(2), display_labels=["a"]).plot(),
        lambda: displays.ConfusionMatrixDisplay.from_predictions([0, 1], [0]),
        lambda: displays.ReliabilityDisplay.from_predictions([0], [[0.5, 0.6]]),
        lambda: displays.FirstLayerDisplay(np.full((4, 1), math.nan)).plot(),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"."):
            call()
    assert plt.get_fignums() == []


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for display in (
        em.plots.LearningCurveDisplay([1.0]),
        em.plots.ConfusionMatrixDisplay(np.eye(2)),
        em.plots.FirstLayerDisplay(np.ones((4, 1))),
    ):
        with pytest.raises(ImportError, match=r'display needs matplotlib.*"eigenmlp\[study\]"'):
            display.plot()
