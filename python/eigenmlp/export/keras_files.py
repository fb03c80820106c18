"""Files of Keras: the layers that they describe, and their arrays. Keras is not needed."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eigenmlp.common.extras import require
from eigenmlp.common.words import listed, reason, shown
from eigenmlp.errors import ModelFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["KerasLayer", "is_keras_file", "keras_layers", "keras_weights", "readable"]

_HDF5 = b"\x89HDF\r\n\x1a\n"
# What files that are made up or damaged lead to.
_DAMAGED = (AttributeError, IndexError, KeyError, OSError, TypeError, zipfile.BadZipFile)


class KerasLayer(NamedTuple):
    """A layer as a file has it.

    Attributes
    ----------
    kind : str
        Its class in Keras.
    name : str
    config : mapping
    arrays : list of array
        In Keras's order.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    arrays: list[NDArray[Any]]


def is_keras_file(path: str | os.PathLike[str]) -> bool:
    """Tell files that may be of Keras: HDF5, and zip archives with a description of a model."""
    path = Path(path)
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        if stream.read(len(_HDF5)) == _HDF5:
            return True
    return zipfile.is_zipfile(path) and _describes(path)


def _describes(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return {"config.json", "model.weights.h5"} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


@contextmanager
def readable(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say of which file an error is.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        In the place of all others.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file {os.fspath(path)}")
    try:
        yield
    except ValueError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from error
    except _DAMAGED as error:
        raise ModelFileError(
            f"{os.fspath(path)} is damaged, or no model of Keras: {type(error).__name__}: "
            f"{reason(error)}"
        ) from error


def keras_layers(path: str | os.PathLike[str]) -> list[KerasLayer] | None:
    """Read the layers of a model in the order in which they compute.

    Returns
    -------
    list of KerasLayer or None
        None of a file of weights alone.

    Raises
    ------
    ImportError
        If h5py is missing; the extra ``keras`` brings it.
    ValueError
        If the layers are no chain, or arrays are elsewhere or no floats.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            described = json.loads(archive.read("config.json"))
            with _opened(io.BytesIO(archive.read("model.weights.h5"))) as file:
                return _chain(described, lambda layers: _by_kind(file, layers))
    with _opened(path) as file:
        if "model_config" not in file.attrs:
            return None
        described = json.loads(_text(file.attrs["model_config"]))
        return _chain(described, lambda layers: _by_name(file["model_weights"], layers))


def keras_weights(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Read a file of weights alone as a state dict of PyTorch, if it is of Dense layers.

    Raises
    ------
    ImportError
        If h5py is missing; the extra ``keras`` brings it.
    ValueError
        If other layers have weights, too.
    """
    with _opened(path) as file:
        if "layer_names" in file.attrs:
            names = [_text(name) for name in file.attrs["layer_names"]]
            found = {name: _legacy_arrays(file, name) for name in names}
        else:
            numbered = sorted(file["layers"], key=_number)
            found = {name: _numbered_arrays(file["layers"], name) for name in numbered}
    state = {}
    for name, arrays in found.items():
        if not arrays:
            continue
        if [array.ndim for array in arrays] not in ([2], [2, 1]):
            shapes = listed([array.shape for array in arrays])
            raise ValueError(
                f"{shown(name)} has weights of the shapes {shapes}, and is no Dense layer. A file "
                "of weights doesn't tell what is between them; write the whole model in Keras: "
                'model.save("model.keras")'
            )
        state[f"{name}.weight"] = arrays[0].T
        no_bias = np.zeros(arrays[0].shape[1], arrays[0].dtype)
        state[f"{name}.bias"] = arrays[1] if len(arrays) > 1 else no_bias
    return state


def _number(name: str) -> tuple[int, str]:
    number = re.fullmatch(r".*_(\d{1,9})", name)
    return (int(number[1]) if number else 0), name


# --- descriptions ------------------------------------------------------------------------------


def _chain(described: Mapping[str, Any], arrays_of: Any) -> list[KerasLayer]:
    config = described["config"]
    # Older ones have a list of layers alone.
    layers = config if isinstance(config, list) else config["layers"]
    if described["class_name"] not in {"Sequential", "Functional", "Model"}:
        raise ValueError(
            f"the model is a {shown(described['class_name'])}, which runs code of its own; a "
            "network of eigenmlp is a Sequential or Functional one of Dense layers"
        )
    found = [
        KerasLayer(layer["class_name"], layer["config"]["name"], layer["config"], arrays)
        for layer, arrays in zip(layers, arrays_of(layers), strict=True)
    ]
    return found if described["class_name"] == "Sequential" else _in_order(config, found)


def _in_order(config: Mapping[str, Any], layers: list[KerasLayer]) -> list[KerasLayer]:
    """Follow the connections of a functional model, which must be one chain through all layers."""
    follows: dict[str | None, list[KerasLayer]] = {}
    for entry, layer in zip(config["layers"], layers, strict=True):
        for source in _sources(entry["inbound_nodes"]) or [None]:
            follows.setdefault(source, []).append(layer)
    chain: list[KerasLayer] = []
    while len(following := follows.get(chain[-1].name if chain else None, [])) == 1:
        if following[0] in chain:
            break
        chain.append(following[0])
    ends = _sources(config["output_layers"]) == [layer.name for layer in chain[-1:]]
    if not ends or len(chain) < len(layers) or sum(map(len, follows.values())) > len(layers):
        raise ValueError(
            f"its {len(layers)} layers branch or meet, but a network of eigenmlp has one after the "
            "other"
        )
    return chain


def _sources(nodes: Any) -> list[str | None]:
    """Return the names of the layers that a layer reads, in Keras 3's words or older ones."""
    if isinstance(nodes, dict):
        history = nodes.get("config", {}).get("keras_history")
        inner = [part for value in nodes.values() for part in _sources(value)]
        return [history[0]] if history else inner
    if isinstance(nodes, list):
        if nodes and isinstance(nodes[0], str):
            return [nodes[0]]
        return [part for node in nodes for part in _sources(node)]
    return []


# --- arrays ------------------------------------------------------------------------------------


@contextmanager
def _opened(file: Any) -> Iterator[Any]:
    h5py = require("h5py", extra="keras", purpose="Reading a file of Keras")
    with h5py.File(file, "r") as opened:
        yield opened


def _by_kind(file: Any, layers: Sequence[Mapping[str, Any]]) -> list[list[NDArray[Any]]]:
    """Read arrays that stand under their layers' classes with a number, as dense, dense_1."""
    seen: Counter[str] = Counter()
    found = []
    for layer in layers:
        kind = _snake_case(layer["class_name"])
        name = f"{kind}_{seen[kind]}" if seen[kind] else kind
        seen[kind] += 1
        groups = file["layers"]
        found.append(_numbered_arrays(groups, name) if name in groups else [])
    return found


def _snake_case(name: str) -> str:
    """Write a class as Keras's `naming.to_snake_case` does."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _numbered_arrays(groups: Any, name: str) -> list[NDArray[Any]]:
    stored = groups[name].get("vars", {})
    return [_array(groups, f"{name}/vars/{number}") for number in range(len(stored))]


def _by_name(groups: Any, layers: Sequence[Mapping[str, Any]]) -> list[list[NDArray[Any]]]:
    names = [layer["config"]["name"] for layer in layers]
    return [_legacy_arrays(groups, name) if name in groups else [] for name in names]


def _legacy_arrays(groups: Any, name: str) -> list[NDArray[Any]]:
    stored = [_text(weight) for weight in groups[name].attrs["weight_names"]]
    return [_array(groups, f"{name}/{weight}") for weight in stored]


def _array(groups: Any, place: str) -> NDArray[Any]:
    dataset = groups[place]
    # A file that comes from elsewhere could name any other of this machine.
    if dataset.file.filename != groups.file.filename or dataset.external or dataset.is_virtual:
        raise ValueError(f"{shown(place)} is in another file; write the model anew, as one file")
    if dataset.dtype.kind != "f" and dataset.shape:  # a count may be whole
        raise ValueError(
            f"{shown(place)} is of {dataset.dtype}, as weights of a quantized model are; write one "
            "that is not quantized"
        )
    return np.asarray(dataset[()], np.float64 if dataset.dtype.itemsize > 4 else np.float32)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
