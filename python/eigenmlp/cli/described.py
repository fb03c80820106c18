"""Models in the words of the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

import eigenmlp as em
from eigenmlp.export.view import view_of

__all__ = ["console_for", "facts", "kind_of", "network_of", "plain", "size_of"]


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
    """Lay out names and values, one a line."""
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
    network = network_of(model)
    sizes = "-".join(map(str, network.layer_sizes))
    return f"{type(model).__name__} of {sizes} units, {network.n_parameters:,} parameters"


def size_of(path: Path) -> str:
    """Say how large a file is."""
    return f"{path.stat().st_size:,} bytes"
