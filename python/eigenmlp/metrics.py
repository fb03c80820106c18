"""Further metrics of predictions: by the names of scikit-learn's, or as functions."""

import functools
import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from eigenmlp.common.words import shown

__all__ = ["METRICS", "Metric", "metrics_by_name"]

# Of targets and predictions.
Metric = Callable[[Any, Any], float]

# Functions of sklearn.metrics with their options.
METRICS: dict[str, tuple[str, dict[str, Any]]] = {
    "balanced_accuracy": ("balanced_accuracy_score", {}),
    "f1_macro": ("f1_score", {"average": "macro", "zero_division": 0.0}),
    "r2": ("r2_score", {}),
}


def metrics_by_name(metrics: Sequence[str | Metric]) -> dict[str, Metric]:
    """Return metrics by the name of their column.

    Parameters
    ----------
    metrics : sequence of str or callable
        Names of `METRICS`, or functions of (y, predictions), which go by their ``__name__``.

    Raises
    ------
    TypeError
        If one is neither.
    ValueError
        If a name is unknown, or two metrics have the same.
    RuntimeError
        If scikit-learn is named and can't be imported at this moment.

    Examples
    --------
    >>> from eigenmlp.metrics import metrics_by_name
    >>> metrics_by_name(["r2"])["r2"]([1.0, 2.0], [1.0, 2.0])
    1.0
    """
    if isinstance(metrics, str):
        raise TypeError(f"metrics={shown(metrics)} is a text; pass a list, [{shown(metrics)}]")
    if not isinstance(metrics, Iterable):
        raise TypeError(f"metrics={shown(metrics)} is not a list; pass a list, [] for none")
    named: dict[str, Metric] = {}
    for metric in metrics:
        if isinstance(metric, str):
            if metric not in METRICS:
                raise ValueError(
                    f"metrics has {shown(metric)}, which is unknown; use {', '.join(METRICS)} or a "
                    "function of (y, predictions)"
                )
            name, function = metric, _of_scikit_learn(metric)
        elif callable(metric):
            name, function = _name_of(metric), metric
        else:
            raise TypeError(f"metrics has {shown(metric)}, which is neither a name nor a function")
        if name in {"loss", "accuracy"}:
            raise ValueError(
                f"metrics has one named {shown(name)}, and val_{name} is measured anyway; give it "
                "another name"
            )
        if name in named:
            raise ValueError(f"metrics has two of the name {shown(name)}; give one another name")
        named[name] = function
    return named


def _of_scikit_learn(name: str) -> Metric:
    """Find a metric of scikit-learn's now, before training, since it may be too late after it."""
    function, options = METRICS[name]
    try:
        found = getattr(importlib.import_module("sklearn.metrics"), function)
    except (ImportError, AttributeError, RuntimeError) as error:
        raise RuntimeError(
            f"metrics has {name!r}, for which scikit-learn is imported, and that can't be done at "
            f"this moment ({error}): the interpreter is ending, or a signal's handler has "
            "interrupted that very import. Import sklearn.metrics when the program begins, or pass "
            "a function of (y, predictions)"
        ) from error
    return functools.partial(found, **options)


def _name_of(metric: Metric) -> str:
    if isinstance(metric, functools.partial):
        return _name_of(metric.func)
    return str(getattr(metric, "__name__", type(metric).__name__))
