"""`eigenmlp info`: what is installed, and what the processor offers."""

import platform
from importlib.metadata import PackageNotFoundError, version

import typer

import eigenmlp as em
from eigenmlp._native import _core
from eigenmlp.common.threads import thread_limit

__all__ = ["info"]

# Every dependency, and the extra that brings it; "" for those that are always there.
_DEPENDENCIES = {
    "numpy": "",
    "joblib": "",
    "scikit-learn": "",
    "safetensors": "",
    "typer": "",
    "rich": "",
    "matplotlib": "study",
    "pandas": "study",
    "pooch": "study",
    "pyarrow": "parquet",
    "onnx": "onnx",
    "skl2onnx": "onnx",
    "tensorboardX": "log",
    "mlflow-skinny": "log",
}


def info() -> None:
    """Show version, instruction set, threads and dependencies.

    For example:

        eigenmlp info
    """
    rows = {
        "eigenmlp": version("eigenmlp"),
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "instruction set": f"{em.instruction_set()} ({_core.instruction_set()})",
        "threads": str(thread_limit()),
        **{name: _installed(name, extra) for name, extra in _DEPENDENCIES.items()},
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        typer.echo(f"{name:{width}}  {value}")


def _installed(name: str, extra: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return f"not installed (extra {extra})" if extra else "not installed"
