"""What a finished run and a finished study are, as read back from disk.

`report.write_report(output, data, study)` renders a `StudyResults`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from eigenmlp.history import History
from eigenmlp.network import Network, load_network
from eigenmlp.sweeps.specs import RunSpec

__all__ = ["Metrics", "RunFailure", "RunResult", "StudyResults"]


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """A network's losses (cross-entropy, no penalty) and scores on the three parts of the data.

    `test_recall` has one entry a class: the share of its test images that were recognised, NaN
    for a class without test images. `test_balanced_accuracy` is the mean of the others.
    `test_macro_f1` is the mean F1 over the classes that occur among the labels or the predictions,
    0 for a class never recognised: scikit-learn's `f1_score(average="macro")`.
    `test_noise_accuracy` is the accuracy on the test images under each of `noise.NOISE_LEVELS`.
    """

    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    test_loss: float
    test_accuracy: float
    test_balanced_accuracy: float
    test_macro_f1: float
    test_recall: tuple[float, ...]
    test_noise_accuracy: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """A finished run.

    Parameters
    ----------
    spec : RunSpec
        What was run; `spec.seed` is the seed of this very run.
    history : History
        One entry an epoch. Columns train_loss, train_accuracy, val_loss, val_accuracy,
        learning_rate and seconds; with λ > 0 also l2_penalty, (λ'/2) Σ‖W‖² after the epoch with
        the λ' that the gradient used (biases included where the run penalises them).
    best_epoch : int
        Epoch, counted from 0, of the lowest validation loss.
    last, best : Metrics
        With the weights of the last epoch, and with those of the best epoch restored.
    seconds : float
        Time the training took.
    test_probabilities_last, test_probabilities_best : ndarray of shape (n_test, n_classes), float32
        Predicted probabilities of the test samples, in the order of the split.
    folder : Path
        Where the run lies on disk.
    """

    spec: RunSpec
    history: History
    best_epoch: int
    last: Metrics
    best: Metrics
    seconds: float
    test_probabilities_last: np.ndarray
    test_probabilities_best: np.ndarray
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


@dataclass(frozen=True, kw_only=True)
class StudyResults:
    """A finished study.

    Parameters
    ----------
    groups : tuple of str
        Parts of the study that were asked for, in the study's order: "m0", "fig2", "search", ...
    runs : mapping of str to tuple of RunResult
        Spec name to its finished runs, one a seed; a spec whose every seed failed is missing.
    failures : mapping of str to tuple of RunFailure
        Spec name to its diverged runs; only specs that have any.
    n_seeds : int
        Seeds asked for.
    quick : bool
        Whether runs and data were cut short for a first look.
    predicted_by : RunResult or None
        Run of the lowest validation loss, whose best weights made predictions.csv; None when
        there was nothing to predict or every run failed.
    """

    groups: tuple[str, ...]
    runs: Mapping[str, tuple[RunResult, ...]]
    failures: Mapping[str, tuple[RunFailure, ...]]
    n_seeds: int
    quick: bool
    predicted_by: RunResult | None

    @cached_property
    def all_runs(self) -> tuple[RunResult, ...]:
        """Every finished run, in the study's order."""
        return tuple(run for runs in self.runs.values() for run in runs)

    @cached_property
    def all_failures(self) -> tuple[RunFailure, ...]:
        """Every diverged run, in the study's order."""
        return tuple(failure for failures in self.failures.values() for failure in failures)
