"""Scores of an epoch, of training and of validation data."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from numpy.typing import ArrayLike

from eigenmlp._native import _core
from eigenmlp.common.array_likes import read_once
from eigenmlp.common.columns import in_order
from eigenmlp.common.words import type_of
from eigenmlp.losses import Loss
from eigenmlp.metrics import Metric, metrics_by_name
from eigenmlp.network import Evaluation, Network

__all__ = ["EpochSums", "Validation", "epoch_scores", "validation_from"]


class Validation(NamedTuple):
    """Validation data: checked for the core, and read as arrays."""

    samples: _core.Samples
    X: ArrayLike
    y: ArrayLike
    weights: ArrayLike | None
    metrics: dict[str, Metric]

    @property
    def data(self) -> dict[str, ArrayLike]:
        """What a run that resumes must have been given as well."""
        weights = {} if self.weights is None else {"weights_val": self.weights}
        return {"X_val": self.X, "y_val": self.y, **weights}

    def scores(
        self, network: Network, loss: Loss, allowed_threads: _core.Threads
    ) -> dict[str, float]:
        """Return the loss and, for classes, the accuracy."""
        evaluation = network._evaluate_samples([self.samples], loss, allowed_threads)
        return _named_scores("val", evaluation)

    def measures(self, network: Network, allowed_threads: _core.Threads) -> dict[str, float]:
        """Return the metrics that were asked for."""
        if not self.metrics:
            return {}
        predictions = network._predictions_of(self.samples, allowed_threads)
        return {f"val_{name}": float(of(self.y, predictions)) for name, of in self.metrics.items()}


@dataclass
class EpochSums:
    """What the batches of an epoch came to as they passed, added up.

    Attributes
    ----------
    n_steps : int
        Steps of the parts begun.
    learning_rate : float
        Of the last of them.
    diverged : bool
    n_batches, n_samples : int
        Finished batches, and samples in them.
    loss, correct, weight : float
        Sums over these samples.
    objective, penalty : float
        As the core's `EpochResult` has them.
    """

    n_steps: int = 0
    learning_rate: float = math.nan
    diverged: bool = False
    n_batches: int = 0
    n_samples: int = 0
    loss: float = 0.0
    correct: float = 0.0
    weight: float = 0.0
    objective: float = 0.0
    penalty: float = 0.0

    def add(self, n_steps: int, result: _core.EpochResult, learning_rate: float) -> None:
        """Add a part of the epoch."""
        self.n_steps += n_steps
        self.learning_rate = learning_rate
        self.diverged = result.diverged
        self.n_batches += result.n_batches
        self.n_samples += result.n_samples
        self.loss += result.loss
        self.correct += result.correct
        self.weight += result.weight
        self.objective += result.objective
        self.penalty += result.penalty


def epoch_scores(
    network: Network,
    sums: EpochSums,
    loss: Loss,
    allowed_threads: _core.Threads,
    *,
    penalized_loss: bool,
    whole: Iterable[_core.Samples] | None,
    validation: Validation | None,
) -> dict[str, float]:
    """Score an epoch by its batches as they passed, the whole training set and validation data."""
    scores = _training_scores(network, sums, penalized_loss)
    if whole is not None and not sums.diverged:
        evaluation = network._evaluate_samples(whole, loss, allowed_threads)
        scores.update(_named_scores("train", evaluation))
    if validation is not None and not sums.diverged:
        scores.update(validation.scores(network, loss, allowed_threads))
    return scores


def _training_scores(network: Network, sums: EpochSums, penalized_loss: bool) -> dict[str, float]:
    """Scores of the batches as they passed; NaN where none finished."""
    weight = sums.weight or math.nan
    scores = {"train_loss": sums.loss / weight}
    if network._architecture.classifies:
        scores["train_accuracy"] = sums.correct / weight
    if penalized_loss:
        n_samples = sums.n_samples or math.nan
        scores["train_penalized_loss"] = sums.objective / n_samples
        scores["train_penalty"] = sums.penalty / n_samples
    return scores


def _named_scores(name: str, evaluation: Evaluation) -> dict[str, float]:
    scores = {f"{name}_loss": evaluation.loss}
    if not math.isnan(evaluation.accuracy):
        scores[f"{name}_accuracy"] = evaluation.accuracy
    return scores


def validation_from(
    network: Network,
    loss: Loss,
    data: object,
    metrics: Sequence[str | Metric],
    feature_names: Sequence[str] | None,
) -> Validation | None:
    """Check validation data as they were given; None where there are none."""
    named = metrics_by_name(metrics)
    if data is None:
        if named:
            raise ValueError(
                f"metrics={list(named)} are measured of validation data; pass validation_data"
            )
        return None
    if not isinstance(data, (tuple, list)) or len(data) not in {2, 3}:
        raise TypeError(
            "validation_data must be a pair (X_val, y_val), or a triple with the samples' weights; "
            f"got {type_of(data)}"
        )
    X, y, weights = (*data, None)[:3]
    try:
        X = read_once(in_order(X, feature_names))
        y, weights = read_once(y), read_once(weights)
        return Validation(network._check_samples(X, y, loss, weights), X, y, weights, named)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from error
