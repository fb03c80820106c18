"""`eigenmlp predict` of a table: classes by name with their probabilities, or numbers."""

from __future__ import annotations

import contextlib
import csv
import io
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import typer
from sklearn.base import is_classifier

from eigenmlp.cli.described import plain
from eigenmlp.cli.table_training import read
from eigenmlp.common.words import listed, shown
from eigenmlp.errors import DataFileError
from eigenmlp.files.atomic import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
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
    frame = read(table, **reading, texts=_texts_of(model))
    for option, name in (("--id", identifier), ("--labels", target)):
        if name is not None and name not in frame:
            raise typer.BadParameter(
                f"{table} has no column {shown(name)}; it has {listed(list(frame), most=20)}.",
                param_hint=option,
            )
    shown_as = plain if output is None and sys.stdout.isatty() else str
    carried = None if identifier is None else frame[identifier].tolist()
    aside = {identifier, target} - {*getattr(model, "feature_names_in_", ())}
    X = frame.drop(columns=[name for name in aside if name is not None])
    with _warnings_told(told=True):
        columns = _predicted(model, X, classes=classes, probabilities=probabilities)
    names = _names(model, classes=classes, probabilities=probabilities)
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
        typer.echo(_score(model, X, frame[target]), err=True)


def _texts_of(model: Any) -> set[str]:
    """Return the names of the columns that the model reads as texts."""
    preparation = model._preparation  # noqa: SLF001
    names = [column.name for column in preparation.columns]
    return {names[place] for place in preparation.categories_of(names, preparation.named)}


def _score(model: Any, X: Any, target: Any) -> str:
    """Say how good the predictions of rows are whose target is known."""
    known = target.notna().to_numpy()
    if not known.any():
        raise DataFileError(
            f"column {shown(target.name)} is empty: there is nothing to compare with"
        )
    rows, y = X[known], target[known].tolist()
    with _warnings_told(told=False):
        if not is_classifier(model):
            return f"R² {model.score(rows, np.array(y, float)):.4f} on {len(rows):,} rows"
        labels = [_written(label) for label in model.predict(rows)]
    right = np.mean([label == _written(cell) for label, cell in zip(labels, y, strict=True)])
    return f"accuracy {right:.4f} on {len(rows):,} rows"


def _names(model: Any, *, classes: bool, probabilities: bool) -> list[str]:
    if not is_classifier(model):
        n_outputs = model.networks_[0].layer_sizes[-1]
        return ["prediction"] if n_outputs == 1 else [f"prediction_{k}" for k in range(n_outputs)]
    return ["class"] * classes + [
        f"probability_{_written(label)}" for label in model.classes_ if probabilities
    ]


def _predicted(model: Any, rows: Any, *, classes: bool, probabilities: bool) -> list[list[str]]:
    if not is_classifier(model):
        numbers = model.predict(rows)
        return [_numbers(column) for column in numbers.reshape(len(rows), -1).T]
    of_classes = model.predict_proba(rows)
    labels = model.classes_[of_classes.argmax(axis=1)]
    found = [[_written(label) for label in labels]] if classes else []
    return found + [_numbers(column) for column in of_classes.T if probabilities]


def _numbers(column: NDArray[Any]) -> list[str]:
    return [f"{number:.9g}" for number in column.tolist()]


def _written(cell: Any) -> str:
    """Return a cell as a file has it: 3 for 3.0, nothing for a gap."""
    if cell is None or cell != cell:  # noqa: PLR0124  NaN
        return ""
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)


@contextlib.contextmanager
def _warnings_told(*, told: bool) -> Iterator[None]:
    """Show what the model warns of as lines on standard error, or not at all."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in found if told else []:
        typer.echo(plain(str(warning.message)), err=True)
