"""Whether a classifier's confidence is worth what it says."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eigenmlp.common.arguments import whole_number
from eigenmlp.common.words import listed
from eigenmlp.plots.display import Display, tidy
from eigenmlp.plots.palette import MUTED, PALE, TRAINING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ReliabilityDisplay"]


class ReliabilityDisplay(Display):
    r"""Accuracy against confidence, for any number of classes.

    A prediction's confidence is its probability, the largest of all classes. Samples are put into
    bins of equal width by it, a sample on an edge into the upper one; each bin's accuracy is drawn
    at its mean confidence, and its share of the samples below. On the diagonal confidence is
    accuracy. The expected calibration error [1]_ is the mean distance from it,

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n} |\mathrm{accuracy}_b - \mathrm{confidence}_b|

    For the calibration of a single class, scikit-learn has ``CalibrationDisplay``.

    Parameters
    ----------
    confidence, accuracy : (n_bins,) arrays
        Means over the samples of each bin, 0 to 1; NaN for bins without samples.
    counts : (n_bins,) array of int
        Samples of each bin, at least one in all.

    Attributes
    ----------
    expected_calibration_error : float
        0 (calibrated) to 1.
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks",
       ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> proba = np.array([[0.75, 0.25], [0.75, 0.25], [0.25, 0.75], [0.25, 0.75]])
    >>> display = em.plots.ReliabilityDisplay.from_predictions([0, 0, 1, 0], proba)
    >>> display.expected_calibration_error
    0.0
    """

    def __init__(
        self,
        confidence: NDArray[np.float64],
        accuracy: NDArray[np.float64],
        counts: NDArray[np.int64],
    ) -> None:
        self.confidence = confidence
        self.accuracy = accuracy
        self.counts = counts
        gaps = np.abs(accuracy - confidence)
        self.expected_calibration_error = float(np.nansum(gaps * counts) / counts.sum())

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike,
        *,
        n_bins: int = 10,
        ax: "Axes | None" = None,
    ) -> Self:
        """Predict probabilities and draw.

        Parameters
        ----------
        estimator : classifier
            Fitted, with ``predict_proba`` and ``classes_``.
        X : (n_samples, n_features) array
        y : (n_samples,) array
            The true classes, of ``estimator.classes_``.
        n_bins, ax
            As for `from_predictions`.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError
            As for `from_predictions`, and if y holds a class that the estimator doesn't know.
        """
        proba = estimator.predict_proba(X)  # first: it says so if the estimator isn't fitted
        classes = np.asarray(estimator.classes_)
        labels = np.asarray(y)
        known = np.isin(labels, classes)
        if not known.all():
            raise ValueError(
                f"y holds {labels[~known][0]}, which is not a class of the estimator; it knows "
                f"{listed(classes.tolist())}"
            )
        return cls.from_predictions(np.searchsorted(classes, labels), proba, n_bins=n_bins, ax=ax)

    @classmethod
    def from_predictions(
        cls, y: ArrayLike, proba: ArrayLike, *, n_bins: int = 10, ax: "Axes | None" = None
    ) -> Self:
        """Put predictions into bins and draw.

        Parameters
        ----------
        y : (n_samples,) array of int
            Indices of the true classes.
        proba : (n_samples, n_classes) array
            Probabilities; rows sum to 1.
        n_bins : int, default=10
            Bins of equal width between 0 and 1, >= 1.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes new ones.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError
            If the shapes don't fit, there are no samples, a label is not a column of the
            probabilities, or rows don't sum to 1.
        """
        n_bins = whole_number("n_bins", n_bins, minimum=1, remedy="pass 1 or more")
        labels, probabilities = np.asarray(y), np.asarray(proba, dtype=np.float64)
        _check(labels, probabilities)
        largest = probabilities.max(axis=1)
        right = probabilities.argmax(axis=1) == labels
        bins = np.minimum((largest * n_bins).astype(np.int64), n_bins - 1)
        counts = np.bincount(bins, minlength=n_bins)
        with np.errstate(invalid="ignore"):
            confidence = np.bincount(bins, largest, n_bins) / counts
            accuracy = np.bincount(bins, right.astype(np.float64), n_bins) / counts
        return cls(confidence, accuracy, counts).plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes new ones.

        Returns
        -------
        ReliabilityDisplay
            This one.
        """
        ax = self._take_axes(ax, (5.2, 5.0))
        tidy(ax)
        used = self.counts > 0
        width = 1 / len(self.counts)
        left = np.arange(len(self.counts)) * width
        share = self.counts / self.counts.sum()
        ax.bar(left, share, width, align="edge", color=PALE, edgecolor="white", label="samples")
        ax.plot([0, 1], [0, 1], color=MUTED, linestyle="--", label="calibrated")
        ax.plot(
            self.confidence[used],
            self.accuracy[used],
            color=TRAINING,
            marker="o",
            clip_on=False,  # a point at 1 is drawn whole
            label=f"model, ECE {self.expected_calibration_error:.3f}",
        )
        ax.set(
            xlabel="confidence",
            ylabel="accuracy, share of samples",
            xlim=(0, 1),
            ylim=(0, 1.02),
            aspect="equal",
        )
        ax.legend(frameon=False)
        return self


def _check(labels: NDArray[Any], proba: NDArray[np.float64]) -> None:
    if proba.ndim != 2 or labels.shape != proba.shape[:1] or proba.size == 0:
        raise ValueError(
            f"proba must have shape (n_samples, n_classes) and y (n_samples,), with one sample at "
            f"least and one class; got {proba.shape} and {labels.shape}"
        )
    if labels.dtype.kind not in "iub":
        raise ValueError(f"y must hold indices of proba's columns, got dtype {labels.dtype}")
    if labels.min() < 0 or labels.max() >= proba.shape[1]:
        raise ValueError(
            f"y must hold indices of proba's columns, 0 to {proba.shape[1] - 1}; got "
            f"{labels.min()} to {labels.max()}"
        )
    sums = proba.sum(axis=1)
    if not (np.abs(sums - 1) < 1e-3).all() or proba.min() < 0:
        row = int(np.argmax(~(np.abs(sums - 1) < 1e-3) | (proba.min(axis=1) < 0)))
        raise ValueError(
            f"proba[{row}] is {proba[row]}, which are not probabilities: they are >= 0 and sum to 1"
        )
