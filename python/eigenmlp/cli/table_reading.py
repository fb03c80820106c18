"""Tables of files, as the commands read them, and what is said of them."""

import contextlib
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from eigenmlp.cli.described import plain
from eigenmlp.cli.options import names
from eigenmlp.common.live import LiveDisplay, progress_console
from eigenmlp.common.words import listed, shown
from eigenmlp.datasets.table_files import read_table

__all__ = ["read", "refuse_unknown_columns", "warnings_told"]

_MOST_NAMES = 20  # in a message
_PATIENCE = 2.0  # seconds that nobody wonders about


def read(
    path: str,
    *,
    header: bool | None,
    encoding: str | None,
    decimal: str | None,
    missing: str | None,
    array: str | None,
    beside: Collection[str],
    texts: Collection[str] = (),
    numbers: Collection[str] | None = None,
) -> Any:
    """Read a table, and say on standard error how, where that was not plain."""
    if decimal not in {None, ".", ","}:
        raise typer.BadParameter(f"{shown(decimal)} is neither . nor ,", param_hint="--decimal")
    with _progress(f"Reading {path}") as advance:
        found = read_table(
            Path(path),
            header=header,
            encoding=encoding,
            decimal=decimal,
            missing=names(missing),
            texts=texts,
            numbers=numbers,
            array=array,
            beside=beside,
            advance=advance,
        )
    for line in found.told:
        typer.echo(plain(f"{path}: {line}"), err=True)
    return found.frame


@contextlib.contextmanager
def _progress(what: str) -> Iterator[Callable[[float], None]]:
    """Show on the terminal how much is done, once that takes longer than `_PATIENCE`."""
    console = progress_console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        console=console,
    )
    task = bar.add_task(plain(what), total=1)
    display = LiveDisplay(bar.get_renderable, console)
    started = monotonic()
    waiting = True

    def advance(share: float) -> None:
        nonlocal waiting
        if waiting and monotonic() - started >= _PATIENCE:
            waiting = False
            display.start()
        bar.update(task, completed=share)

    try:
        yield advance
    finally:
        display.stop()


def refuse_unknown_columns(table: str, frame: Any, named: Mapping[str, Sequence[str]]) -> None:
    """Refuse names of columns that the table has not; `named` has them by their options."""
    for option, wanted in named.items():
        for name in wanted:
            if name not in frame:
                has = listed(list(frame), most=_MOST_NAMES)
                raise typer.BadParameter(
                    f"{table} has no column {shown(name)}; it has {has}.", param_hint=option
                )


@contextlib.contextmanager
def warnings_told() -> Iterator[None]:
    """Show what a model warns of as lines on standard error."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in found:
        typer.echo(plain(str(warning.message)), err=True)
