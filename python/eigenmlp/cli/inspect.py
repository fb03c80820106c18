"""`eigenmlp inspect`: what a file holds, and whether it is as it should be."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import eigenmlp as em
from eigenmlp.cli.described import (
    MOST_ROWS,
    add_rest,
    console_for,
    counted,
    facts,
    headed,
    kind_of,
    labels_of,
    outputs_of,
    plain,
    shortened,
    size_of,
)
from eigenmlp.export.view import feature_names_of, is_of_tables, view_of
from eigenmlp.files import checkpoints
from eigenmlp.files.safetensors import SafetensorsError, SafetensorsFile
from eigenmlp.network import model_file

__all__ = ["inspect"]

_WHOLE = "the header is valid JSON, and the arrays fill the file to its last byte"
_OF_MODELS = (
    _WHOLE,
    "names, shapes and types of the arrays are those of the architecture",
    "all numbers are finite",
)
# What comes of a record that someone made up.
_MADE_UP = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)


def inspect(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Model file, checkpoint, folder of checkpoints, or any safetensors file.",
            show_default=False,
        ),
    ],
) -> None:
    """Show what a file holds, and check all of it.

    Nothing of the file is executed. What is wrong with a damaged one is told, and the exit code is
    then 1.

    For example:

        eigenmlp inspect model.safetensors

        eigenmlp inspect run/epoch-00000042.checkpoint

        eigenmlp inspect run/
    """
    console = console_for()
    if not file.exists():
        raise FileNotFoundError(f"there is no file {file}")
    if file.is_dir():
        _show_folder(console, file)
    elif _is_checkpoint(file):
        _show_checkpoint(console, file)
    elif _is_foreign(file):
        _show_arrays(console, file)
    else:
        _show_model(console, file)


def _is_checkpoint(path: Path) -> bool:
    if path.suffix == ".checkpoint":
        return True
    if not path.is_file():  # reading a pipe would wait
        return False
    with path.open("rb") as stream:
        return stream.read(len(checkpoints.FORMAT)) == checkpoints.FORMAT


def _is_foreign(path: Path) -> bool:
    """Tell a safetensors file that claims to be no model from one that does, or can't be read."""
    try:
        with SafetensorsFile(path) as opened:
            return "eigenmlp" not in opened.metadata
    except SafetensorsError:
        return False


def _show_model(console: Console, path: Path) -> None:
    content = model_file.read(path)
    model: Any = em.load_model(path)
    if is_of_tables(model):
        _show_model_of_tables(console, path, model, content.library_version)
        return
    view = view_of(model)
    network = view.network
    told = {
        "File": f"{path}, {size_of(path)}",
        "Model": kind_of(model),
        "Format": f"version {model_file.FORMAT_VERSION}",
        "Written by": f"eigenmlp {content.library_version}",
        "Numbers": network.dtype,
        "Inputs": f"{network.layer_sizes[0]:,}, times {network.input_scale:g}",
        "Outputs": outputs_of(view),
    }
    if content.estimator is not None:
        told["Estimator"] = " ".join(repr(model).split())
    if view.classes is not None:
        told["Labels"] = labels_of(view.classes)
    names = feature_names_of(model)
    if names is not None:
        told["Features"] = counted(names)
    console.print(facts(told))
    console.print()
    console.print(_layers(network))
    console.print()
    checks = [*_OF_MODELS]
    if content.estimator is not None:
        checks.append("the estimator's parameters, labels and record fit the network")
    _show_checks(console, checks)


def _show_model_of_tables(console: Console, path: Path, model: Any, version: str) -> None:
    # Imported here because it takes a second, and the help is to come at once.
    from eigenmlp.cli.table_inspection import columns_table, facts_of_table  # noqa: PLC0415

    told = {
        "File": f"{path}, {size_of(path)}",
        "Format": f"version {model_file.FORMAT_VERSION}",
        "Written by": f"eigenmlp {version}",
        **facts_of_table(model),
    }
    console.print(facts(told))
    console.print()
    console.print(columns_table(model))
    console.print()
    console.print(_layers(model.networks_[0]))
    console.print()
    _show_checks(console, [*_OF_MODELS, "the columns, labels and parameters fit the networks"])


