"""Displays: what they draw is what was computed."""

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


def test_one_epoch_has_a_whole_tick_and_no_star() -> None:
    display = em.plots.LearningCurveDisplay([2.0], [1.5], [0.5]).plot()
    assert [str(line.get_label()) for line in display.lines_] == [
        "training loss",
        "validation loss",
        "validation score",
    ]
    low, high = display.ax_.get_xlim()
    assert [tick for tick in display.ax_.get_xticks() if low <= tick <= high] == [1]


def test_no_epoch_is_the_best_where_none_has_a_number() -> None:
    display = em.plots.LearningCurveDisplay([2.0, 1.0], [math.nan, math.nan]).plot()
    assert len(display.lines_) == 2


def test_the_legend_of_two_scales_stands_above_them() -> None:
    display = em.plots.LearningCurveDisplay.from_history(history())
    display.figure_.draw_without_rendering()
    legend = display.ax_.get_legend().get_window_extent()
    assert legend.y0 >= display.ax_.get_window_extent().y1
    assert legend.y1 <= display.figure_.bbox.y1


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
    "name",
    [
        "LearningCurveDisplay",
        "ConfusionMatrixDisplay",
        "ReliabilityDisplay",
        "FirstLayerDisplay",
    ],
)
def test_given_axes_are_drawn_on_and_no_figure_is_made(fitted: Any, name: str) -> None:
    model, X, y = fitted
    figure, (left, right) = plt.subplots(1, 2)
    data = () if name in {"LearningCurveDisplay", "FirstLayerDisplay"} else (X, y)
    display = getattr(em.plots, name).from_estimator(model, *data, ax=right)
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    assert not left.has_data()
    x_left = right.get_position().x0
    for ax in np.ravel(display.ax_):
        assert ax.has_data()
        assert ax.get_position().x0 >= x_left - 1e-9
    assert (display.ax_ is right) == (name != "FirstLayerDisplay")


def test_reliability_by_hand() -> None:
    # Two samples at 0.65 of which one is right, two at 0.95 of which both are.
    proba = np.array([[0.65, 0.35], [0.35, 0.65], [0.95, 0.05], [0.05, 0.95]])
    display = em.plots.ReliabilityDisplay.from_predictions([0, 0, 0, 1], proba)
    assert display.counts[[6, 9]].tolist() == [2, 2]
    assert display.counts.sum() == 4
    assert display.accuracy[6] == 0.5
    assert display.accuracy[9] == 1.0
    assert display.expected_calibration_error == pytest.approx((0.15 * 2 + 0.05 * 2) / 4)


@pytest.mark.parametrize(("n_classes", "n_bins"), [(2, 10), (49, 7)])
def test_reliability_is_what_a_loop_over_the_bins_gives(n_classes: int, n_bins: int) -> None:
    rng = np.random.default_rng(3)
    proba = rng.dirichlet(np.full(n_classes, 0.1), size=400)
    y = rng.integers(0, n_classes, 400)
    y[::2] = proba[::2].argmax(axis=1)
    display = em.plots.ReliabilityDisplay.from_predictions(y, proba, n_bins=n_bins)
    confidences, right = proba.max(axis=1), proba.argmax(axis=1) == y
    error, points, heights = 0.0, [], []
    for number in range(n_bins):
        above = confidences >= number / n_bins
        rows = above & ((confidences < (number + 1) / n_bins) | (number == n_bins - 1))
        heights.append(float(rows.mean()))
        if rows.any():
            points.append((confidences[rows].mean(), right[rows].mean()))
            error += heights[-1] * abs(points[-1][1] - points[-1][0])
    assert display.expected_calibration_error == pytest.approx(error, rel=1e-12)
    assert error > 0.05
    curve = display.ax_.get_lines()[1]
    np.testing.assert_allclose(np.column_stack([xs(curve), ys(curve)]), points, rtol=1e-12)
    assert [bar.get_height() for bar in display.ax_.patches] == pytest.approx(heights)
    assert curve.get_label() == f"model, ECE {error:.3f}"


def test_a_probability_of_one_is_in_the_last_bin() -> None:
    display = em.plots.ReliabilityDisplay.from_predictions([0], [[1.0, 0.0]], n_bins=3)
    assert display.counts.tolist() == [0, 0, 1]
    assert display.expected_calibration_error == 0


def test_reliability_of_an_estimator_by_the_names_of_its_classes(fitted: Any) -> None:
    model, X, y = fitted
    direct = em.plots.ReliabilityDisplay.from_predictions(y, model.predict_proba(X))
    display = em.plots.ReliabilityDisplay.from_estimator(model, X, y)
    assert np.array_equal(display.counts, direct.counts)
    with pytest.raises(ValueError, match="y holds 11, which is not a class of the estimator"):
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


