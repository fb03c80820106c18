"""How much a model's score falls where a column is shuffled."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from eigenmlp.common.words import shortened
from eigenmlp.plots.display import Display, tidy
from eigenmlp.plots.palette import MUTED, TRAINING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ImportanceDisplay"]

_MOST_COLUMNS = 20


class ImportanceDisplay(Display):
    """The fall of a score by shuffling each column, largest first.

    Parameters
    ----------
    importances : (n_columns, n_repeats) array-like
        Falls of the score, one for each repetition.
    names : sequence of str
        Of the columns.
    score_name : str, default="score"
        What falls.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    order_ : (n_shown,) array of int
        Columns shown, from the most important; at most 20.
    bars_ : matplotlib.container.BarContainer
        Means, with their standard deviations over the repetitions.

    Raises
    ------
    ValueError
        If there are no columns, or not as many names.

    References
    ----------
    L. Breiman, "Random Forests", Machine Learning 45, 2001, doi:10.1023/A:1010933404324.

    Examples
    --------
    >>> import eigenmlp as em
    >>> display = em.plots.ImportanceDisplay([[0.1, 0.2], [0.5, 0.4]], ["size", "town"]).plot()
    >>> display.order_.tolist()
    [1, 0]
    """

    def __init__(
        self, importances: npt.ArrayLike, names: Sequence[str], *, score_name: str = "score"
    ) -> None:
        self.importances = np.asarray(importances, dtype=float)
        if self.importances.ndim != 2 or not self.importances.size:
            raise ValueError(
                f"importances has shape {self.importances.shape}; pass (n_columns, n_repeats) "
                "numbers, of one column or more"
            )
        if len(names) != len(self.importances):
            raise ValueError(f"there are {len(names)} names for {len(self.importances)} columns")
        self.names = [str(name) for name in names]
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        scoring: Any = None,
        n_repeats: int = 5,
        random_state: Any = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Shuffle each column, and draw how much the score falls.

        Parameters
        ----------
        estimator : estimator
            Fitted.
        X : DataFrame or (n_samples, n_columns) array
            Samples that it was not fitted to.
        y : array-like
        scoring, n_repeats, random_state
            As for `sklearn.inspection.permutation_importance`.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes new ones.

        Returns
        -------
        ImportanceDisplay
        """
        # Imported here because it takes a second, and other displays don't need it.
        from sklearn.inspection import permutation_importance  # noqa: PLC0415

        found = permutation_importance(
            estimator, X, y, scoring=scoring, n_repeats=n_repeats, random_state=random_state
        )
        names = getattr(X, "columns", None)
        if names is None:
            names = [f"column {place}" for place in range(1, len(found.importances) + 1)]
        name = scoring if isinstance(scoring, str) else "score"
        return cls(found.importances, [*names], score_name=name).plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw a bar for each column.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes new ones.

        Returns
        -------
        ImportanceDisplay
            This one.
        """
        means = self.importances.mean(axis=1)
        self.order_ = np.argsort(-means, kind="stable")[:_MOST_COLUMNS]
        ax = self._take_axes(ax, size=(6.4, 1.2 + 0.3 * len(self.order_)))
        tidy(ax)
        ax.grid(visible=False, axis="y")
        self.bars_ = ax.barh(
            [shortened(self.names[place], 30) for place in self.order_],
            means[self.order_],
            xerr=self.importances.std(axis=1)[self.order_],
            color=TRAINING,
            ecolor=MUTED,
            height=0.7,
        )
        ax.invert_yaxis()
        ax.axvline(0, color=MUTED, linewidth=1)
        rest = len(means) - len(self.order_)
        further = f" ({rest} further columns not shown)" if rest else ""
        ax.set(xlabel=f"fall of the {self.score_name} when shuffled{further}")
        return self
