"""Tables of files, as the commands read them, and what is said of them."""

import contextlib
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from eigenmlp.cli.described import plain
from eigenmlp.cli.options import names
from eigenmlp.common.words import listed, shown
from eigenmlp.datasets.table_files import read_table

__all__ = ["read", "refuse_unknown_columns", "warnings_told"]

_MOST_NAMES = 20  # in a message


def read(
    path: str,
    *,
    header: bool | None,
    encoding: str | None,
    decimal: str | None,
    missing: str | None,
    texts: Collection[str] = (),
) -> Any:
    """Read a table, and say on standard error how, where that was not plain."""
    if decimal not in {None, ".", ","}:
        raise typer.BadParameter(f"{shown(decimal)} is neither . nor ,", param_hint="--decimal")
    found = read_table(
        Path(path),
        header=header,
        encoding=encoding,
        decimal=decimal,
        missing=names(missing),
        texts=texts,
    )
    for line in found.told:
        typer.echo(plain(f"{path}: {line}"), err=True)
    return found.frame


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
