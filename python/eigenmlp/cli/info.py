"""`eigenmlp info`: what is installed, and what the processor offers."""

import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version

import typer

import eigenmlp as em
from eigenmlp._native import _core
from eigenmlp.common.threads import thread_limit

__all__ = ["info"]

# A requirement: the package, what versions will do, and the extra that it belongs to, if any.
_REQUIREMENT = re.compile(r"""([\w.-]+)[^;]*(?:;.*extra == ["']([\w-]+)["'])?""")


def info() -> None:
    """Show version, instruction set, threads and dependencies.

    For example:

        eigenmlp info
    """
    rows = {
        "eigenmlp": em.__version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "instruction set": f"{em.instruction_set()} ({_core.instruction_set()})",
        "threads": str(thread_limit()),
        **{name: _installed(name, extras) for name, extras in _dependencies().items()},
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        typer.echo(f"{name:{width}}  {value}")


def _dependencies() -> dict[str, list[str]]:
    """Return every dependency, with the extras that bring it; "" stands for no extra."""
    extras: dict[str, list[str]] = {}
    for requirement in requires("eigenmlp") or ():
        if match := _REQUIREMENT.match(requirement):
            extras.setdefault(match[1], []).append(match[2] or "")
    return extras


def _installed(name: str, extras: list[str]) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed" if "" in extras else f"not installed (extra {' or '.join(extras)})"
