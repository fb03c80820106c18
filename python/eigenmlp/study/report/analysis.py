"""What the figures, the tables and the text of the report draw from a study's results.

Only numbers here: nothing is formatted, drawn or written.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from eigenmlp.study.data import StudyData
from eigenmlp.study.published import VALIDATION
from eigenmlp.study.results import StudyResults
from eigenmlp.study.study import MODELS, SPECS
from eigenmlp.sweeps.results import RunFailure, RunResult

__all__ = [
    "BestValidation",
    "Gap",
    "Misread",
    "Spread",
    "accuracy_gap",
    "best_run",
    "best_validation",
    "common_seeds",
    "curve",
    "has_penalty_inside",
    "label_of",
    "misread",
    "spread",
    "verdict",
]

MUCH = 0.10
"""Relative change of the validation loss from which a verdict says "much"."""
SLIGHT = 0.01
"""Relative change up to which a verdict says that nothing changed."""


@dataclass(frozen=True)
class Spread:
    """Mean over the seeds, and their standard deviation (n - 1); None with a single seed."""

    mean: float
    deviation: float | None


def spread(values: Iterable[float]) -> Spread:
    """Return mean and standard deviation of one value per seed.

    Examples
    --------
    >>> from eigenmlp.study.report.analysis import spread
    >>> spread([0.5, 0.75])
    Spread(mean=0.625, deviation=0.1767766952966369)
    """
    array = np.array(list(values), dtype=np.float64)
    return Spread(float(array.mean()), float(array.std(ddof=1)) if array.size > 1 else None)


def label_of(study: StudyResults, name: str) -> str:
    """Return what legends and tables call the run `name`."""
    for outcomes in (study.runs, study.failures):
        if name in outcomes:
            return outcomes[name][0].spec.label
    return SPECS[name].label


def has_penalty_inside(names: Sequence[str]) -> bool:
    """Whether the published losses of these runs include the L2 penalty."""
    return any(name in VALIDATION and VALIDATION[name].penalty_inside for name in names)


def curve(run: RunResult | RunFailure, column: str, *, penalised: bool = False) -> np.ndarray:
    """Return a column of the history, shape (n_epochs,); `penalised` adds the L2 penalty to it."""
    if run.history.n_epochs == 0:  # diverged in its first epoch
        return np.empty(0)
    values = np.array(run.history[column], dtype=np.float64)
    if penalised and "l2_penalty" in run.history:
        values = values + np.array(run.history["l2_penalty"], dtype=np.float64)
    return values


@dataclass(frozen=True)
class BestValidation:
    """The epoch of the lowest validation loss, counted from 0, and what was true there.

    `loss` includes the penalty where that was asked for, `cross_entropy` never does.
    """

    epoch: int
    loss: float
    cross_entropy: float
    accuracy: float
    last_accuracy: float


def best_validation(run: RunResult, *, penalised: bool = False) -> BestValidation:
    """Return the best epoch of a run by validation loss, with or without the L2 penalty in it."""
    values = curve(run, "val_loss", penalised=penalised)
    epoch = int(np.nanargmin(values))
    accuracies = run.history["val_accuracy"]
    return BestValidation(
        epoch=epoch,
        loss=float(values[epoch]),
        cross_entropy=run.history["val_loss"][epoch],
        accuracy=accuracies[epoch],
        last_accuracy=accuracies[-1],
    )


def best_run(study: StudyResults) -> RunResult | None:
    """Return the run of the lowest validation loss among the models of Table 1.

    Among all runs if none of those finished; None if no run finished at all.
    """
    models = [run for model in MODELS for run in study.runs.get(model.run, ())]
    # Of a run that is the beginning of another, nothing is known of the test set.
    tested = [run for run in study.all_runs if run.test_outputs_best is not None]
    return min(models or tested, key=lambda run: run.best.val_loss, default=None)


def verdict(before: float, after: float) -> str:
    """Judge a validation loss against the one before it, in the report's words.

    Examples
    --------
    >>> from eigenmlp.study.report.analysis import verdict
    >>> verdict(1.5, 1.45), verdict(1.5, 1.8), verdict(1.5, 1.501)
    ('better', 'much worse', 'no change')
    """
    change = (after - before) / before
    if abs(change) <= SLIGHT:
        return "no change"
    word = "better" if change < 0 else "worse"
    return f"much {word}" if abs(change) > MUCH else word


def common_seeds(*groups: Sequence[RunResult]) -> set[int]:
    """Return the seeds with which every one of these runs finished."""
    return set.intersection(*({run.spec.seed for run in runs} for runs in groups))


@dataclass(frozen=True)
class Gap:
    """Difference of two test accuracies, first minus second, and its standard error."""

    value: float
    error: float

    @property
    def is_clear(self) -> bool:
        """Whether the difference exceeds two standard errors."""
        return abs(self.value) > 2 * self.error


def accuracy_gap(data: StudyData, first: Sequence[RunResult], second: Sequence[RunResult]) -> Gap:
    """Return the gap in test accuracy between two runs, last weights, the seeds paired.

    Both classify the same test samples, so the standard error is that of the mean of the n
    differences dᵢ, right (1) or wrong (0) in the first less in the second averaged over the
    seeds: std(d) / √n, with n - 1 in the deviation.

    Raises
    ------
    ValueError
        If the runs have no seed in common.
    """
    seeds = common_seeds(first, second)
    if not seeds:
        raise ValueError("the runs have no seed in common")
    y = data.y[data.split[2]]

    def right(runs: Sequence[RunResult]) -> np.ndarray:
        hits = [run.outputs("last").argmax(axis=1) == y for run in runs if run.spec.seed in seeds]
        return np.asarray(np.mean(hits, axis=0))

    differences = right(first) - right(second)
    n = differences.size
    error = float(differences.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    return Gap(float(differences.mean()), error)


@dataclass(frozen=True)
class Misread:
    """A test sample taken for another class; `row` is its row of the data."""

    row: int
    true: int
    predicted: int
    probability: float


def misread(data: StudyData, probabilities: np.ndarray, limit: int) -> list[Misread]:
    """Return the misread test samples, most confident mistake first, at most `limit`."""
    rows = data.split[2]
    y, predicted = data.y[rows], probabilities.argmax(axis=1)
    confidence = probabilities[np.arange(len(rows)), predicted]
    wrong = np.flatnonzero(predicted != y)
    order = wrong[np.argsort(-confidence[wrong], kind="stable")][:limit]
    return [
        Misread(
            row=int(rows[i]),
            true=int(y[i]),
            predicted=int(predicted[i]),
            probability=float(confidence[i]),
        )
        for i in order
    ]
