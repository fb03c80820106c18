"""Which classes are taken for which."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.metrics import confusion_matrix
from sklearn.utils.multiclass import type_of_target, unique_labels

from eigenmlp.plots.display import Display
from eigenmlp.plots.palette import COLOURS, GRID

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ConfusionMatrixDisplay", "draw_matrix"]

# Numbers in the cells of more classes than this can't be read.
_MOST_NUMBERS = 15
# Names smaller than this, in points, can't be read.
_SMALLEST_NAME = 5.0
# Shares of a row whose colour takes white numbers.
_DEEP = 0.55


class ConfusionMatrixDisplay(Display):
    """Confusion matrix: rows are the true classes, columns the predicted ones.

    What is right is blue and what is wrong orange, the deeper the larger its share of the row. Up
    to 15 classes have numbers in their cells; beyond that there are colours alone. Names of classes
    are as small as their cells, and only every second or third is there if they had to be smaller
    than 5 points.

    Parameters
    ----------
    confusion_matrix : (n_classes, n_classes) array
        Counts, or shares of 0 to 1.
    display_labels : sequence of length n_classes or None, default=None
        Names of the classes; None counts them from 0.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the matrix isn't square, or there are more or fewer names than classes.

    Examples
    --------
    >>> import eigenmlp as em
    >>> display = em.plots.ConfusionMatrixDisplay.from_predictions(
    ...     ["cat", "dog", "dog"], ["cat", "dog", "cat"]
    ... )
    >>> display.confusion_matrix
    array([[1, 0],
           [1, 1]])
    """

    def __init__(self, confusion_matrix: Any, *, display_labels: Any = None) -> None:
        matrix = np.asarray(confusion_matrix)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.size == 0:
            raise ValueError(
                f"confusion_matrix has shape {matrix.shape}; pass (n_classes, n_classes), as "
                "sklearn.metrics.confusion_matrix returns it"
            )
        if display_labels is not None and len(display_labels) != len(matrix):
            raise ValueError(
                f"there are {len(display_labels)} display_labels for {len(matrix)} classes; pass "
                "one per class"
            )
        self.confusion_matrix = matrix
        self.display_labels = display_labels

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: "ArrayLike",
        y: "ArrayLike",
        *,
        normalize: str | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Predict and draw.

        Parameters
        ----------
        estimator : classifier
            Fitted.
        X : (n_samples, n_features) array
        y : (n_samples,) array
            The true classes.
        normalize, ax
            As for `from_predictions`.

        Returns
        -------
        ConfusionMatrixDisplay
        """
        return cls.from_predictions(y, estimator.predict(X), normalize=normalize, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: "ArrayLike",
        y_pred: "ArrayLike",
        *,
        normalize: str | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Count and draw.

        Parameters
        ----------
        y_true, y_pred : (n_samples,) arrays
            True and predicted classes.
        normalize : {"true", "pred", "all"} or None, default=None
            Shares of the true classes, of the predicted ones or of all samples instead of counts.
            None is "true" beyond 15 classes.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes new ones.

        Returns
        -------
        ConfusionMatrixDisplay

        Raises
        ------
        ValueError
            If they hold quantities, or several labels per sample.
        """
        for name, y in (("y_true", y_true), ("y_pred", y_pred)):
            kind = type_of_target(y, input_name=name)
            if kind not in {"binary", "multiclass"}:
                raise ValueError(
                    f"{name} is {kind}, but a confusion matrix counts one class per sample; pass "
                    "(n_samples,) whole numbers or texts, and of several labels per sample one "
                    "column"
                )
        labels = unique_labels(y_true, y_pred)
        if normalize is None and len(labels) > _MOST_NUMBERS:
            normalize = "true"
        matrix = confusion_matrix(y_true, y_pred, labels=labels, normalize=normalize)
        return cls(matrix, display_labels=labels).plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes new ones.

        Returns
        -------
        ConfusionMatrixDisplay
            This one.
        """
        n_classes = len(self.confusion_matrix)
        few = n_classes <= _MOST_NUMBERS
        side = min(4.5 + 0.12 * n_classes, 9.5)
        ax = self._take_axes(ax, (side, side), layout="compressed")
        draw_matrix(ax, self.confusion_matrix, np.ndindex(n_classes, n_classes) if few else ())
        named = self.display_labels
        names = [str(name) for name in (range(n_classes) if named is None else named)]
        ax.set_xticks(range(n_classes), names)
        ax.set_yticks(range(n_classes), names)
        _fit_names(ax, n_classes)
        return self


def draw_matrix(
    ax: "Axes",
    matrix: "NDArray[Any]",
    cells: Iterable[tuple[int, ...]],
    size: float | None = None,
) -> None:
    """Draw hits blue and mistakes orange, by their shares of the row, with numbers in some cells.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    matrix : (n_classes, n_classes) array
        Counts as whole numbers, or shares.
    cells : iterable of (row, column)
        Where to write the number.
    size : float or None, default=None
        Of the numbers, in points; None is matplotlib's.
    """
    n_classes = len(matrix)
    sums = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.where(sums > 0, sums, 1)
    image = _blend(shares, COLOURS[0])
    mistakes = ~np.eye(n_classes, dtype=bool)
    image[mistakes] = _blend(shares, COLOURS[1])[mistakes]
    ax.imshow(image, interpolation="nearest", aspect="equal")
    digits = "d" if matrix.dtype.kind in "iu" else ".2f"
    for row, column in cells:
        text = ax.text(
            column,
            row,
            format(matrix[row, column], digits),
            ha="center",
            va="center",
            size=size,
            color="white" if shares[row, column] > _DEEP else "black",
        )
        text.set_in_layout(False)  # it lies inside the axes: measuring hundreds takes seconds
    ax.set_xticks(np.arange(-0.5, n_classes), minor=True)
    ax.set_yticks(np.arange(-0.5, n_classes), minor=True)
    ax.grid(visible=False)
    ax.grid(which="minor", color=GRID, lw=0.4)
    ax.tick_params(which="minor", length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")


def _blend(shares: "NDArray[Any]", colour: str) -> "NDArray[Any]":
    """Return colours from white (share 0) to `colour` (share 1), visible from small shares on."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    strength = np.sqrt(np.clip(shares, 0, 1))[..., None]
    return np.asarray(1 - strength * (1 - rgb))


def _fit_names(ax: "Axes", n_classes: int) -> None:
    """Fit the classes' names to their cells: small, upright if long, and some left out if many."""
    points = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted()).width * 72
    cell = points / n_classes
    size = min(10.0, max(_SMALLEST_NAME, 0.65 * cell))
    longest = max(len(name.get_text()) for name in ax.get_xticklabels())
    ax.tick_params(labelsize=size)
    ax.tick_params(axis="x", rotation=90 if 0.65 * size * longest > cell else 0)
    step = math.ceil(size / cell)
    for axis in (ax.xaxis, ax.yaxis):
        names = [name.get_text() for name in axis.get_ticklabels()]
        axis.set_ticks(np.arange(n_classes)[::step], names[::step])
