"""How good a trained network is, as a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.table import Table

import eigenmlp as em
from eigenmlp.cli.labels import picks_one_class
from eigenmlp.cli.predictions import predicts_numbers
from eigenmlp.export.view import view_of
from eigenmlp.metrics import metrics_by_name

__all__ = ["as_scored", "score_line", "score_table"]

_Part = tuple[npt.NDArray[Any], npt.NDArray[np.int64]]


def score_line(model: Any, X: npt.NDArray[Any], targets: npt.NDArray[Any]) -> str:
    """Say the loss, and what `score` of an estimator says, or else the accuracy or R²."""
    view = view_of(model)
    network = view.network
    loss = model._loss_function() if view.kind == "regressor" else None  # noqa: SLF001
    evaluation = network.evaluate(X, targets, loss=loss)
    if view.kind != "network":
        score = model.score(X, as_scored(model, targets))
    elif predicts_numbers(model):
        score = metrics_by_name(["r2"])["r2"](targets, network.predict(X))
    else:
        score = evaluation.accuracy
    what = "R²" if predicts_numbers(model) else "accuracy"
    return f"loss {evaluation.loss:.4f}, {what} {score:.4f} on {len(X):,} samples"


def as_scored(model: Any, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a network's targets as `score` of its model takes them."""
    view = view_of(model)
    if view.classes is None or not picks_one_class(view):
        return targets
    labels: npt.NDArray[Any] = view.classes[targets]
    return labels


def score_table(network: em.Network, parts: Sequence[_Part]) -> Table:
    """Score a network on its training data and, if there are any, on its validation data."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "loss", "accuracy", "balanced accuracy", "macro F1"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, part in zip(("training", "validation"), parts, strict=False):
        table.add_row(name, *(f"{score:.4f}" for score in _scores(network, *part)))
    return table


def _scores(
    network: em.Network, X: npt.NDArray[Any], y: npt.NDArray[np.int64]
) -> tuple[float, float, float, float]:
    """Loss, accuracy, and mean recall and F1 over the classes that occur in `y`."""
    # Imported here because it takes a second, and the help is to come at once.
    from sklearn.metrics import f1_score, recall_score  # noqa: PLC0415

    evaluation = network.evaluate(X, y)
    predicted = network.predict(X)
    options = {"labels": np.unique(y), "average": "macro", "zero_division": 0}
    return (
        evaluation.loss,
        evaluation.accuracy,
        recall_score(y, predicted, **options),
        f1_score(y, predicted, **options),
    )
