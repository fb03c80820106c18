"""Model files with entries of their description replaced."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import safetensors
import safetensors.numpy

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["altered"]


def altered(path: Path, change: dict[str, Any]) -> None:
    """Write the file again with entries of the estimator's description replaced."""
    with safetensors.safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["eigenmlp"])
    for where, value in change.items():
        *parents, last = where.split("/")
        part = header["estimator"] if parents[:1] != [""] else header
        for name in filter(None, parents):
            part = part[name]
        part[last] = value
    arrays = safetensors.numpy.load_file(path)
    safetensors.numpy.save_file(arrays, path, metadata={"eigenmlp": json.dumps(header)})
