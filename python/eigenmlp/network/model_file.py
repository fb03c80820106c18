"""The model file: safetensors, with the architecture as JSON in its metadata.

The format is described in docs/model-files.md.
"""

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eigenmlp.common.arguments import whole_number
from eigenmlp.common.columns import checked_names
from eigenmlp.common.version import __version__
from eigenmlp.common.words import listed, reason, shortened, shown
from eigenmlp.errors import ModelFileError
from eigenmlp.files.atomic import write_atomically
from eigenmlp.files.safetensors import (
    MAX_HEADER_BYTES,
    Entry,
    ForeignFileError,
    SafetensorsError,
    SafetensorsFile,
    serialized,
    strict_json,
)
from eigenmlp.network.architecture import Architecture
from eigenmlp.network.layout import by_whole_name, shapes_of

__all__ = ["FORMAT_VERSION", "MAX_LAYERS", "ModelFile", "content", "read", "write"]

FORMAT_VERSION = 3
MAX_LAYERS = 10_000
_KEY = "eigenmlp"
_DTYPES = {"float32": "F32", "float64": "F64"}


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """What a model file holds, checked but for the description of an estimator.

    Attributes
    ----------
    library_version : str
        Version of eigenmlp that wrote it.
    architecture : Architecture
    arrays : dict of str to array
        In the shapes and the dtype of the architecture; their values are not checked.
    estimator : dict or None
        JSON that describes the estimator around the network, if there is one.
    feature_names : tuple of str or None
        Names of the inputs, if they are known; an estimator has its own in the description.
    others : tuple of dict
        Arrays of further networks of the architecture, which an estimator averages.
    """

    library_version: str
    architecture: Architecture
    arrays: dict[str, NDArray[Any]]
    estimator: dict[str, Any] | None
    feature_names: tuple[str, ...] | None
    others: tuple[dict[str, NDArray[Any]], ...]


def write(
    path: str | os.PathLike[str],
    architecture: Architecture,
    layers: Sequence[Mapping[str, NDArray[Any]]],
    estimator: dict[str, Any] | None = None,
    *,
    feature_names: Sequence[str] | None = None,
    others: Sequence[Sequence[Mapping[str, NDArray[Any]]]] = (),
) -> None:
    """Write a model, replacing an existing file in one step.

    Raises
    ------
    ValueError
        If the model is beyond the limits that `read` sets to files.
    OSError
        If the file can't be written.
    """
    write_atomically(
        path,
        content(architecture, layers, estimator, feature_names=feature_names, others=others),
    )


def content(
    architecture: Architecture,
    layers: Sequence[Mapping[str, NDArray[Any]]],
    estimator: dict[str, Any] | None = None,
    *,
    feature_names: Sequence[str] | None = None,
    others: Sequence[Sequence[Mapping[str, NDArray[Any]]]] = (),
) -> bytes:
    """Return what `write` writes.

    Raises
    ------
    ValueError
        If the model is beyond the limits that `read` sets to files.
    """
    header: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "library_version": __version__,
        **dataclasses.asdict(architecture),
    }
    if feature_names is not None:
        header["feature_names"] = list(feature_names)
    if estimator is not None:
        header["estimator"] = estimator
    if others:
        header["n_networks"] = 1 + len(others)
    text = json.dumps(header, allow_nan=False)
    arrays = {
        _name_in_file(place, name): array
        for place, network in enumerate([layers, *others])
        for name, array in by_whole_name(network).items()
    }
    file = serialized(arrays, {_KEY: text})
    n_layers = (len(architecture.layer_sizes) - 1) * (1 + len(others))
    header_bytes = int.from_bytes(file[:8], "little")
    if n_layers > MAX_LAYERS or header_bytes > MAX_HEADER_BYTES:
        raise ValueError(
            f"a model file holds at most {MAX_LAYERS} layers and {MAX_HEADER_BYTES} bytes beside "
            f"the parameters, but this model has {n_layers} layers and needs {header_bytes} bytes"
        )
    return file


def read(path: str | os.PathLike[str]) -> ModelFile:
    """Read a model and check that its arrays are those of its architecture.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is not a model file, or contradicts itself.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no model file {path}")
    if Path(path).is_dir():
        raise ModelFileError(f"{path} is a folder; pass a model file, such as one in it")
    try:
        with SafetensorsFile(path) as file:
            return _read(path, file)
    except ForeignFileError as error:
        raise ModelFileError(f"{path} is not a readable safetensors file, but {error}") from error
    except SafetensorsError as error:
        raise ModelFileError(
            f"{path} is not a readable safetensors file ({reason(error)}); was it cut short, or "
            "is it of another kind?"
        ) from error
    except RecursionError as error:
        raise ModelFileError(f"{path}: its {_KEY!r} metadata is nested too deep") from error


def _read(path: str | os.PathLike[str], file: SafetensorsFile) -> ModelFile:
    header = _parse_header(path, file.metadata)
    architecture = _architecture(path, header)
    n_networks = _n_networks(path, header, architecture)
    names = by_whole_name(shapes_of(architecture))
    shapes = {
        _name_in_file(place, name): shape
        for place in range(n_networks)
        for name, shape in names.items()
    }
    _check_arrays(path, file.entries, architecture, shapes)
    dtype = np.dtype(architecture.dtype)
    networks = [
        {name: file.read(_name_in_file(place, name), dtype) for name in names}
        for place in range(n_networks)
    ]
    return ModelFile(
        header["library_version"],
        architecture,
        networks[0],
        header.get("estimator"),
        _feature_names(path, header, architecture),
        tuple(networks[1:]),
    )


def _name_in_file(place: int, name: str) -> str:
    """Return the name that an array of a network has; the first network's are its own."""
    return f"networks.{place}.{name}" if place else name


