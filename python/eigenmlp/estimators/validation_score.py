"""The score of validation data after an epoch, by which a fit stops and returns to its best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.base import is_classifier
from sklearn.metrics import get_scorer

if TYPE_CHECKING:
    from collections.abc import Callable

    from eigenmlp.estimators.base import BaseMLP
    from eigenmlp.estimators.samples import FitSamples

__all__ = ["score_of_epoch"]


def score_of_epoch(estimator: BaseMLP, held_out: FitSamples) -> Callable[[dict[str, float]], float]:
    """Return a function from an epoch's row of the history to its score; larger is better."""
    monitor = estimator.monitor
    if monitor == "loss":
        return lambda row: -estimator._reported_loss(row["val_loss"], 0.0)
    if monitor in {None, "accuracy"} and _is_measured_anyway(estimator, held_out):
        return lambda row: row["val_accuracy"]
    # Predicts from the same network, and doesn't miss the columns' names.
    nameless = object.__new__(type(estimator))
    nameless.__dict__.update(estimator.__dict__)
    nameless.__dict__.pop("feature_names_in_", None)
    scorer = type(estimator).score if monitor is None else get_scorer(monitor)
    y = estimator._labels(held_out.y)
    # A function of your own takes no weights; scikit-learn's scorers do.
    weighs = held_out.weights is not None and monitor is not scorer
    weights = {"sample_weight": held_out.weights} if weighs else {}

    def score(_row: dict[str, float]) -> float:
        nameless._show()
        return float(scorer(nameless, held_out.X, y, **weights))

    return score


def _is_measured_anyway(estimator: BaseMLP, held_out: FitSamples) -> bool:
    """Whether `score` is, to the bit, the accuracy that training measures anyway.

    A single class is predicted whatever the outputs are; smoothed targets may round to 0.5;
    weights are summed in another order; and a user's subclass may predict or score otherwise.
    """
    return (
        is_classifier(estimator)
        and type(estimator).__module__.partition(".")[0] == "eigenmlp"
        and held_out.weights is None
        and (estimator.out_activation_ == "softmax" or estimator.label_smoothing == 0)
        and (estimator.n_outputs_ > 1 or len(estimator.classes_) > 1)
    )
