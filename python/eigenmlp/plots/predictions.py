"""Predicted numbers against true ones, with what is left between them."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from eigenmlp.plots.display import Display, tidy
from eigenmlp.plots.palette import MUTED, TRAINING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PredictionDisplay"]

_MOST_POINTS = 2000  # beyond, they hide each other


class PredictionDisplay(Display):
    """Predicted against true values, and below them the residuals, true less predicted.

    Parameters
    ----------
    y_true, y_pred : (n_samples,) array-like
        Finite numbers.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Predicted against true values.
    residuals_ax_ : matplotlib.axes.Axes
        Residuals against true values.
    figure_ : matplotlib.figure.Figure
    points_, residuals_ : matplotlib.collections.PathCollection
        Of more than 2,000 samples, so many drawn at random.

    Raises
    ------
    ValueError
        If there are no samples, not as many of both, or a value is not finite.

    Examples
    --------
    >>> import eigenmlp as em
    >>> display = em.plots.PredictionDisplay.from_predictions([1.0, 2.0, 3.0], [1.1, 1.9, 3.3])
    >>> display.ax_.get_ylabel()
    'predicted'
    """

    def __init__(self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> None:
        self.y_true = np.asarray(y_true, dtype=float)
        self.y_pred = np.asarray(y_pred, dtype=float)
        for name, values in (("y_true", self.y_true), ("y_pred", self.y_pred)):
            if values.ndim != 1 or not len(values):
                raise ValueError(
                    f"{name} has shape {values.shape}; pass (n_samples,) numbers, one output at a "
                    "time, of one sample or more"
                )
            if not np.isfinite(values).all():
                row = int(np.isfinite(values).argmin())
                raise ValueError(f"{name}[{row}] is {values[row]}; leave such samples out")
        if len(self.y_true) != len(self.y_pred):
            raise ValueError(
                f"y_true has {len(self.y_true)} samples, but y_pred has {len(self.y_pred)}"
            )

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, *, ax: "Axes | None" = None) -> Self:
        """Draw what a fitted regressor predicts of samples.

        Parameters
        ----------
        estimator : estimator
            Fitted, of one output.
        X, y : as for its `predict` and `fit`
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on, with room for the residuals below; None makes new ones.

        Returns
        -------
        PredictionDisplay
        """
        return cls(y, estimator.predict(X)).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, *, ax: "Axes | None" = None
    ) -> Self:
        """Draw predictions.

        Parameters
        ----------
        y_true, y_pred : (n_samples,) array-like
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes new ones.

        Returns
        -------
        PredictionDisplay
        """
        return cls(y_true, y_pred).plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw the values and the residuals.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes new ones.

        Returns
        -------
        PredictionDisplay
            This one.
        """
        own = ax is None
        ax = self._take_axes(ax, size=(5.6, 6.2))
        if own:  # a constrained layout leaves no room for what hangs below the axes
            self.figure_.set_layout_engine("none")
            ax.set_position((0.14, 0.37, 0.83, 0.57))
        below = ax.inset_axes((0, -0.45, 1, 0.4), sharex=ax)
        self.residuals_ax_ = below
        rows = np.arange(len(self.y_true))
        if len(rows) > _MOST_POINTS:
            rows = np.random.default_rng(0).choice(rows, _MOST_POINTS, replace=False)
        true, predicted = self.y_true[rows], self.y_pred[rows]
        style: dict[str, Any] = {"s": 14, "alpha": 0.45, "color": TRAINING, "linewidths": 0}
        for axes in (ax, below):
            tidy(axes)
        self.points_ = ax.scatter(true, predicted, **style)
        self.residuals_ = below.scatter(true, true - predicted, **style)
        ax.axline((float(true[0]), float(true[0])), slope=1, color=MUTED, linewidth=1)
        below.axhline(0, color=MUTED, linewidth=1)
        ax.tick_params(labelbottom=False)
        ax.set(ylabel="predicted")
        below.set(xlabel="true", ylabel="true - predicted")
        error = np.square(self.y_true - self.y_pred).mean()
        spread = float(self.y_true.var())
        told = f"R² {1 - error / spread:.3f}, " if spread else ""
        ax.set_title(f"{told}root mean square error {error**0.5:.4g}", fontsize="medium")
        return self
