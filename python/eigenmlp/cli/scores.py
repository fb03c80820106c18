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
from eigenmlp.losses import Loss
from eigenmlp.metrics import metrics_by_name

__all__ = ["as_scored", "score_line", "score_table"]

_Part = tuple[npt.NDArray[Any], npt.NDArray[Any]]


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


def score_table(network: em.Network, loss: Loss, parts: Sequence[_Part]) -> Table:
    """Score a network on its training data and, if there are any, on its validation data."""
    of_parts = [_scores(network, loss, *part) for part in parts]
    table = Table(box=None, pad_edge=False)
    for heading in ("", *of_parts[0]):
        table.add_column(heading, justify="right" if heading else "left")
    for name, scores in zip(("training", "validation"), of_parts, strict=False):
        table.add_row(name, *(f"{score:.4f}" for score in scores.values()))
    return table


def _scores(
    network: em.Network, loss: Loss, X: npt.NDArray[Any], y: npt.NDArray[Any]
) -> dict[str, float]:
    """Return the loss and what else tells how good predictions are, by its heading."""
    evaluation = network.evaluate(X, y, loss=loss)
    predicted = network.predict(X)
    scores = {"loss": evaluation.loss}
    if predicts_numbers(network):
        return {**scores, "R²": metrics_by_name(["r2"])["r2"](y, predicted)}
    scores["accuracy"] = evaluation.accuracy
    if network.output != "softmax":
        return scores
    # Imported here because it takes a second, and the help is to come at once.
    from sklearn.metrics import f1_score, recall_score  # noqa: PLC0415

    # The means are over the classes that occur.
    options = {"labels": np.unique(y), "average": "macro", "zero_division": 0}
    return {
        **scores,
        "balanced accuracy": recall_score(y, predicted, **options),
        "macro F1": f1_score(y, predicted, **options),
    }