def _layers(network: em.Network) -> Table:
    table = headed(
        "layer", "units", "parameters", "weights", "activation", "normalization", "dropout"
    )
    rows = list(
        zip(
            network.weights,
            network.biases,
            [*network.activations, network.output],
            [*network.normalizations, None],
            [*network.dropouts, 0.0],
            strict=True,
        )
    )
    for number, (weights, biases, activation, kind, dropout) in enumerate(rows[:MOST_ROWS]):
        n_parameters = weights.size + biases.size * (3 if kind else 1)
        table.add_row(
            str(number),
            f"{biases.size:,}",
            f"{n_parameters:,}",
            f"{weights.min():.3g} to {weights.max():.3g}",
            activation,
            kind or "",
            f"{dropout:g}" if dropout else "",
        )
    add_rest(table, len(rows))
    return table


def _show_checkpoint(console: Console, path: Path) -> None:
    snapshot = checkpoints.read(path, follow=True)
    try:
        history = em.History.from_dict(snapshot.record["history"])
        settings = {
            str(name): shortened(str(value))
            for name, value in snapshot.record["fingerprint"].items()
        }
    except _MADE_UP as error:
        raise em.CheckpointError(
            f"{path} holds no training run: {shortened(repr(error))}"
        ) from error
    if history.n_epochs != snapshot.n_epochs:
        raise em.CheckpointError(
            f"{path} should be of {snapshot.n_epochs} epochs, but its history has "
            f"{history.n_epochs}"
        )
    values = snapshot.arrays.get("parameters")
    told = {
        "File": f"{path}, {size_of(path)}",
        "Checkpoint": f"after {snapshot.n_epochs:,} epochs",
        "Parameters": "none" if values is None else f"{values.size:,} of {values.dtype}",
        **{
            shortened(name).replace("_", " "): f"{value:.6g}"
            for name, value in history.last.items()
        },
    }
    console.print(facts(told))
    console.print()
    console.print("[bold]Settings and data that a resumed run must have[/bold]")
    console.print(facts(settings))
    console.print()
    _show_checks(console, ["the content has the SHA-256 that it should", "it is a training run"])


def _show_folder(console: Console, folder: Path) -> None:
    checkpoints.refuse_others(folder)
    found = checkpoints.files_in(folder)
    if not found:
        raise em.CheckpointError(f"{folder} is a folder without checkpoints; name a file")
    table = headed("epochs", "size", "state")
    damage = []
    for n_epochs, path in found.items():
        state = "whole"
        try:
            checkpoints.read(path)
        except em.CheckpointError as error:
            damage.append(str(error))
            state = "damaged"
        table.add_row(f"{n_epochs:,}", size_of(path), state)
    console.print(table)
    if damage:
        raise em.CheckpointError("; ".join(damage))


def _show_arrays(console: Console, path: Path) -> None:
    with SafetensorsFile(path) as opened:
        entries, metadata = opened.entries, opened.metadata
    told = {
        "File": f"{path}, {size_of(path)}",
        "Format": "safetensors, but no model of eigenmlp; eigenmlp convert reads state dicts",
        "Metadata": ", ".join(f"{name}: {value}" for name, value in metadata.items()) or "none",
    }
    console.print(facts({name: shortened(value) for name, value in told.items()}))
    console.print()
    table = headed("array", "type", "shape")
    for name, entry in list(entries.items())[:MOST_ROWS]:
        shape = " × ".join(map(str, entry.shape)) or "a number"
        table.add_row(*(Text(plain(shortened(cell))) for cell in (name, entry.dtype, shape)))
    add_rest(table, len(entries))
    console.print(table)
    console.print()
    _show_checks(console, [_WHOLE])


def _show_checks(console: Console, checks: list[str]) -> None:
    for check in checks:
        console.print(f"[green]ok[/green]  {check}")
