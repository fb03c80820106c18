"""State dicts of PyTorch in safetensors files, without PyTorch."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.common.words import listed, shown
from eigenmlp.errors import ModelFileError
from eigenmlp.files.atomic import write_atomically
from eigenmlp.files.safetensors import SafetensorsError, SafetensorsFile, serialized

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

__all__ = ["load_state_dict", "save_state_dict"]

_DTYPES = {
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
    "I64": np.int64,
    "BF16": np.uint16,  # the upper half of a float32, which NumPy has no type for
}


def save_state_dict(
    path: str | os.PathLike[str],
    state: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a state dict as ``safetensors.torch.load_file`` reads it, in one step.

    The metadata are texts beside it, which PyTorch passes over.

    Raises
    ------
    OSError
        If the file can't be written.
    """
    write_atomically(path, serialized(dict(state), {"format": "pt", **(metadata or {})}))


def load_state_dict(path: str | os.PathLike[str]) -> tuple[dict[str, NDArray[Any]], set[str]]:
    """Read a state dict that ``safetensors.torch.save_file`` wrote.

    Such files keep no order, so that of the layers is taken from the numbers in their names, as
    `torch.nn.Sequential` has them: ``0.weight``, ``2.weight``, ``10.weight``.

    Returns
    -------
    state : dict of str to array
        Those of ``BF16`` as float32, which is exact.
    dtypes : set of str
        As the file names them.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is not a safetensors file, holds arrays that are not numbers of 16 to 64 bits, or the
        names of its layers differ in more than numbers.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file {os.fspath(path)}")
    try:
        with SafetensorsFile(path) as file:
            _check(file)
            state = {name: _array(file, name) for name in _in_order(file.entries)}
            return state, {entry.dtype for entry in file.entries.values()}
    except SafetensorsError as error:
        raise ModelFileError(f"{os.fspath(path)} holds no readable state dict: {error}") from error


def _array(file: SafetensorsFile, name: str) -> NDArray[Any]:
    dtype = file.entries[name].dtype
    array = file.read(name, np.dtype(_DTYPES[dtype]))
    return (array.astype(np.uint32) << 16).view(np.float32) if dtype == "BF16" else array


def _check(file: SafetensorsFile) -> None:
    for name, (dtype, shape, start, stop) in file.entries.items():
        if dtype not in _DTYPES:
            raise SafetensorsError(
                f"{shown(name)} is of {shown(dtype)}; convert it to one of {', '.join(_DTYPES)}: "
                "in PyTorch, tensor.float(); codes of a quantized layer must be dequantized first"
            )
        if stop - start != np.dtype(_DTYPES[dtype]).itemsize * math.prod(shape):
            raise SafetensorsError(f"{shown(name)} has not the bytes that its shape needs")


def _in_order(names: Iterable[str]) -> list[str]:
    modules = {name: name.rpartition(".")[0] for name in names}
    patterns = {re.sub("[0-9]+", "#", module) for module in modules.values()}
    if len(patterns) > 1:
        few = listed(list(map(repr, sorted(patterns))), most=3)
        raise SafetensorsError(
            f"the names of its layers ({few}) tell no order; rename them so that they differ in "
            "numbers alone, as in a torch.nn.Sequential"
        )
    return sorted(modules, key=lambda name: _numbers(modules[name]))


def _numbers(module: str) -> list[tuple[int, str]]:
    """Numbers of a name, comparable; as texts, for they may have any length."""
    numbers = [number.lstrip("0") for number in re.findall("[0-9]+", module)]
    return [(len(number), number) for number in numbers]
