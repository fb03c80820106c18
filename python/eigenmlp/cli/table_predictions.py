"""`eigenmlp predict` of a table: classes by name with their probabilities, or numbers."""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import typer
from sklearn.base import is_classifier

from eigenmlp.cli.described import plain
from eigenmlp.cli.table_reading import read, refuse_unknown_columns, warnings_told
from eigenmlp.common.words import shown
from eigenmlp.errors import DataFileError
from eigenmlp.files.atomic import write_atomically
from eigenmlp.metrics import metrics_by_name
from eigenmlp.tabular.columns import columns_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["predict_table"]


def predict_table(
    model: Any,
    table: str,
    target: str | None,
    *,
    reading: dict[str, Any],
    identifier: str | None,
    classes: bool,
    probabilities: bool,
    output: Path | None,
) -> None:
    """Write what a model says of a table's rows, and how good that is if the target is known.

    `reading` is what `read` takes beside the file; `identifier` a column that is carried along, the
    first.

    Raises
    ------
    DataFileError, ValueError
        If the table can't be read, or lacks columns of training.
    """
    texts, numbers = _known(model, target, identifier)
    named = {"--id": identifier, "--labels": target}
    asked = {option: [name] for option, name in named.items() if name is not None}
    beside = [name for (name,) in asked.values()]
    frame = read(table, **reading, texts=texts, numbers=numbers, beside=beside)
    refuse_unknown_columns(table, frame, asked)
    shown_as = plain if output is None and sys.stdout.isatty() else str
    carried = None if identifier is None else frame[identifier].tolist()
    aside = {identifier, target} - {*getattr(model, "feature_names_in_", ())}
    X = frame.drop(columns=[name for name in aside if name is not None])
    with warnings_told():
        predicted, of_classes = _predicted(model, X)
    names = _names(model, classes=classes, probabilities=probabilities)
    if of_classes is None:
        columns = [_numbers(column) for column in predicted.reshape(len(X), -1).T]
    else:
        columns = [[*map(_written, predicted)]] if classes else []
        columns += [_numbers(column) for column in of_classes.T if probabilities]
    if carried is not None:
        names, columns = [str(identifier), *names], [[*map(_written, carried)], *columns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in [names, *zip(*columns, strict=True)]:
        writer.writerow([shown_as(cell) for cell in row])
    if output is None:
        sys.stdout.write(text.getvalue())
        sys.stdout.flush()
    else:
        write_atomically(output, text.getvalue().encode())
        typer.echo(f"Predictions of {len(frame):,} rows written to {output}.", err=True)
    if target is not None:
        typer.echo(_score(predicted, frame[target], of_numbers=of_classes is None), err=True)


def _known(
    model: Any, target: str | None, identifier: str | None
) -> tuple[set[str], set[str] | None]:
    """Return the names of columns that hold texts, and of all that hold numbers, if known."""
    preparation = model._preparation  # noqa: SLF001
    if preparation.named:
        numbers = preparation.numbers()
        if target is not None and (not is_classifier(model) or model.classes_.dtype.kind in "iuf"):
            numbers |= {target}
        return set(), numbers
    names = [column.name for column in preparation.columns]
    categories = {names[place] for place in preparation.categories_of(names, named=False)}
    return categories if identifier is None else {*categories, identifier}, None


def _predicted(model: Any, X: Any) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return numbers and None, or labels and probabilities."""
    if not is_classifier(model):
        return model.predict(X), None
    of_classes = model.predict_proba(X)
    return model.classes_[of_classes.argmax(axis=1)], of_classes


def _score(predicted: NDArray[Any], target: Any, *, of_numbers: bool) -> str:
    """Say how good the predictions of rows are whose target is known."""
    known = target.notna().to_numpy()
    if not known.any():
        raise DataFileError(
            f"column {shown(target.name)} is empty: there is nothing to compare with"
        )
    found, given = predicted[known], target[known]
    if of_numbers:
        ((column,), _) = columns_of(given.to_frame(), categorical=lambda *_: set())
        score = metrics_by_name(["r2"])["r2"](column.as_number(), found)
        return f"R² {score:.4f} on {len(found):,} rows"
    right = np.mean([_written(a) == _written(b) for a, b in zip(found, given, strict=True)])
    return f"accuracy {right:.4f} on {len(found):,} rows"


def _names(model: Any, *, classes: bool, probabilities: bool) -> list[str]:
    if not is_classifier(model):
        n_outputs = model.networks_[0].layer_sizes[-1]
        return ["prediction"] if n_outputs == 1 else [f"prediction_{k}" for k in range(n_outputs)]
    return ["class"] * classes + [
        f"probability_{_written(label)}" for label in model.classes_ if probabilities
    ]


def _numbers(column: NDArray[Any]) -> list[str]:
    return [f"{number:.9g}" for number in column.tolist()]


def _written(cell: Any) -> str:
    """Return a cell as a file has it: 3 for 3.0, nothing for a gap."""
    if cell is None or cell != cell:  # noqa: PLR0124  NaN
        return ""
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)
