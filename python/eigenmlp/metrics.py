"""What else may be measured of predictions: names of scikit-learn's metrics, or functions."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["METRICS", "Metric", "metrics_by_name"]

# Of targets and predictions.
Metric = Callable[[Any, Any], float]


def _balanced_accuracy(y: Any, predictions: Any) -> float:
    from sklearn.metrics import balanced_accuracy_score

    return float(balanced_accuracy_score(y, predictions))


def _f1_macro(y: Any, predictions: Any) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(y, predictions, average="macro", zero_division=0.0))


def _r2(y: Any, predictions: Any) -> float:
    from sklearn.metrics import r2_score

    return float(r2_score(y, predictions))


METRICS: dict[str, Metric] = {
    "balanced_accuracy": _balanced_accuracy,
    "f1_macro": _f1_macro,
    "r2": _r2,
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

    Examples
    --------
    >>> from eigenmlp.metrics import metrics_by_name
    >>> metrics_by_name(["r2"])["r2"]([1.0, 2.0], [1.0, 2.0])
    1.0
    """
    if isinstance(metrics, str):
        raise TypeError(f"metrics={metrics!r} is a text; pass a list, [{metrics!r}]")
    named: dict[str, Metric] = {}
    for metric in metrics:
        if isinstance(metric, str):
            if metric not in METRICS:
                raise ValueError(
                    f"metrics has {metric!r}, which is unknown; use {', '.join(METRICS)} or a "
                    "function of (y, predictions)"
                )
            name, function = metric, METRICS[metric]
        elif callable(metric):
            name, function = _name_of(metric), metric
        else:
            raise TypeError(f"metrics has {metric!r}, which is no name and can't be called")
        if name in {"loss", "accuracy"}:
            raise ValueError(
                f"metrics has one named {name!r}, and val_{name} is measured anyway; give it "
                "another name"
            )
        if name in named:
            raise ValueError(f"metrics has two of the name {name!r}; give one another name")
        named[name] = function
    return named


def _name_of(metric: Metric) -> str:
    if isinstance(metric, functools.partial):
        return _name_of(metric.func)
    return str(getattr(metric, "__name__", type(metric).__name__))
