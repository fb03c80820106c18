"""Which classes are taken for which: scikit-learn's display, also for many classes."""

from typing import TYPE_CHECKING, Any, Self

from sklearn.metrics import ConfusionMatrixDisplay as _ScikitLearnDisplay
from sklearn.metrics import confusion_matrix
from sklearn.utils.multiclass import unique_labels

from eigenmlp.plots._display import Display

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["ConfusionMatrixDisplay"]

# Numbers in the cells of more classes than this can't be read.
_MOST_NUMBERS = 15


class ConfusionMatrixDisplay(Display):
    """Confusion matrix: rows are the true classes, columns the predicted ones.

    It is scikit-learn's, drawn so that many classes can be read as well: with numbers in its cells
    up to 15 classes, and beyond that as colours alone, each row in shares of its class.

    Parameters
    ----------
    confusion_matrix : (n_classes, n_classes) array
        Counts, or shares.
    display_labels : sequence or None, default=None
        Names of the classes; None counts them from 0.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

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
        self.confusion_matrix = confusion_matrix
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
        """
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
        ax = self._take_axes(ax, (side + 0.8, side))
        whole = self.confusion_matrix.dtype.kind in "iu"
        drawn = _ScikitLearnDisplay(self.confusion_matrix, display_labels=self.display_labels)
        drawn.plot(
            ax=ax,
            include_values=few,
            cmap="Blues",
            values_format="d" if whole else ".2f",
            xticks_rotation="vertical" if n_classes > 6 else "horizontal",
        )
        drawn.im_.set_clim(0, None if whole else max(1e-12, float(self.confusion_matrix.max())))
        if not few:
            ax.tick_params(labelsize=max(4.0, 9.5 - 0.1 * n_classes))
        return self
