"""Models in the words of the command line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

import eigenmlp as em
from eigenmlp.common import words
from eigenmlp.export.view import ModelView, networks_of, view_of

__all__ = [
    "MOST_ROWS",
    "add_rest",
    "console_for",
    "counted",
    "facts",
    "headed",
    "kind_of",
    "labels_of",
    "network_of",
    "outputs_of",
    "plain",
    "shortened",
    "size_of",
]

MOST_ROWS = 40
_OF_NUMBERS = {"layer", "units", "parameters", "epochs", "size", "features"}
_MOST_NAMES = 12
_LONGEST = 200


def plain(text: object) -> str:
    """Make a file's text harmless for a terminal: what can't be printed is escaped."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in str(text).encode("utf-8", "backslashreplace").decode()
    )


def console_for() -> Console:
    """Return a console that colours nothing by itself."""
    return Console(highlight=False)


def facts(values: Mapping[str, object]) -> Table:
    """Lay out names and values, one per line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        table.add_row(Text(plain(name)), Text(plain(value)))
    return table


def network_of(model: Any) -> em.Network:
    """Return a model's network."""
    return view_of(model).network


def kind_of(model: Any) -> str:
    """Say what a model is: the estimator's class or Network, and its layers."""
    networks = networks_of(model)
    sizes = "-".join(map(str, networks[0].layer_sizes))
    n_parameters = sum(network.n_parameters for network in networks)
    several = f"{len(networks)} networks of " if len(networks) > 1 else ""
    return f"{type(model).__name__} of {several}{sizes} units, {n_parameters:,} parameters"


def outputs_of(view: ModelView) -> str:
    """Say how many outputs a model has, and what they are."""
    n_outputs, classes = view.network.layer_sizes[-1], view.classes
    told = f"{n_outputs:,}, {view.network.output}"
    if classes is None:
        return told
    if view.multilabel:
        return f"{told}: the probability of each label, of which a sample may have several"
    if n_outputs > 1:
        return f"{told}: the probability of each class"
    if len(classes) == 1:
        return f"{told}: what the probability of {shortened(str(classes[0]))} lacks to 1"
    return f"{told}: the probability of {shortened(str(classes[1]))}"


def labels_of(classes: NDArray[Any]) -> str:
    """List the labels of classes, in the order of the outputs."""
    return counted([str(label) for label in classes])


def headed(*headings: str) -> Table:
    """Make a table whose numbers stand to the right."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in _OF_NUMBERS else "left")
    return table


def add_rest(table: Table, n_rows: int) -> None:
    """Say how many rows more there are than `MOST_ROWS`."""
    if n_rows > MOST_ROWS:
        table.add_row("…", f"{n_rows - MOST_ROWS:,} more")


def counted(names: Sequence[str]) -> str:
    """Count names, and list the first of them."""
    shown = ", ".join(map(shortened, names[:_MOST_NAMES]))
    return f"{len(names):,}: {shown}" + (", …" if len(names) > _MOST_NAMES else "")


def shortened(text: str) -> str:
    """Shorten a text as in messages; a line of its own has room for more of it."""
    return words.shortened(text, _LONGEST)


def size_of(path: Path) -> str:
    """Say how large a file is."""
    return f"{path.stat().st_size:,} bytes"
