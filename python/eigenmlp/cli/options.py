"""Reading and checking of options, with errors that end in exit code 2."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from eigenmlp.common.words import shown

__all__ = [
    "KINDS",
    "Array",
    "Decimal",
    "Encoding",
    "Header",
    "Missing",
    "bad_usage_of",
    "check_choice",
    "check_target",
    "flag_of",
    "names",
    "number",
    "per_layer",
    "sizes",
    "table",
    "table_option",
    "whole_number_or",
]

# What holds samples.
KINDS = ".npy, .npz, IDX (.gz or plain), .csv, .feather, .parquet, or a folder of .parquet parts."

Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first line of CSV tables names the columns; without names they are "
        "called 1, 2, and so on. By default it does, unless a number is among the names, which is "
        "asked about.",
        show_default=False,
    ),
]

table_option = partial(typer.Option, rich_help_panel="Tables", show_default=False)
Array = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The array of a .npz to take, where there are several.",
        show_default=False,
    ),
]
Encoding = Annotated[
    str | None,
    table_option(metavar="NAME", help="Of a table's text, such as latin-1; by default UTF-8."),
]
Decimal = Annotated[
    str | None,
    table_option(
        metavar=".|,",
        help="What stands before decimals in a table; by default told from its numbers.",
    ),
]
Missing = Annotated[
    str | None,
    table_option(
        metavar="MARKS",
        help="What stands for a missing value in a table, separated by commas, beside nothing, ?, "
        "NA, NaN, NULL and None.",
    ),
]


def flag_of(name: str) -> str:
    """Return an option as it is typed."""
    return "--" + name.replace("_", "-")


def names(text: str | None) -> list[str]:
    """Read names that are separated by commas."""
    return [] if text is None else [part.strip() for part in text.split(",") if part.strip()]


@contextmanager
def bad_usage_of(option: str) -> Iterator[None]:
    """Report a value that the library refuses as bad usage of `option`."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def check_choice(option: str, name: str, choices: Collection[str]) -> str:
    """Refuse a name that is none of the choices."""
    if name not in choices:
        raise typer.BadParameter(
            f"{shown(name)} is unknown; use one of {', '.join(choices)}.", param_hint=option
        )
    return name


def number(option: str, text: str) -> float:
    """Read a number that may be written as a fraction, as in 1/255."""
    try:
        return float(Fraction(text))
    except (OverflowError, ValueError, ZeroDivisionError) as error:
        raise typer.BadParameter(
            f"{shown(text)} is not a number such as 0.5 or 1/255.", param_hint=option
        ) from error


def whole_number_or(word: str, option: str, text: str) -> int | None:
    """Read a number >= 1; None stands for `word`."""
    if text == word:
        return None
    if not text.isdecimal() or int(text) == 0:
        raise typer.BadParameter(
            f"{shown(text)} is not a whole number, 1 or more, nor {word}.", param_hint=option
        )
    return int(text)


def sizes(option: str, text: str) -> list[int]:
    """Read sizes of hidden layers: "100,80", or "none"."""
    if text == "none":
        return []
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise typer.BadParameter(
            f"{shown(text)} is not a list of layer sizes such as 100,80, nor none.",
            param_hint=option,
        )
    return [int(part) for part in parts]


def per_layer(option: str, text: str, names: Collection[str] | None) -> Any:
    """Read what each hidden layer has: one for all, or a list, "relu,tanh".

    Parameters
    ----------
    names : collection of str or None
        What it may be called, "none" for None; None for numbers.
    """
    parts = [part.strip() for part in text.split(",")]
    values: list[Any]
    if names is None:
        values = [number(option, part) for part in parts]
    else:
        values = [check_choice(option, part, names) for part in parts]
        values = [None if value == "none" else value for value in values]
    return values if "," in text else values[0]


def table(option: str, text: str) -> dict[str, float]:
    """Read numbers by name: "biases=0.1,0=1/2"."""
    numbers = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            raise typer.BadParameter(
                f"{shown(part)} is not a name with its number, such as biases=0.1.",
                param_hint=option,
            )
        numbers[name.strip()] = number(option, value)
    return numbers


def check_target(option: str, path: Path, *, force: bool) -> None:
    """Refuse, before any work is done, a file that could not or should not be written."""
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; name a file in it.", param_hint=option)
    if not path.parent.is_dir():
        raise typer.BadParameter(
            f"there is no folder {path.parent}; make it first.", param_hint=option
        )
    if path.exists() and not path.is_file():  # such as /dev/null: a file would replace it
        raise typer.BadParameter(f"{path} is a device or pipe; name a file.", param_hint=option)
    if path.exists() and not force:
        raise typer.BadParameter(
            f"{path} exists; choose another name, or overwrite it with --force.",
            param_hint=option,
        )
