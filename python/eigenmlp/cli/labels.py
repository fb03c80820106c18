"""Labels that a file holds, as a model knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.common.words import listed, shortened, shown
from eigenmlp.datasets.values import label_vector, to_classes
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eigenmlp.export.view import ModelView

__all__ = ["has_names", "picks_one_class", "targets_of"]

_SHOWN = 8  # labels in a message


def picks_one_class(view: ModelView) -> bool:
    """Tell a model that picks one of several classes from one that gives labels or numbers."""
    if view.kind == "classifier":
        return not view.multilabel
    return view.network.output == "softmax"


def has_names(view: ModelView) -> bool:
    """Tell a classifier whose classes are texts."""
    return view.classes is not None and view.classes.dtype.kind in "UO"


def targets_of(
    view: ModelView,
    labels: NDArray[Any],
    source: str,
    *,
    n_samples: int,
    class_numbers: bool = False,
) -> NDArray[Any]:
    """Return labels as the model's network takes them in `evaluate`.

    With `class_numbers`, the labels of classes with names may be their numbers, from 0.

    Raises
    ------
    DataFileError
        If they are none that the model knows.
    """
    n_outputs = view.network.layer_sizes[-1]
    if view.kind == "classifier" and not view.multilabel:
        vector = label_vector(labels, source, n_samples=n_samples)
        return _class_indices(view, vector, source, class_numbers=class_numbers)
    if view.network.output == "softmax":
        return to_classes(labels, source, n_samples=n_samples, n_classes=n_outputs)
    return _numbers(view, labels, source, (n_samples, n_outputs))


def _class_indices(
    view: ModelView, labels: NDArray[Any], source: str, *, class_numbers: bool
) -> NDArray[np.int64]:
    """Return which of a classifier's classes each label is.

    Numbers are compared by value, whatever their type; texts as they are. A number and a text are
    the same if the text is what the number is written as.

    Raises
    ------
    DataFileError
        If a label is none of the classes.
    """
    assert view.classes is not None  # noqa: S101  a classifier has them
    places: dict[Any, int] = {}
    for place, label in enumerate(view.classes):
        places[str(label)] = place
        if view.classes.dtype.kind in "biuf":
            places[label.item()] = place
    numbers = {str(place): place for place in range(len(view.classes))}
    if class_numbers and has_names(view) and not numbers.keys() & places.keys():
        places |= numbers
    if labels.dtype.kind in "mM" and labels.dtype.kind == view.classes.dtype.kind:
        in_unit = labels.astype(view.classes.dtype)
        labels = in_unit if (in_unit == labels).all() else labels
    found = np.empty(len(labels), np.int64)
    unknown = []
    for row, label in enumerate(labels):
        value = label.item() if isinstance(label, np.generic) else label
        index = places.get(value, places.get(str(label)))
        if index is None:
            unknown.append((row, label))
            continue
        found[row] = index
    if unknown:
        row, label = unknown[0]
        classes = [repr(str(name)) if isinstance(name, str) else name for name in view.classes]
        raise DataFileError(
            f"{source} holds the label {_written(label)} in row {row + 1} (rows count from 1), "
            f"which is not a class of the model, and so in {len(unknown)} of {len(labels)} rows. "
            f"Its classes are {listed(classes, most=_SHOWN)}"
        )
    return found


def _numbers(
    view: ModelView, labels: NDArray[Any], source: str, shape: tuple[int, int]
) -> NDArray[Any]:
    what = "labels, 0 or 1 each" if view.network.output == "logistic" else "numbers"
    if labels.ndim == 1:
        labels = labels[:, None]
    if labels.shape != shape:
        raise DataFileError(
            f"{source} has shape {labels.shape}, but the model gives {shape[1]} {what}, of "
            f"{shape[0]} samples: save an array of shape {shape}, as .npy"
        )
    if labels.dtype.kind not in "biuf":
        raise DataFileError(
            f"{source} holds values of type {labels.dtype}, not {what}; the first is "
            f"{_written(labels[0, 0])}"
        )
    if view.network.output == "logistic":
        wrong = (labels != 0) & (labels != 1)
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise DataFileError(
                f"{source} holds {labels[row, column]} in row {row + 1}, column {column + 1} "
                f"(counted from 1), but the model gives {what}"
            )
        return labels.astype(np.int64)
    numbers = labels.astype(np.float64)
    fitting = np.isfinite(numbers)
    what = "a finite number"
    if view.network.output == "exponential":
        fitting &= numbers >= 0
        what = "a finite number of 0 or more, for those are what the model predicts"
    if not fitting.all():
        row, column = np.argwhere(~fitting)[0]
        place = f"row {row + 1}" + (f", column {column + 1}" if shape[1] > 1 else "")
        raise DataFileError(
            f"{source} holds {labels[row, column]} in {place} (counted from 1), where there must "
            f"be {what}. Put one or drop the row"
        )
    return numbers


def _written(label: Any) -> str:
    """Write a label as the model's user knows it: a text in quotes, a number without its type."""
    return shown(str(label)) if isinstance(label, str) else shortened(label)
