"""Import of optional dependencies, with an error that names the extra that brings them."""

import importlib
from typing import Any

__all__ = ["require"]


def require(module: str, *, extra: str, purpose: str) -> Any:
    """Import `module`, which the extra `extra` installs.

    Raises
    ------
    ImportError
        If the module is missing: names the purpose, the module and the command to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"{purpose} needs {package}, which is not installed. "
            f'Install it with: pip install "eigenmlp[{extra}]"',
            name=package,
        ) from error
