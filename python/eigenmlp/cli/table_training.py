"""`eigenmlp train TABLE --target COLUMN`: a model of a table as it is."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import eigenmlp as em
from eigenmlp.cli.described import plain
from eigenmlp.cli.options import bad_usage_of, check_choice, flag_of
from eigenmlp.cli.table_reading import read, refuse_unknown_columns, warnings_told
from eigenmlp.common.words import listed, shortened, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["TASKS", "check_use", "is_given", "train_table"]

TASKS = ("auto", "classification", "regression")
_MOST_CLASSES = 10  # of whole numbers that are taken for classes
_EXACT = 2**53  # the largest number up to which float64 has every whole one
# Options of `train`: those for tables alone, and all that such a model takes.
_OF_TARGETS = {"task", "ignore", "categories", "networks", "encoding", "decimal", "missing"}
_OF_TABLES = _OF_TARGETS | {
    *(
        "images",
        "target",
        "header",
        "array",
        "validation",
        "epochs",
        "seed",
        "threads",
        "output",
        "force",
    ),
}


def check_use(
    context: typer.Context, labels: str | None, target: str | None, validation: float
) -> None:
    """Refuse options of `train` that don't go together, before anything is read."""
    if validation >= 1:
        raise typer.BadParameter(
            f"{validation:g} leaves nothing to train on; give a share below 1.",
            param_hint="--validation",
        )
    if (labels is None) == (target is None):
        both = "both are given" if labels is not None else "neither is given"
        raise typer.BadParameter(
            f"{both}; name the column of a table to predict as --target, or what the classes of "
            "samples are as --labels.",
            param_hint="--target, --labels",
        )
    for name in context.params:
        if not is_given(context, name):
            continue
        if target is not None and name not in _OF_TABLES:
            raise typer.BadParameter(
                "models of tables (--target) find their own settings and take none of this; leave "
                "it out, or train from Python.",
                param_hint=flag_of(name),
            )
        if target is None and name in _OF_TARGETS:
            raise typer.BadParameter(
                "it belongs to --target, for tables with words and gaps; leave it out.",
                param_hint=flag_of(name),
            )


