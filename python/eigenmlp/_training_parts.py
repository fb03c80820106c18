"""What training is put together from: orders, rates, scores and validation data."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eigenmlp._arguments import flag, real_number
from eigenmlp._checks import read_once
from eigenmlp._columns import in_order
from eigenmlp._native import _core
from eigenmlp._words import shown, type_of
from eigenmlp.losses import Loss
from eigenmlp.metrics import Metric, metrics_by_name
from eigenmlp.network import Evaluation, Network
from eigenmlp.schedules import Schedule, rate_at

__all__ = [
    "Orders",
    "Validation",
    "check_unit",
    "epoch_rates",
    "epoch_scores",
    "gradient_bound",
    "validation_from",
    "without_arrays",
]


def check_unit(schedule_unit: object) -> None:
    if schedule_unit not in ("epoch", "step"):
        raise ValueError(f"schedule_unit={shown(schedule_unit)} is unknown; use 'epoch' or 'step'")


def gradient_bound(name: str, value: float | None) -> float:
    """Bound of a gradient; infinite where there is none."""
    if value is None:
        return math.inf
    bound = real_number(name, value, "pass a bound > 0, or None")
    if not 0 < bound < math.inf:
        raise ValueError(f"{name}={value} must be finite and > 0; None is no bound")
    return bound


class Orders:
    """The rows that epochs take: all, drawn anew, or chosen by the caller.

    Samples of weight 0 are left out: they are as absent.
    """

    def __init__(
        self,
        shuffle: bool | Callable[[int], ArrayLike],
        weights: ArrayLike | None,
        n_rows: int,
        rng: int | np.random.Generator | None,
    ) -> None:
        self._shuffle = shuffle if callable(shuffle) else flag("shuffle", shuffle)
        self._n_rows = n_rows
        self._present: NDArray[np.int64] | None = None
        if weights is not None:
            self._present = np.flatnonzero(np.asarray(weights))
        self._generator = np.random.default_rng(rng)

    @property
    def random_state(self) -> dict[str, Any]:
        """State of the generator that draws orders, as JSON can hold it."""
        state: dict[str, Any] = without_arrays(self._generator.bit_generator.state)
        return state

    @random_state.setter
    def random_state(self, state: dict[str, Any]) -> None:
        self._generator.bit_generator.state = state

    @property
    def n_samples(self) -> int:
        """Rows of weight > 0."""
        return self._n_rows if self._present is None else len(self._present)

    def of_epoch(self, epoch: int, batch_size: int) -> NDArray[np.int64] | None:
        """Return an epoch's rows in their order; None for all as they lie."""
        if callable(self._shuffle):
            return self._checked(epoch, self._shuffle(epoch))
        # The full batch has no order to draw.
        if not self._shuffle or batch_size >= self.n_samples:
            return self._present
        order = self._generator.permutation(self.n_samples)
        return order if self._present is None else self._present[order]

    def _checked(self, epoch: int, rows: ArrayLike) -> NDArray[np.int64]:
        order = np.asarray(rows)
        if order.ndim != 1 or order.dtype.kind not in "iu":
            raise TypeError(
                f"shuffle({epoch}) returned {shown(rows)}; it must return a 1-D array of row "
                "numbers"
            )
        if order.size and (order.min() < 0 or order.max() >= self._n_rows):
            raise ValueError(
                f"shuffle({epoch}) returned rows {order.min()} to {order.max()}, but X has the "
                f"rows 0 to {self._n_rows - 1}"
            )
        if self._present is not None:
            order = order[np.isin(order, self._present)]
        if not order.size:
            raise ValueError(f"shuffle({epoch}) returned no row of weight > 0; an epoch needs some")
        return order.astype(np.int64)


def without_arrays(value: Any) -> Any:
    """Turn the arrays of a nested dict into lists."""
    if isinstance(value, dict):
        return {name: without_arrays(entry) for name, entry in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def epoch_rates(
    schedule: Schedule, unit: Literal["epoch", "step"], epoch: int, steps: int, n_steps: int
) -> list[float]:
    """Learning rate of an epoch, or of each of its steps."""
    if unit == "epoch":
        return [rate_at(schedule, epoch)]
    return [rate_at(schedule, step) for step in range(steps, steps + n_steps)]


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
        return _named_scores("val", network._evaluate_samples(self.samples, loss, allowed_threads))

    def measures(self, network: Network, allowed_threads: _core.Threads) -> dict[str, float]:
        if not self.metrics:
            return {}
        predictions = network._predictions_of(self.samples, allowed_threads)
        return {f"val_{name}": float(of(self.y, predictions)) for name, of in self.metrics.items()}


def epoch_scores(
    network: Network,
    result: _core.EpochResult,
    loss: Loss,
    allowed_threads: _core.Threads,
    *,
    penalized_loss: bool,
    whole: _core.Samples | None,
    validation: Validation | None,
) -> dict[str, float]:
    """Score an epoch by its batches as they passed, the whole training set and validation data."""
    scores = _training_scores(network, result, penalized_loss)
    if whole is not None and not result.diverged:
        evaluation = network._evaluate_samples(whole, loss, allowed_threads)
        scores.update(_named_scores("train", evaluation))
    if validation is not None and not result.diverged:
        scores.update(validation.scores(network, loss, allowed_threads))
    return scores


def _training_scores(
    network: Network, result: _core.EpochResult, penalized_loss: bool
) -> dict[str, float]:
    """Scores of the batches as they passed; NaN where none finished."""
    weight = result.weight or math.nan
    scores = {"train_loss": result.loss / weight}
    if network._architecture.classifies:
        scores["train_accuracy"] = result.correct / weight
    if penalized_loss:
        n_samples = result.n_samples or math.nan
        scores["train_penalized_loss"] = result.objective / n_samples
        scores["train_penalty"] = result.penalty / n_samples
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
