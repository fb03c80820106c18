"""What a model predicts, as lines of CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from eigenmlp.cli.labels import picks_one_class
from eigenmlp.export.view import view_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from eigenmlp.export.view import ModelView

__all__ = ["BLOCK", "csv_blocks", "predicts_numbers"]

BLOCK = 4096  # samples predicted and written together
_DIGITS = {4: 9, 8: 17}  # enough to read a float of so many bytes again, to the same bits


def predicts_numbers(model: Any) -> bool:
    """Tell a model of numbers from one of classes or labels."""
    return view_of(model).network.output in {"identity", "exponential"}


def csv_blocks(
    model: Any,
    X: NDArray[Any],
    *,
    classes: bool,
    probabilities: bool,
    shown: Callable[[str], str] = str,
) -> Iterator[str]:
    """Yield the header, and then what `predict` and `predict_proba` say of samples, in blocks.

    Parameters
    ----------
    model : Network, MLPClassifier or MLPRegressor
    X : (n_samples, n_features) array
    classes, probabilities : bool
        Which columns to write of a model that predicts both.
    shown : callable
        What is done to the classes' names.
    """
    view = view_of(model)
    numbers = predicts_numbers(model)
    of_predictions, of_probabilities = _names(view)
    names = of_predictions if classes or numbers else []
    names = names + (of_probabilities if probabilities else [])
    for start in range(0, len(X), BLOCK):
        rows = X[start : start + BLOCK]
        parts: list[Iterable[list[str]]] = []
        try:
            if numbers:
                parts.append(_of_numbers(model.predict(rows)))
            elif classes:
                parts.append(_of_labels(model.predict(rows), shown))
            if probabilities and not numbers:
                # Where there is one class, a second column has the probability of no class.
                parts.append(_of_numbers(model.predict_proba(rows)[:, : len(of_probabilities)]))
        except ArithmeticError as error:  # which counts the rows of this block
            before = f"after the first {start:,} samples, " if start else ""
            raise ArithmeticError(f"{before}{error}") from error
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if start == 0:  # not sooner, for wrong data are to leave no output
            writer.writerow(map(shown, names))
        for cells in zip(*parts, strict=True):
            writer.writerow([cell for part in cells for cell in part])
        yield text.getvalue()


def _names(view: ModelView) -> tuple[list[str], list[str]]:
    """Names of the columns of predictions, and of those of probabilities."""
    n_outputs = view.network.layer_sizes[-1]
    outputs = [str(index) for index in range(n_outputs)]
    if view.network.output in {"identity", "exponential"}:
        return ["prediction"] if n_outputs == 1 else [f"prediction_{k}" for k in outputs], []
    if view.classes is not None:
        labels = [str(label) for label in view.classes]
        probabilities = [f"probability_{label}" for label in labels]
        return (
            ["class"] if picks_one_class(view) else [f"class_{label}" for label in labels],
            probabilities,
        )
    if view.network.output == "softmax":
        return ["class"], [f"probability_{k}" for k in outputs]
    if n_outputs == 1:  # of two classes, 0 and 1, whose second one it is the probability of
        return ["class"], ["probability_1"]
    return [f"output_{k}" for k in outputs], [f"probability_output_{k}" for k in outputs]


def _of_numbers(values: NDArray[Any]) -> Iterator[list[str]]:
    digits = _DIGITS[values.dtype.itemsize]
    for row in values.reshape(len(values), -1).tolist():
        yield [f"{number:.{digits}g}" for number in row]


def _of_labels(labels: Any, shown: Callable[[str], str]) -> Iterator[list[str]]:
    array = labels.toarray() if hasattr(labels, "toarray") else labels  # sparse, as y was
    for row in array.reshape(len(array), -1):
        yield [shown(str(label)) for label in row]
