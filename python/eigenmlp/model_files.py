"""The model file: safetensors, with the architecture as JSON in its metadata."""

import dataclasses
import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from eigenmlp._architecture import Architecture
from eigenmlp._arguments import whole_number
from eigenmlp._files import write_atomically
from eigenmlp.errors import ModelFileError

__all__ = ["FORMAT_VERSION", "read", "write"]

FORMAT_VERSION = 2
_KEY = "eigenmlp"


def write(
    path: str | os.PathLike[str], architecture: Architecture, tensors: dict[str, NDArray[Any]]
) -> None:
    """Write a model, replacing an existing file in one step."""
    header = {"format_version": FORMAT_VERSION, **dataclasses.asdict(architecture)}
    write_atomically(path, safetensors.numpy.save(tensors, metadata={_KEY: json.dumps(header)}))


def read(path: str | os.PathLike[str]) -> tuple[Architecture, dict[str, NDArray[Any]]]:
    """Read a model and check that its arrays are those of its architecture."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no model file {path}")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            architecture = _parse_header(path, file.metadata() or {})
            dtype = architecture.dtype
            shapes = _expected_shapes(architecture)
            names = set(file.keys())
            if names != shapes.keys():
                wrong = sorted(names ^ shapes.keys())
                raise ModelFileError(
                    f"{path} should hold the arrays {_listed(shapes)}; missing or "
                    f"unexpected: {_listed(wrong)}"
                )
            tensors = {}
            for name, shape in shapes.items():
                header = file.get_slice(name)
                found = (tuple(header.get_shape()), header.get_dtype())
                if found != (shape, _DTYPES[dtype]):
                    raise ModelFileError(
                        f"{path}: {name} is {found[1]} of shape {found[0]}, but the architecture "
                        f"{list(architecture.layer_sizes)} in {dtype} needs {_DTYPES[dtype]} of "
                        f"shape {shape}"
                    )
                tensors[name] = file.get_tensor(name)
    except safetensors.SafetensorError as error:
        raise ModelFileError(
            f"{path} is not a readable safetensors file ({error}); was it cut short, or is it "
            "of another kind?"
        ) from error
    return architecture, tensors


_DTYPES = {"float32": "F32", "float64": "F64"}


def _parse_header(path: Path, metadata: dict[str, str]) -> Architecture:
    if _KEY not in metadata:
        raise ModelFileError(
            f"{path} is a safetensors file, but not a model of eigenmlp: its metadata has no "
            f"{_KEY!r} entry"
        )
    try:
        header = json.loads(metadata[_KEY])
        version = header["format_version"]
    except (ValueError, TypeError, KeyError) as error:
        raise ModelFileError(f"{path}: its {_KEY!r} metadata can't be read ({error!r})") from error
    if version == 1:
        header = _from_version_1(path, header)
    elif version != FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format version {version!r}, but this eigenmlp reads 1 to "
            f"{FORMAT_VERSION}; a newer eigenmlp may read it"
        )
    try:
        seed = _seed_of(header["dropout_seed"])
        architecture = Architecture.of(
            header["layer_sizes"],
            activation=_list_of(header["activations"]),
            dropout=_list_of(header["dropouts"]),
            normalization=_list_of(header["normalizations"]),
            output=header["output"],
            dtype=header["dtype"],
            input_scale=header["input_scale"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{path}: its {_KEY!r} metadata describes no network: {error}"
        ) from error
    return dataclasses.replace(architecture, dropout_seed=seed)


def _from_version_1(path: Path, header: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew ReLU and softmax alone."""
    activations = (header.get("hidden_activation"), header.get("output_activation"))
    if activations != ("relu", "softmax"):
        raise ModelFileError(f"{path}: activations {activations} are not (relu, softmax)")
    n_hidden = max(len(_list_of(header.get("layer_sizes"))) - 2, 0)
    return {
        **header,
        "activations": ["relu"] * n_hidden,
        "dropouts": [0.0] * n_hidden,
        "normalizations": [None] * n_hidden,
        "output": "softmax",
        "dropout_seed": 0,
    }


def _seed_of(value: Any) -> int:
    seed = whole_number("dropout_seed", value, minimum=0, remedy="it counts from 0")
    if seed >= 2**64:
        raise ValueError(f"dropout_seed={seed} is beyond 64 bits")
    return seed


def _list_of(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value


def _expected_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    kinds = [*architecture.normalizations, None]
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(architecture.layer_sizes)):
        shapes[f"layers.{layer}.weight"] = (fan_in, fan_out)
        names = ["bias"]
        names += ["gain", "shift"] if kinds[layer] else []
        names += ["running_mean", "running_variance"] if kinds[layer] == "batch" else []
        shapes.update({f"layers.{layer}.{name}": (fan_out,) for name in names})
    return shapes


def _listed(names: Sequence[str] | dict[str, Any]) -> str:
    names = list(names)
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