def _n_networks(
    path: str | os.PathLike[str], header: dict[str, Any], architecture: Architecture
) -> int:
    found = header.get("n_networks", 1)
    most = MAX_LAYERS // (len(architecture.layer_sizes) - 1)
    if type(found) is not int or not 1 <= found <= max(most, 1):
        raise ModelFileError(f"{path}: its {_KEY!r} metadata has n_networks={shown(found)}")
    if found > 1 and header.get("estimator") is None:
        raise ModelFileError(f"{path} holds {found} networks, but no estimator that averages them")
    return found


def _parse_header(path: str | os.PathLike[str], metadata: dict[str, str]) -> dict[str, Any]:
    if _KEY not in metadata:
        raise ModelFileError(
            f"{path} is a safetensors file, but not a model of eigenmlp: its metadata has no "
            f"{_KEY!r} entry"
        )
    try:
        header = strict_json(metadata[_KEY])
        found = header["format_version"]
    except (SafetensorsError, TypeError, KeyError) as error:
        damaged = isinstance(error, SafetensorsError)
        why = reason(error) if damaged else "it names no format_version"
        raise ModelFileError(f"{path}: its {_KEY!r} metadata can't be read ({why})") from error
    if type(found) is not int or found != FORMAT_VERSION:
        older = type(found) is int and 1 <= found < FORMAT_VERSION
        remedy = "no released one wrote it" if older else "a newer eigenmlp may read it"
        raise ModelFileError(
            f"{path} has format version {shown(found)}, but this eigenmlp reads "
            f"{FORMAT_VERSION}; {remedy}"
        )
    if not isinstance(header.get("library_version"), str):
        raise ModelFileError(f"{path}: its {_KEY!r} metadata names no library_version")
    if not isinstance(header.get("estimator"), dict | None):
        raise ModelFileError(f"{path}: its {_KEY!r} metadata describes no estimator")
    return header  # type: ignore[no-any-return]


def _architecture(path: str | os.PathLike[str], header: dict[str, Any]) -> Architecture:
    try:
        _check_depth(_list_of(header["layer_sizes"]))
        seed = _seed_of(header["dropout_seed"])
        architecture = Architecture.of(
            header["layer_sizes"],
            activation=_list_of(header["activations"]),
            dropout=_list_of(header["dropouts"]),
            normalization=_list_of(header["normalizations"]),
            output=header["output"],
            dtype=_dtype_of(header["dtype"]),
            input_scale=header["input_scale"],
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(
            f"{path}: its {_KEY!r} metadata describes no network: {reason(error)}"
        ) from error
    return dataclasses.replace(architecture, dropout_seed=seed)


def _feature_names(
    path: str | os.PathLike[str], header: dict[str, Any], architecture: Architecture
) -> tuple[str, ...] | None:
    names = header.get("feature_names")
    try:
        return None if names is None else checked_names(names, architecture.layer_sizes[0])
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"{path}: its {_KEY!r} metadata: {reason(error)}") from error


def _check_arrays(
    path: str | os.PathLike[str],
    entries: dict[str, Entry],
    architecture: Architecture,
    shapes: Mapping[str, tuple[int, ...]],
) -> None:
    if entries.keys() != shapes.keys():
        wrong = sorted(entries.keys() ^ shapes.keys())
        raise ModelFileError(
            f"{path} should hold the arrays {_escaped(list(shapes))}; missing or "
            f"unexpected: {_escaped(wrong)}"
        )
    dtype = architecture.dtype
    item_bytes = np.dtype(dtype).itemsize
    for name, shape in shapes.items():
        entry = entries[name]
        if (entry.shape, entry.dtype) != (shape, _DTYPES[dtype]):
            raise ModelFileError(
                f"{path}: {name} is {shortened(entry.dtype)} of shape {shown(entry.shape)}, but "
                f"the architecture {shown(list(architecture.layer_sizes))} in {dtype} needs "
                f"{_DTYPES[dtype]} of shape {shape}"
            )
        if entry.stop - entry.start != item_bytes * math.prod(shape):
            raise ModelFileError(
                f"{path}: {name} has {entry.stop - entry.start} bytes, but its shape {shape} in "
                f"{dtype} needs {item_bytes * math.prod(shape)}"
            )


def _check_depth(sizes: list[Any]) -> None:
    if len(sizes) > MAX_LAYERS + 1:
        raise ValueError(f"it has {len(sizes) - 1} layers, more than {MAX_LAYERS}")


def _seed_of(value: Any) -> int:
    seed = whole_number("dropout_seed", value, minimum=0, remedy="it counts from 0")
    if seed >= 2**64:
        raise ValueError(f"dropout_seed={seed} is beyond 64 bits")
    return seed


def _dtype_of(value: Any) -> str:
    # NumPy would read whole records into a text.
    if not isinstance(value, str) or value not in _DTYPES:
        raise ValueError(f'dtype={value} is not supported; use "float32" or "float64"')
    return value


def _list_of(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value


def _escaped(names: Sequence[str]) -> str:
    # A file may name its arrays anything.
    return listed([name.encode("unicode_escape").decode() for name in names], most=6)
