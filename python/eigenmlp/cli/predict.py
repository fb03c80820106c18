"""`eigenmlp predict`: classes and probabilities, or numbers, as CSV."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

import eigenmlp as em
from eigenmlp.cli.described import plain
from eigenmlp.cli.options import (
    KINDS,
    Array,
    Decimal,
    Encoding,
    Header,
    Missing,
    check_choice,
    check_target,
    table_option,
)
from eigenmlp.cli.predictions import BLOCK, csv_blocks, predicts_numbers
from eigenmlp.cli.samples import columns_in_order, samples_for
from eigenmlp.cli.scores import score_line
from eigenmlp.export.view import is_of_tables
from eigenmlp.files.atomic import write_atomically

__all__ = ["predict"]

# What --columns may name: with the class, with the probabilities.
_COLUMNS = {"both": (True, True), "class": (True, False), "probabilities": (False, True)}


def predict(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="Model file, as train saves it.", show_default=False),
    ],
    images: Annotated[
        str,
        typer.Argument(
            metavar="IMAGES",
            help=f"Images, or any other samples: {KINDS}",
            show_default=False,
        ),
    ],
    *,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            "-l",
            metavar="FILE|NAME",
            help="Labels, if they are known, as the model names them, or the true numbers: a file, "
            "or the label column of the table or label array of the .npz. Loss and accuracy, or "
            "R², are then shown.",
        ),
    ] = None,
    header: Header = None,
    array: Array = None,
    identifier: Annotated[
        str | None,
        table_option(
            "--id",
            metavar="COLUMN",
            help="Column of the table to carry along, the first of the predictions.",
        ),
    ] = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    missing: Missing = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Columns to write of a model of classes: {', '.join(_COLUMNS)}.  "
            r"[dim]\[default: both][/dim]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="CSV file; by default the standard output."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite the CSV file if it exists.")
    ] = False,
) -> None:
    """Predict what the model says of each sample: its class, or its numbers.

    Writes CSV, one row per sample. Of a model of classes: class, and a column probability_NAME for
    each class, which a network without names numbers from 0. Of several labels per sample:
    class_LABEL, 0 or 1, and probability_LABEL. Of numbers: prediction, or prediction_0,
    prediction_1, ... Of a network with one logistic output: class, 0 or 1, and probability_1; with
    several: output_0, 0 or 1, ... and probability_output_0, ...

    Columns of a table go by the names that the model was trained on, in any order; others, such as
    a label, are left aside.

    For example:

        eigenmlp predict model.safetensors people.csv --id name -o predictions.csv

        eigenmlp predict model.safetensors images.npy -o predictions.csv

        eigenmlp predict linear.safetensors table.csv --labels class > out.csv

        eigenmlp predict model.safetensors images.npy --columns class
    """
    if output is not None:
        check_target("--output", output, force=force)
    if columns is not None:
        check_choice("--columns", columns, _COLUMNS)
    loaded = em.load_model(model)
    of_tables = is_of_tables(loaded)
    of_numbers = not hasattr(loaded, "classes_") if of_tables else predicts_numbers(loaded)
    if columns is not None and of_numbers:
        raise typer.BadParameter(
            f"{model} predicts numbers, of which there are neither classes nor probabilities; "
            "leave it out.",
            param_hint="--columns",
        )
    with_classes, with_probabilities = _COLUMNS[columns or "both"]
    if of_tables:
        # Imported here because it takes a second, and the help is to come at once.
        from eigenmlp.cli.table_predictions import predict_table  # noqa: PLC0415

        predict_table(
            loaded,
            images,
            labels,
            reading={
                "header": header,
                "encoding": encoding,
                "decimal": decimal,
                "missing": missing,
                "array": array,
            },
            identifier=identifier,
            classes=with_classes,
            probabilities=with_probabilities,
            output=output,
        )
        return
    _refuse_tables_options(model, identifier, encoding, decimal, missing)
    X, targets = samples_for(loaded, images, labels, header=header, array=array)
    console = Console(stderr=True)
    # Where the lines come on the terminal they show by themselves how far it is.
    shown = console.is_terminal and not (output is None and sys.stdout.isatty())
    blocks = track(
        csv_blocks(
            loaded,
            X,
            classes=with_classes,
            probabilities=with_probabilities,
            # A file may call its classes anything, and a terminal obeys what it shows.
            shown=plain if output is None and sys.stdout.isatty() else str,
        ),
        "Predicting",
        total=-(-len(X) // BLOCK),
        console=console,
        transient=True,
        disable=not shown,
    )
    with columns_in_order():
        if output is None:
            for block in blocks:
                sys.stdout.write(block)
            sys.stdout.flush()
        else:
            write_atomically(output, "".join(blocks).encode())
            typer.echo(f"Predictions of {len(X):,} samples written to {output}.", err=True)
        if targets is not None:
            typer.echo(score_line(loaded, X, targets), err=True)


def _refuse_tables_options(model: Path, *values: str | None) -> None:
    for option, value in zip(("--id", "--encoding", "--decimal", "--missing"), values, strict=True):
        if value is not None:
            raise typer.BadParameter(
                f"it is for tables, and {model} is no model of one (eigenmlp train --target).",
                param_hint=option,
            )
