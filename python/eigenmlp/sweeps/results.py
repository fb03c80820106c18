"""What a finished run is."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from eigenmlp.errors import ModelFileError
from eigenmlp.history import History
from eigenmlp.network import Network, load_network
from eigenmlp.sweeps.specs import RunSpec

__all__ = ["Metrics", "Outcome", "Place", "RunFailure", "RunResult"]


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """A network's losses (without penalty and smoothing) and scores on the parts of the data.

    Of numbers there are only the losses, of the loss that was trained for, and `test_r2`; of
    classes all but that. What there isn't, as without test data, is NaN.

    `test_recall` has one entry for each class: the share of its test samples that were recognised,
    NaN for a class without test samples. `test_balanced_accuracy` is the mean of the others.
    `test_macro_f1` is the mean F1 over the classes that occur among the labels or the predictions,
    0 for a class never recognised: scikit-learn's `f1_score(average="macro")`. `named` has the
    metrics of the spec, as "val_f1_macro" and "test_f1_macro". `further` has what the sweep was
    told to measure of the test samples as well.
    """

    train_loss: float
    val_loss: float
    test_loss: float = math.nan
    train_accuracy: float = math.nan
    val_accuracy: float = math.nan
    test_accuracy: float = math.nan
    test_balanced_accuracy: float = math.nan
    test_macro_f1: float = math.nan
    test_r2: float = math.nan
    test_recall: tuple[float, ...] = ()
    named: Mapping[str, float] = field(default_factory=dict)
    further: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def scores(self) -> dict[str, float]:
        """Return every score that there is by its name, losses first."""
        numbers = {name: value for name, value in vars(self).items() if isinstance(value, float)}
        return {k: v for k, v in {**numbers, **self.named}.items() if not math.isnan(v)}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a run was trained.

    Parameters
    ----------
    host : str
        Name of the machine.
    instruction_set : str
        As `eigenmlp.instruction_set` names it. Without fused multiply-add, "v2", bits differ.
    """

    host: str
    instruction_set: str


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
    place : Place
        Where it was trained.
    test_outputs_last, test_outputs_best : ndarray of shape (n_test, n_outputs) or None
        Predicted probabilities or numbers of the test samples, in the order of the data.
    folder : Path
        Where the run lies on disk.
    checksums : mapping of str to str
        SHA-256 of its files.
    """

    spec: RunSpec
    history: History
    best_epoch: int
    last: Metrics
    best: Metrics
    seconds: float
    place: Place
    test_outputs_last: np.ndarray | None
    test_outputs_best: np.ndarray | None
    folder: Path
    checksums: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def n_epochs(self) -> int:
        """Epochs that were run."""
        return self.history.n_epochs

    @property
    def stopped_early(self) -> bool:
        """Whether early stopping ended the run before its last epoch."""
        return self.n_epochs < self.spec.epochs

    def network(self, moment: Literal["best", "last"] = "best") -> Network:
        """Return the network as it was at its best epoch, or at its last.

        Raises
        ------
        ModelFileError, FileNotFoundError
            If its file has been damaged or removed since, or another sweep has put another run in
            its place.
        """
        path = self.folder / f"{moment}.safetensors"
        network = load_network(path)
        wanted = self.checksums.get(path.name)
        if wanted is not None and hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            raise ModelFileError(
                f"{path} is not as this run left it: a later sweep with another spec or other data "
                "has put its own in the place. Give each sweep a folder of its own, or take the "
                "network from what that sweep returned"
            )
        return network

    def outputs(self, moment: Literal["best", "last"] = "best") -> np.ndarray:
        """Return `test_outputs_best` or `test_outputs_last`.

        Raises
        ------
        ValueError
            If there are none.
        """
        found = self.test_outputs_best if moment == "best" else self.test_outputs_last
        if found is None:
            raise ValueError(f"{self.spec.name!r} was not tested: there were no test data")
        return found

    def load(self, moment: Literal["best", "last"] = "best") -> NDArray[Any]:
        """Return all weights of a moment in one array, as `Network.get_flat_parameters` does."""
        return self.network(moment).get_flat_parameters()


@dataclass(frozen=True, kw_only=True)
class RunFailure:
    """A run without a result.

    Parameters
    ----------
    spec : RunSpec
        What was run.
    kind : {"diverged", "raised", "lost"}
        Whether training diverged, or the validation loss was finite in no epoch; or it raised
        another error; or what trained it died, more often than it was tried anew. The first alone
        is not tried again by the next sweep.
    message : str
        What the error said.
    history : History
        The epochs before it, columns as in `RunResult`; may be empty.
    """

    spec: RunSpec
    kind: Literal["diverged", "raised", "lost"] = "diverged"
    message: str
    history: History

    def network(self, moment: str = "best") -> NoReturn:  # noqa: ARG002  as of a result
        """Raise a ValueError: there is none.

        Raises
        ------
        ValueError
            Always, with what became of the run.
        """
        raise ValueError(
            f"{self.spec.name!r}, seed {self.spec.seed}, has no network, since it {self.kind}: "
            f"{self.message}"
        )


Outcome = RunResult | RunFailure