@pytest.mark.parametrize("inches", [2.0, 4.0, 12.0])
def test_names_of_many_classes_stand_at_their_classes(inches: float) -> None:
    names = [f"k{number}" for number in range(49)]
    _, ax = plt.subplots(figsize=(inches, inches))
    em.plots.ConfusionMatrixDisplay(np.eye(49), display_labels=names).plot(ax=ax)
    for axis in (ax.xaxis, ax.yaxis):
        labels = axis.get_ticklabels()
        shown = [label.get_text() for label in labels]
        step = {2.0: 3, 4.0: 2, 12.0: 1}[inches]
        assert shown == names[::step]
        assert list(axis.get_ticklocs()) == list(range(0, 49, step))
        assert all(label.get_fontsize() >= 5 for label in labels)


@pytest.mark.parametrize(("names", "rotation"), [("abcdefgh", 0), (["a long name"] * 8, 90)])
def test_only_long_names_stand_upright(names: Any, rotation: int) -> None:
    display = em.plots.ConfusionMatrixDisplay(np.eye(8), display_labels=list(names)).plot()
    assert {label.get_rotation() for label in display.ax_.get_xticklabels()} == {rotation}


def test_shares_of_the_true_classes(fitted: Any) -> None:
    model, X, y = fitted
    display = em.plots.ConfusionMatrixDisplay.from_estimator(model, X, y, normalize="true")
    counts = confusion_matrix(y, model.predict(X))
    np.testing.assert_allclose(display.confusion_matrix, counts / counts.sum(1, keepdims=True))
    assert display.ax_.texts[0].get_text() == f"{counts[0, 0] / counts[0].sum():.2f}"


def test_first_layer_of_a_network() -> None:
    net = em.Network([6, 4, 3], rng=0)
    display = em.plots.FirstLayerDisplay.from_network(net, image_shape=(2, 3))
    for ax, unit in zip(display.ax_, display.units, strict=True):
        image = np.asarray(ax.images[0].get_array())
        np.testing.assert_array_equal(image, net.weights[0][:, unit].reshape(2, 3))


@pytest.mark.parametrize("shape", [(1, 64), (64, 1), (8, 24), (5, 5)])
def test_first_layer_images_of_any_shape_are_large_enough(shape: tuple[int, int]) -> None:
    weights = np.random.default_rng(0).normal(size=(shape[0] * shape[1], 25))
    display = em.plots.FirstLayerDisplay(weights, image_shape=shape).plot()
    display.figure_.draw_without_rendering()
    for ax in display.ax_:
        extent = ax.get_window_extent()
        assert extent.width >= 3 * shape[1], "three screen pixels a weight"
        assert extent.height >= 3 * shape[0]


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


def test_first_layer_images_on_given_axes_stand_in_the_same_grid() -> None:
    _, ax = plt.subplots()
    display = em.plots.FirstLayerDisplay(np.ones((8 * 24, 5)), image_shape=(8, 24)).plot(ax=ax)
    specs = [panel.get_subplotspec() for panel in display.ax_]
    places = [(spec.rowspan.start, spec.colspan.start) for spec in specs]
    assert places == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_predictions_against_true_values() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(size=50)
    predicted = true + rng.normal(0, 0.1, 50)
    display = em.plots.PredictionDisplay.from_predictions(true, predicted)
    np.testing.assert_array_equal(display.points_.get_offsets(), np.stack([true, predicted], 1))
    left = np.stack([true, true - predicted], 1)
    np.testing.assert_array_equal(display.residuals_.get_offsets(), left)
    assert display.residuals_ax_.get_xlabel() == "true"
    assert display.ax_.child_axes == [display.residuals_ax_]
    r2 = 1 - np.square(true - predicted).mean() / true.var()
    assert display.ax_.get_title().startswith(f"R² {r2:.3f}, root mean square error")
    many = em.plots.PredictionDisplay.from_predictions(np.arange(5000.0), np.arange(5000.0))
    assert np.asarray(many.points_.get_offsets()).shape == (2000, 2)
    _, ax = plt.subplots()
    X = np.arange(20.0)[:, None]
    model = em.MLPRegressor(solver="lbfgs", max_iter=20, random_state=0).fit(X, X[:, 0])
    own = em.plots.PredictionDisplay.from_estimator(model, X, X[:, 0], ax=ax)
    assert own.ax_ is ax
    np.testing.assert_array_equal(np.asarray(own.points_.get_offsets())[:, 1], model.predict(X))


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_importances_of_columns() -> None:
    import pandas as pd
    from sklearn.inspection import permutation_importance

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=["no", "much", "some"])
    y = 3 * frame["much"] + frame["some"]
    model = em.MLPRegressor(solver="lbfgs", max_iter=50, random_state=0).fit(frame, y)
    display = em.plots.ImportanceDisplay.from_estimator(
        model, frame, y, scoring="r2", random_state=0
    )
    wanted = permutation_importance(model, frame, y, scoring="r2", random_state=0)
    np.testing.assert_array_equal(display.importances, wanted.importances)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["much", "some", "no"]
    widths = [bar.get_width() for bar in display.bars_]
    assert widths == wanted.importances_mean[[1, 2, 0]].tolist()
    assert display.ax_.get_xlabel() == "fall of the r2 when shuffled"
    many = em.plots.ImportanceDisplay(rng.random((30, 2)), [f"c{k}" for k in range(30)]).plot()
    assert len(many.order_) == 20
    assert "10 further columns" in many.ax_.get_xlabel()
