"""What a finished run is, as read back from disk."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eigenmlp.history import History
from eigenmlp.network import Network, load_network
from eigenmlp.sweeps.specs import RunSpec

__all__ = ["Metrics", "RunFailure", "RunResult"]


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """A network's losses (without penalty and smoothing) and scores on the parts of the data.

    Of numbers there are only the losses, of the loss that was trained for, and `test_r2`; of
    classes all but that. What there isn't is NaN.

    `test_recall` has one entry for each class: the share of its test samples that were recognised,
    NaN for a class without test samples. `test_balanced_accuracy` is the mean of the others.
    `test_macro_f1` is the mean F1 over the classes that occur among the labels or the predictions,
    0 for a class never recognised: scikit-learn's `f1_score(average="macro")`. `further` has what
    the sweep was told to measure of the test samples as well.
    """

    train_loss: float
    val_loss: float
    test_loss: float
    train_accuracy: float = math.nan
    val_accuracy: float = math.nan
    test_accuracy: float = math.nan
    test_balanced_accuracy: float = math.nan
    test_macro_f1: float = math.nan
    test_r2: float = math.nan
    test_recall: tuple[float, ...] = ()
    further: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """A finished run.

    Parameters
    ----------
    spec : RunSpec
        What was run; `spec.seed` is the seed of this very run.
    history : History
        One entry per epoch. Columns train_loss, train_accuracy, val_loss, val_accuracy,
        learning_rate and seconds, without accuracies of numbers; with λ > 0 also l2_penalty, (λ/2)
        Σ‖W‖² after the epoch with the λ that the gradient used (biases included where the run
        penalises them).
    best_epoch : int
        Epoch, counted from 0, of the lowest validation loss.
    last, best : Metrics
        With the weights of the last epoch, and with those of the best epoch restored.
    seconds : float
        Time the training took.
    test_outputs_last, test_outputs_best : ndarray of shape (n_test, n_outputs)
        Predicted probabilities or numbers of the test samples, in the order of the split.
    folder : Path
        Where the run lies on disk.
    """

    spec: RunSpec
    history: History
    best_epoch: int
    last: Metrics
    best: Metrics
    seconds: float
    test_outputs_last: np.ndarray
    test_outputs_best: np.ndarray
    folder: Path

    @property
    def n_epochs(self) -> int:
        """Epochs that were run."""
        return self.history.n_epochs

    @property
    def stopped_early(self) -> bool:
        """Whether early stopping ended the run before its last epoch."""
        return self.n_epochs < self.spec.epochs

    def load_best(self) -> Network:
        """Return the network with the weights of the best epoch."""
        return load_network(self.folder / "best.safetensors")


@dataclass(frozen=True, kw_only=True)
class RunFailure:
    """A run whose training diverged, or whose validation loss was finite in no epoch.

    Parameters
    ----------
    spec : RunSpec
        What was run.
    message : str
        What the error said.
    history : History
        The epochs before the one that diverged, columns as in `RunResult`; may be empty.
    """

    spec: RunSpec
    message: str
    history: History
