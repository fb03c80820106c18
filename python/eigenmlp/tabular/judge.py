"""Which epoch a model ends with: the last of the best of a monitor."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

from sklearn.metrics import get_scorer

from eigenmlp.callbacks import EarlyStopping
from eigenmlp.history import History

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from eigenmlp.callbacks import TrainingState
    from eigenmlp.network import Network

__all__ = ["Judge", "Prepared", "scores_labels", "value_of"]

_OF_LABELS = ("accuracy", "balanced_accuracy", "f1", "jaccard", "precision", "recall", "matthews")


class Prepared:
    """Rows of a table that have been prepared, in the place of the table.

    Parameters
    ----------
    features : (n_rows, n_features) array, or sparse in CSR
    """

    def __init__(self, features: Any) -> None:
        self.features = features

    def __len__(self) -> int:
        return int(self.features.shape[0])


class Judge(EarlyStopping):
    """Keeps the parameters of the best epoch, the last of those that are equally good.

    Parameters
    ----------
    value : callable or None
        Of the training's state after an epoch, the larger the better; None keeps the last epoch.
    stops : callable
        Of the training's state after an epoch: whether training ends with it.
    """

    def __init__(
        self,
        value: Callable[[TrainingState], float] | None,
        stops: Callable[[TrainingState], bool],
    ) -> None:
        super().__init__("val_loss", mode="max", last_of_best=True, restore_best=value is not None)
        self._value_of = value
        self._stops = stops
        self.history = History()

    def on_train_begin(self, state: TrainingState) -> None:
        """Begin to keep what is measured."""
        super().on_train_begin(state)
        self.history = state.history

    def on_epoch_end(self, state: TrainingState) -> bool:
        """Judge the epoch; True if training ends with it."""
        super().on_epoch_end(state)
        return self._stops(state)

    def _value(self, state: TrainingState) -> float:
        return math.nan if self._value_of is None else self._value_of(state)


def scores_labels(monitor: object) -> bool:
    """Tell whether a monitor scores labels rather than probabilities.

    Smoothed targets make better labels, and worse probabilities (Holzmüller et al., 2024).
    """
    return isinstance(monitor, str) and monitor.startswith(_OF_LABELS)


def value_of(
    estimator: Any, held_out: Prepared, y: NDArray[Any], weights: NDArray[Any] | None
) -> Callable[[TrainingState], float]:
    """Return the function that judges an epoch, by the estimator's `monitor`.

    Parameters
    ----------
    estimator : BaseTabular
        With all that it predicts by but its networks.
    held_out : Prepared
    y : (n_samples,) or (n_samples, n_outputs) array
        As the user passed them.
    weights : (n_samples,) array or None
    """
    monitor = estimator.monitor
    if monitor == "loss":
        return lambda state: -float(state.history.last["val_loss"])
    if monitor == "accuracy":
        return lambda state: float(state.history.last["val_accuracy"])
    scorer = get_scorer(monitor)
    # A function of the user's own takes no weights; scikit-learn's scorers do.
    weighs = weights is not None and scorer is not monitor
    passed = {"sample_weight": weights} if weighs else {}
    stand_in = copy.copy(estimator)

    def score(state: TrainingState) -> float:
        network: Network = state.network
        stand_in.networks_ = [network]
        return float(scorer(stand_in, held_out, y, **passed))

    return score
