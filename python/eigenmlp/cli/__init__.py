"""The command line: `eigenmlp study`, `train`, `predict`, `info` and what is done with files."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from eigenmlp.cli.convert import convert
from eigenmlp.cli.described import plain
from eigenmlp.cli.export import export
from eigenmlp.cli.info import info
from eigenmlp.cli.inspect import inspect
from eigenmlp.cli.predict import predict
from eigenmlp.cli.study import study
from eigenmlp.cli.sweep import sweep
from eigenmlp.cli.train import train
from eigenmlp.common.version import __version__
from eigenmlp.errors import EigenmlpError

__all__ = ["app", "main"]

_INTERRUPTED = 130  # what shells expect after Ctrl-C: 128 + SIGINT


class _FriendlyGroup(TyperGroup):
    """Commands whose foreseeable failures end in one line instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the reader of our output left, as in "| head": typer ends quietly
        except KeyboardInterrupt as interrupt:
            typer.secho(str(interrupt) or "interrupted", err=True)
            raise typer.Exit(_INTERRUPTED) from interrupt
        except MemoryError as error:
            _fail("out of memory; use a smaller network or fewer samples", error)
        except OSError as error:
            named = error.filename is not None and error.strerror is not None
            _fail(f"{error.filename}: {error.strerror}" if named else str(error), error)
        except (ArithmeticError, EigenmlpError, ImportError, TypeError, ValueError) as error:
            _fail(str(error), error)


def _fail(message: str, cause: Exception) -> None:
    harmless = "\n".join(map(plain, message.split("\n")))
    typer.secho(f"error: {harmless}", fg=typer.colors.RED, err=True)
    raise typer.Exit(1) from cause


app = typer.Typer(
    cls=_FriendlyGroup,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"eigenmlp {__version__}")
        raise typer.Exit


@app.callback(epilog="Every command has its own help with examples: eigenmlp train --help")
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Multilayer perceptrons, trained at the speed the processor allows."""


app.command()(study)
app.command()(sweep)
app.command()(train)
app.command()(predict)
app.command()(export)
app.command()(convert)
app.command()(inspect)
app.command()(info)


def main() -> None:
    """Run the command line; the console script `eigenmlp`."""
    app(prog_name="eigenmlp")
