"""The model file: safetensors, with the architecture as JSON in its metadata."""

import itertools
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from eigenmlp._files import write_atomically
from eigenmlp.errors import ModelFileError

__all__ = ["FORMAT_VERSION", "Model", "read", "write"]

FORMAT_VERSION = 1
_KEY = "eigenmlp"


class Model(NamedTuple):
    """What a model file holds."""

    layer_sizes: Sequence[int]
    dtype: str
    input_scale: float
    weights: list[NDArray[Any]]
    biases: list[NDArray[Any]]


def write(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model, replacing an existing file in one step."""
    header = {
        "format_version": FORMAT_VERSION,
        "layer_sizes": list(model.layer_sizes),
        "hidden_activation": "relu",
        "output_activation": "softmax",
        "dtype": model.dtype,
        "input_scale": model.input_scale,
    }
    tensors: dict[str, NDArray[Any]] = {}
    for layer, (weight, bias) in enumerate(zip(model.weights, model.biases, strict=True)):
        tensors[f"layers.{layer}.weight"] = weight
        tensors[f"layers.{layer}.bias"] = bias
    write_atomically(path, safetensors.numpy.save(tensors, metadata={_KEY: json.dumps(header)}))


def read(path: str | os.PathLike[str]) -> Model:
    """Read a model and check that its arrays are those of its architecture."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no model file {path}")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            sizes, dtype, input_scale = _parse_header(path, file.metadata() or {})
            shapes = _expected_shapes(sizes)
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
                        f"{sizes} in {dtype} needs {_DTYPES[dtype]} of shape {shape}"
                    )
                tensors[name] = file.get_tensor(name)
    except safetensors.SafetensorError as error:
        raise ModelFileError(
            f"{path} is not a readable safetensors file ({error}); was it cut short, or is it "
            "of another kind?"
        ) from error
    layers = range(len(sizes) - 1)
    return Model(
        sizes,
        dtype,
        input_scale,
        [tensors[f"layers.{layer}.weight"] for layer in layers],
        [tensors[f"layers.{layer}.bias"] for layer in layers],
    )


_DTYPES = {"float32": "F32", "float64": "F64"}


def _parse_header(path: Path, metadata: dict[str, str]) -> tuple[list[int], str, float]:
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
    if version != FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format version {version!r}, but this eigenmlp reads {FORMAT_VERSION}; "
            "a newer eigenmlp may read it"
        )
    sizes, dtype = header.get("layer_sizes"), header.get("dtype")
    scale = header.get("input_scale")
    activations = (header.get("hidden_activation"), header.get("output_activation"))
    if activations != ("relu", "softmax"):
        raise ModelFileError(f"{path}: activations {activations} are not (relu, softmax)")
    if dtype not in _DTYPES:
        raise ModelFileError(f"{path}: dtype {dtype!r} is not float32 or float64")
    if (
        not isinstance(sizes, list)
        or len(sizes) < 2
        or not all(type(size) is int and size >= 1 for size in sizes)
    ):
        raise ModelFileError(f"{path}: layer_sizes {sizes!r} is not a list of sizes")
    if type(scale) not in (int, float) or not math.isfinite(scale) or scale == 0:
        raise ModelFileError(f"{path}: input_scale {scale!r} is not a finite number other than 0")
    return sizes, dtype, float(scale)


def _expected_shapes(sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        shapes[f"layers.{layer}.weight"] = (fan_in, fan_out)
        shapes[f"layers.{layer}.bias"] = (fan_out,)
    return shapes


def _listed(names: Sequence[str] | dict[str, Any]) -> str:
    names = list(names)
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
