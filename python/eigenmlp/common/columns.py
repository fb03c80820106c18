"""Names of a table's columns, which belong to the model, and columns put in their order."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.common.words import listed, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

__all__ = ["checked_names", "in_order", "names_of", "refuse_repeated", "repeated"]

_MOST_NAMES = 100  # in a message


def checked_names(names: object, n_features: int) -> tuple[str, ...]:
    """Return the names of a model's features, one text a feature.

    An estimator takes the same name twice, as scikit-learn's do.

    Raises
    ------
    TypeError, ValueError
        If they are something else.
    """
    if isinstance(names, np.ndarray):
        names = names.tolist()
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise TypeError("feature_names must be a list of texts, one for each feature, or None")
    if len(names) != n_features:
        raise ValueError(f"feature_names has {len(names)} names for {n_features} features")
    return tuple(map(str, names))


def repeated(names: Sequence[str]) -> str | None:
    """Return the first name that occurs more than once, or None."""
    return next((name for name, count in Counter(names).items() if count > 1), None)


def refuse_repeated(names: Sequence[str]) -> None:
    """Refuse names that don't tell columns apart.

    Raises
    ------
    ValueError
        If several are the same.
    """
    name = repeated(names)
    if name is not None:
        raise ValueError(
            f"several columns are called {shown(name)}, so that names can't tell "
            "them apart; give each its own name, or pass an array, whose columns go by places"
        )


def names_of(X: object) -> tuple[str, ...] | None:
    """Return the names of a table's columns; None of what names none.

    Tables are what has ``columns``, as pandas' and polars' do, or ``column_names``, as Arrow's.
    Labels that are not texts are names, too, but for the places 0, 1, 2, … that pandas gives to
    columns without names.

    Raises
    ------
    ValueError
        If several columns have the same name.
    """
    labels = _labels(X)
    if labels is None or labels == list(range(len(labels))):
        return None
    names = tuple(map(str, labels))
    refuse_repeated(names)
    return names


def in_order(X: ArrayLike, names: Sequence[str] | None, *, exact: bool = False) -> ArrayLike:
    """Put a table's columns in the order of the names that a model knows.

    Parameters
    ----------
    X : array-like
        What names no columns stays as it is.
    names : sequence of str or None
        None if the model knows none: columns then go by their places.
    exact : bool, default=False
        Refuse further columns rather than leave them aside.

    Warns
    -----
    UserWarning
        If further columns are left aside.

    Raises
    ------
    ValueError
        If the table lacks a column, or names can't tell its columns apart, or it has further ones
        and is to be `exact`.
    """
    labels = _labels(X)
    if labels is None:
        return X
    if names is None:
        _refuse_moved_places(labels)
        return X
    if list(map(str, labels)) == list(names):
        return X
    found = names_of(X)
    if found is None:
        return X
    known, given = set(names), set(found)
    missing = [name for name in names if name not in given]
    further = [name for name in found if name not in known]
    if missing or (further and exact):
        _refuse(names, missing, further)
    refuse_repeated(names)
    if further:
        warnings.warn(
            f"X has columns that the network was not trained on, which are left aside: "
            f"{_quoted(further)}",
            UserWarning,
            stacklevel=4,
        )
    place = {name: index for index, name in enumerate(found)}
    ordered: ArrayLike = _taken(X, [place[name] for name in names], labels)
    return ordered


def _labels(X: object) -> list[Any] | None:
    if isinstance(X, (np.ndarray, list, tuple)):
        return None
    labels = getattr(X, "column_names", None)  # first: Arrow's `columns` are the values
    if labels is None:
        labels = getattr(X, "columns", None)
    return list(labels) if isinstance(labels, Iterable) else None


def _refuse_moved_places(labels: list[Any]) -> None:
    """Refuse places that pandas has given, and that have been moved since."""
    places = list(range(len(labels)))
    numbered = all(type(label) is int for label in labels)
    if numbered and labels != places and sorted(labels) == places:
        raise ValueError(
            f"X has the columns {listed(labels)}, in this order, but the network "
            "knows no names and goes by places: pass them in the order of training, as an array"
        )


def _refuse(names: Sequence[str], missing: list[str], further: list[str]) -> None:
    wrong = []
    if missing:
        wrong.append(f"lacks {len(missing)} of the {len(names)} columns: {_quoted(missing)}")
    if further:
        wrong.append(f"has {len(further)} that the network doesn't know: {_quoted(further)}")
    raise ValueError(
        f"X {'; it '.join(wrong)}. The network was trained on {_quoted(names)}: name the columns "
        "as they were then, or pass an array, whose columns go by their places"
    )


def _taken(X: Any, places: list[int], labels: list[Any]) -> Any:
    if hasattr(X, "iloc"):  # pandas and Dask, whose labels may be of any type
        return X.iloc[:, places]
    chosen = [labels[place] for place in places]
    return X.select(chosen) if hasattr(X, "select") else X[chosen]  # polars and Arrow have it


def _quoted(names: Sequence[str]) -> str:
    return listed([repr(name) for name in names], most=_MOST_NAMES)
