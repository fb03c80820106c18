"""`eigenmlp predict`: classes and probabilities as CSV."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy.typing as npt
import typer
from rich.console import Console
from rich.progress import track

import eigenmlp as em
from eigenmlp._files import write_atomically
from eigenmlp.cli.options import Header, check_choice, check_target

__all__ = ["predict"]

_BLOCK = 4096  # samples predicted and written together

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
            help="Images, or any other samples: .npy, .npz, IDX (.gz or plain), .csv or .parquet.",
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
            help="Labels, if they are known: a file, or the label column of the table or label "
            "array of the .npz. Loss and accuracy are then shown.",
        ),
    ] = None,
    header: Header = None,
    columns: Annotated[
        str, typer.Option(metavar="NAME", help=f"Columns to write: {', '.join(_COLUMNS)}.")
    ] = "both",
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
    """Predict the class of each sample, and the probability of each class.

    Writes CSV, one row a sample: class, probability_0, probability_1, ...

    For example:

        eigenmlp predict model.safetensors images.npy -o predictions.csv

        eigenmlp predict linear.safetensors table.csv --labels class > out.csv

        eigenmlp predict model.safetensors images.npy --columns class
    """
    if output is not None:
        check_target("--output", output, force=force)
    parts = _COLUMNS[check_choice("--columns", columns, _COLUMNS)]
    network = em.load_network(model)
    X, y = em.datasets.read_arrays(images, labels, n_classes=network.layer_sizes[-1], header=header)
    console = Console(stderr=True)
    # Where the lines come on the terminal they show by themselves how far it is.
    shown = console.is_terminal and not (output is None and sys.stdout.isatty())
    lines = track(
        _lines(network, X, *parts),
        "Predicting",
        total=1 + -(-len(X) // _BLOCK),
        console=console,
        transient=True,
        disable=not shown,
    )
    if output is None:
        for block in lines:
            sys.stdout.write(block)
        sys.stdout.flush()
    else:
        write_atomically(output, "".join(lines).encode())
        typer.echo(f"Predictions of {len(X):,} samples written to {output}.", err=True)
    if y is not None:
        evaluation = network.evaluate(X, y)
        typer.echo(
            f"loss {evaluation.loss:.4f}, accuracy {evaluation.accuracy:.4f} on {len(X):,} samples",
            err=True,
        )


def _lines(
    network: em.Network, X: npt.NDArray[Any], with_class: bool, with_probabilities: bool
) -> Iterator[str]:
    """Yield the header, and then the rows in blocks."""
    header = ["class"] if with_class else []
    if with_probabilities:
        header += [f"probability_{index}" for index in range(network.layer_sizes[-1])]
    digits = 9 if network.dtype.itemsize == 4 else 17  # enough to read the same bits again
    for start in range(0, len(X), _BLOCK):
        probabilities = network.predict_proba(X[start : start + _BLOCK])
        if start == 0:  # not sooner, for wrong data are to leave no output
            yield ",".join(header) + "\n"
        for row, winner in zip(
            probabilities.tolist(), probabilities.argmax(axis=1).tolist(), strict=True
        ):
            cells = [str(winner)] if with_class else []
            if with_probabilities:
                cells += [f"{probability:.{digits}g}" for probability in row]
            yield ",".join(cells) + "\n"