def is_given(context: typer.Context, name: str) -> bool:
    """Tell an option that was typed from one at its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def train_table(
    table: str,
    target: str,
    *,
    reading: dict[str, Any],
    categories: Sequence[str],
    task: str,
    ignored: Sequence[str],
    held_out: float,
    networks: int,
    epochs: int | None,
    seed: int,
    threads: int | None,
    output: Path,
) -> None:
    """Train, show scores on samples held out, and save.

    `reading` is what `read` takes beside the file.

    Raises
    ------
    DataFileError
        If the table has no such column, or the target none to learn from.
    """
    # Imported here because it takes a second, and the help is to come at once.
    from eigenmlp.tabular.base import INTERRUPTED  # noqa: PLC0415
    from eigenmlp.tabular.held_out import held_out_rows  # noqa: PLC0415

    check_choice("--task", task, TASKS)
    # Nothing is asked about columns that are left aside.
    frame = read(
        table, **reading, texts=[*categories, *ignored], beside=[target, *categories, *ignored]
    )
    named = {"--target": [target], "--ignore": ignored, "--categories": categories}
    refuse_unknown_columns(table, frame, named)
    console = Console(highlight=False)
    X, y, gaps = _parts(table, target, frame, ignored, categories)
    classes, why = _is_of_classes(y, task)
    if classes:
        y = _labels(y)
    console.print(plain(f"Data     {len(y):,} rows, {X.shape[1]:,} columns{gaps}"), soft_wrap=True)
    console.print(plain(f"Target   {target}: {why}"), soft_wrap=True)
    options: dict[str, Any] = {
        "n_estimators": networks,
        "random_state": seed,
        "n_threads": threads,
        "verbose": "bar",
        # A text file's cells are texts then; a Parquet column has its type.
        "categorical_features": [name for name in categories if name not in {target, *ignored}],
        **({} if epochs is None else {"max_iter": epochs}),
    }
    model = (em.TabularClassifier if classes else em.TabularRegressor)(**options)
    kept, apart = np.arange(len(y)), np.arange(0)
    if held_out > 0:
        with bad_usage_of("--validation"):
            kept, apart = held_out_rows(
                y if classes else None, len(y), held_out, seed, name="--validation"
            )
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.fit(X.iloc[kept], y[kept])
    model.set_params(verbose=False)
    model.save(output)
    told = [str(warning.message) for warning in found]
    if INTERRUPTED in told:
        raise KeyboardInterrupt(
            f"Interrupted. The best model that training had come to is saved in {output}."
        )
    for line in told:
        typer.echo(plain(line), err=True)
    n_parameters = sum(network.n_parameters for network in model.networks_)
    console.print(f"Model    {n_parameters:,} parameters, {model.n_iter_} epochs")
    if len(apart):
        console.print()
        with warnings_told():
            scores = _score_table(model, X.iloc[apart], y[apart], y[kept], classes=classes)
        console.print(scores)
    console.print()
    console.print(plain(f"Model saved in {output}."), soft_wrap=True)


def _parts(
    table: str, target: str, frame: Any, ignored: Sequence[str], categories: Sequence[str]
) -> tuple[Any, np.ndarray, str]:
    """Return the columns to learn from, the target, and what is said of rows without one."""
    from eigenmlp.tabular.columns import chosen_by, columns_of  # noqa: PLC0415

    left = [name for name in frame.columns if name not in {target, *ignored}]
    if not left:
        raise typer.BadParameter(
            f"{table} has no other column to learn from than {shown(target)}"
            f"{', as the others are ignored' if ignored else ''}.",
            param_hint="--ignore" if ignored else "--target",
        )
    # All rows, since what is wrong is told by the row of the file.
    columns_of(frame[left], categorical=chosen_by({*left} & {*categories}))
    # Read as other columns are: dates are nothing to predict, and decimals are numbers.
    words = chosen_by({target} & {*categories})
    ((column,), _) = columns_of(frame[[target]], categorical=words)
    known = frame[target].notna().to_numpy()
    if not known.any():
        raise em.DataFileError(
            f"{table}: column {shown(target)} is empty; name another as --target"
        )
    values = column.cells[known]
    if (values == values[0]).all():
        value = shortened(_name(values[0]))
        raise em.DataFileError(
            f"{table}: column {shown(target)} holds {value} in every row, so that there is nothing "
            "to learn; name another as --target"
        )
    lacking = int((~known).sum())
    told = f"; {lacking:,} rows without {target} left aside" if lacking else ""
    return frame.loc[known, left], values, told


def _is_of_classes(y: np.ndarray, task: str) -> tuple[bool, str]:
    """Tell whether a target is of classes, and why, in words."""
    values = np.unique(y.astype(str) if y.dtype.kind == "O" else y)
    shown_values = listed([_name(value) for value in values], most=6)
    if y.dtype.kind not in "iuf":
        if task == "regression":
            raise typer.BadParameter(
                f"the target holds {shown_values}, of which no numbers can be predicted; leave it "
                "out, or correct the target.",
                param_hint="--task",
            )
        return True, f"classes, as it holds {shown_values}"
    whole = bool((y == np.round(y)).all() and (np.abs(y) <= _EXACT).all())
    if task == "classification" and not whole:
        raise typer.BadParameter(
            f"the target holds {shown_values}, but numbers that are classes are whole, and 2^53 at "
            "most; write others as words.",
            param_hint="--task",
        )
    consecutive = whole and np.ptp(values) + 1 == len(values)
    few = len(values) == 2 or (consecutive and len(values) <= _MOST_CLASSES)
    if task == "classification" or (task == "auto" and whole and few):
        other = "" if task != "auto" else " (--task regression predicts numbers)"
        return True, f"classes, as it holds {shown_values}{other}"
    other = " (--task classification tells classes)" if task == "auto" and whole else ""
    return False, f"numbers, {values[0]:g} to {values[-1]:g}{other}"


def _name(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def _labels(y: np.ndarray) -> np.ndarray:
    """Return labels as people write them: 1 for 1.0."""
    if y.dtype.kind == "f":
        return y.astype(np.int64)
    return y.astype(str) if y.dtype.kind == "O" else y


def _score_table(model: Any, X: Any, y: np.ndarray, learnt: np.ndarray, *, classes: bool) -> Table:
    """Score a model and the simplest guess on rows that neither has seen."""
    from sklearn.dummy import DummyClassifier, DummyRegressor  # noqa: PLC0415

    blank = np.zeros((len(learnt), 1))
    guess = (DummyClassifier() if classes else DummyRegressor()).fit(blank, learnt)
    name = f"always {_name(guess.predict(blank[:1])[0])}"
    scored = _class_scores if classes else _number_scores
    table = Table(box=None, pad_edge=False)
    rows = {"model": scored(model, X, y), plain(name): scored(guess, np.zeros((len(y), 1)), y)}
    for heading in (f"{len(y):,} rows held out", *rows["model"]):
        table.add_column(heading, justify="left" if "rows" in heading else "right")
    for of, scores in rows.items():
        table.add_row(of, *(f"{score:.4g}" for score in scores.values()))
    return table


def _class_scores(model: Any, X: Any, y: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import (  # noqa: PLC0415
        accuracy_score,
        balanced_accuracy_score,
        log_loss,
        roc_auc_score,
    )

    probabilities = model.predict_proba(X)
    predicted = model.classes_[probabilities.argmax(axis=1)]
    there = np.isin(y, model.classes_)
    scores = {
        "accuracy": accuracy_score(y, predicted),
        "balanced accuracy": balanced_accuracy_score(y, predicted),
    }
    if there.all():
        scores["log loss"] = log_loss(y, probabilities, labels=model.classes_)
    if len(model.classes_) == 2 and len(np.unique(y)) == 2:
        scores["AUC"] = roc_auc_score(y == model.classes_[1], probabilities[:, 1])
    return scores


def _number_scores(model: Any, X: Any, y: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import (  # noqa: PLC0415
        mean_absolute_error,
        r2_score,
        root_mean_squared_error,
    )

    predicted = model.predict(X)
    return {
        "R²": r2_score(y, predicted) if len(y) > 1 else float("nan"),
        "mean absolute error": mean_absolute_error(y, predicted),
        "root mean square error": root_mean_squared_error(y, predicted),
    }
