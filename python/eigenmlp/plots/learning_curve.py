"""Losses, and a score if there is one, against epochs."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from eigenmlp.plots.display import Display, tidy
from eigenmlp.plots.palette import BEST, MUTED, TRAINING, VALIDATION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LearningCurveDisplay"]


class LearningCurveDisplay(Display):
    """Training and validation loss against epochs, the best epoch of validation marked.

    Parameters
    ----------
    train_loss : sequence of float
        One value per epoch.
    validation_loss : sequence of float or None, default=None
        As many values, of validation data.
    validation_score : sequence of float or None, default=None
        As many values of a score, the larger the better; on an axis of its own.
    score_name : str, default="validation score"
        What the score is called.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The losses' axes.
    figure_ : matplotlib.figure.Figure
    lines_ : list of matplotlib.lines.Line2D
        Training loss, validation loss, a star at its lowest, validation score, as far as there are
        any. Without a validation loss the star is at the best score; a single epoch has none.

    Notes
    -----
    The legend of losses and a score stands above the axes, where it hides neither: a title needs
    room for it, as with ``display.ax_.set_title("…", pad=45)``.

    Raises
    ------
    ValueError
        If there are no epochs, or the curves differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> X, y = np.eye(4).repeat(5, axis=0), np.arange(4).repeat(5)
    >>> history = em.train(em.Network([4, 4], rng=0), X, y, epochs=5, rng=0)
    >>> display = em.plots.LearningCurveDisplay.from_history(history)
    >>> display.ax_.get_xlabel()
    'epoch'
    """

    def __init__(
        self,
        train_loss: Sequence[float],
        validation_loss: Sequence[float] | None = None,
        validation_score: Sequence[float] | None = None,
        *,
        score_name: str = "validation score",
    ) -> None:
        if len(train_loss) == 0:
            raise ValueError("there are no epochs to draw; train for one at least")
        for name, values in (("loss", validation_loss), ("score", validation_score)):
            if values is not None and len(values) != len(train_loss):
                raise ValueError(
                    f"the training loss has {len(train_loss)} epochs, but the validation {name} "
                    f"has {len(values)}"
                )
        self.train_loss = list(train_loss)
        self.validation_loss = None if validation_loss is None else list(validation_loss)
        self.validation_score = None if validation_score is None else list(validation_score)
        self.score_name = score_name

    @classmethod
    def from_history(
        cls, history: Mapping[str, Sequence[float]], *, ax: "Axes | None" = None
    ) -> Self:
        """Draw what `eigenmlp.train` returned.

        Parameters
        ----------
        history : History or mapping
            With ``train_loss``, and perhaps ``val_loss`` and ``val_accuracy``.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes new ones.

        Returns
        -------
        LearningCurveDisplay

        Raises
        ------
        ValueError
            If there is no training loss, or no epoch.
        """
        if "train_loss" not in history:
            columns = ", ".join(history) or "none"
            raise ValueError(
                f"the history has no 'train_loss' (its columns: {columns}); pass what "
                "eigenmlp.train returned"
            )
        display = cls(
            history["train_loss"],
            history.get("val_loss"),
            history.get("val_accuracy"),
            score_name="validation accuracy",
        )
        return display.plot(ax=ax)

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: "Axes | None" = None) -> Self:
        """Draw the curves of a fitted MLP, of eigenmlp or of scikit-learn.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Fitted by a solver that has epochs: it has a ``loss_curve_``.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes new ones.

        Returns
        -------
        LearningCurveDisplay

        Raises
        ------
        ValueError
            If it has no loss curve.
        """
        curve = getattr(estimator, "loss_curve_", None)
        if curve is None:
            raise ValueError(
                f"{type(estimator).__name__} has no loss_curve_: fit it first, by a solver that "
                "has epochs (sgd or adam)"
            )
        # Fits that went on with validation data after others without have it of their last epochs.
        validation = [
            None if values is None else [math.nan] * (len(curve) - len(values)) + list(values)
            for values in (
                getattr(estimator, "validation_loss_curve_", None),
                getattr(estimator, "validation_scores_", None),
            )
        ]
        display = cls(curve, *validation)
        return display.plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes new ones.

        Returns
        -------
        LearningCurveDisplay
            This one.
        """
        ax = self._take_axes(ax)
        tidy(ax)
        epochs = np.arange(1, len(self.train_loss) + 1)
        marker = "o" if len(epochs) == 1 else None
        self.lines_ = ax.plot(
            epochs, self.train_loss, color=TRAINING, marker=marker, label="training loss"
        )
        if self.validation_loss is not None:
            self.lines_ += ax.plot(
                epochs,
                self.validation_loss,
                color=VALIDATION,
                marker=marker,
                label="validation loss",
            )
            self._mark(
                ax, [-loss for loss in self.validation_loss], self.validation_loss, "lowest loss"
            )
        ax.set(xlabel="epoch", ylabel="loss")
        ax.locator_params(axis="x", integer=True, min_n_ticks=1)
        if self.validation_score is not None:
            self._plot_score(ax, epochs, self.validation_score, marker)
        if self.validation_score is None:
            ax.legend(handles=self.lines_, frameon=False)
        else:  # two scales leave no corner that is always free
            ax.legend(
                handles=self.lines_,
                frameon=False,
                loc="lower left",
                bbox_to_anchor=(0, 1),
                borderaxespad=0.2,
                ncols=2,
            )
        return self

    def _plot_score(
        self, ax: "Axes", epochs: Any, score: Sequence[float], marker: str | None
    ) -> None:
        alone = self.validation_loss is None
        score_ax = ax.twinx()
        score_ax.spines["top"].set_visible(False)
        self.lines_ += score_ax.plot(
            epochs,
            score,
            color=VALIDATION if alone else MUTED,
            linestyle="--",
            marker=marker,
            label=self.score_name,
        )
        score_ax.set_ylabel(self.score_name)
        if alone:
            self._mark(score_ax, score, score, "best score")

    def _mark(
        self, ax: "Axes", goodness: Sequence[float], values: Sequence[float], what: str
    ) -> None:
        """Put a star on the best epoch, if there is more than one to choose from."""
        numbers = [-math.inf if math.isnan(value) else value for value in goodness]
        if len(numbers) == 1 or max(numbers) == -math.inf:
            return
        best = int(np.argmax(numbers))
        self.lines_ += ax.plot(
            [best + 1],
            [values[best]],
            color=BEST,
            marker="*",
            markersize=11,
            linestyle="none",
            label=f"{what}: epoch {best + 1}",
            zorder=3,
        )
