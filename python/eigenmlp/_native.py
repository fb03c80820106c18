"""The compiled core for this processor, or an error that says how to get it."""

import importlib
import os
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

__all__ = ["_core", "instruction_set"]

_REBUILD = (
    "build it for this Python with: python -m pip install --force-reinstall --no-cache-dir "
    "--no-binary eigenmlp eigenmlp (in a source checkout: python -m pip install .)"
)
_ORIGIN = "eigenmlp's compiled core can't be loaded"


def _load(extension: str) -> ModuleType:
    name = f"eigenmlp.{extension}"
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if "sub-interpreter" in str(error):  # no other build would help
            raise
        raise ImportError(f"{_ORIGIN}: {error}; {_REBUILD}", name=name) from error


def _choose() -> str:
    """Name the best core that is built and that this machine runs, or the one asked for."""
    supported: list[str] = _load("_processor").supported_levels()
    if not supported:
        raise ImportError(
            f"{_ORIGIN}: it needs a processor of level x86-64-v2 (with SSE4.2, common since 2009), "
            "and this one isn't"
        )
    usable = [level for level in supported if find_spec(f"eigenmlp._core_{level}")]
    if not usable:
        raise ImportError(f"{_ORIGIN}: it isn't built for {' or '.join(supported)}; {_REBUILD}")
    asked = os.environ.get("EIGENMLP_ISA", "")
    if not asked:
        return usable[-1]
    if asked not in usable:
        known = ("v2", "v3", "v4", *supported)
        reason = (
            "is not an instruction set that eigenmlp knows"
            if asked not in known
            else "was not built"
            if asked in supported
            else "asks for instructions that this processor or operating system lacks"
        )
        raise ImportError(
            f"EIGENMLP_ISA={asked!r} {reason}; unset it, or set it to {' or '.join(usable)}"
        )
    return asked


_level = _choose()
# One module for each instruction set, all alike: from here on, the chosen one is _core.
sys.modules["eigenmlp._core"] = _load(f"_core_{_level}")
if TYPE_CHECKING:
    from eigenmlp import _core
else:
    _core = sys.modules["eigenmlp._core"]


def instruction_set() -> str:
    """Tell which of the compiled cores is in use.

    It is picked at import: the best that the processor and the operating system offer, or the one
    that the environment variable EIGENMLP_ISA names.

    Returns
    -------
    str
        On x86-64 the level of the psABI: "v2" (SSE4.2), "v3" (AVX2 and FMA) or "v4" (AVX-512);
        "baseline" on other architectures. "v3" and "v4" give the same bits.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.instruction_set() in {"v2", "v3", "v4", "baseline"}
    True
    """
    return _level
