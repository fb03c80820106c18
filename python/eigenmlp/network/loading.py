"""Networks from model files."""

import contextlib
import os
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from eigenmlp.common.array_likes import fill
from eigenmlp.common.columns import checked_names
from eigenmlp.errors import ModelFileError
from eigenmlp.network import model_file
from eigenmlp.network.layout import by_whole_name
from eigenmlp.network.network import Network

__all__ = ["all_from_file", "from_file", "load_network"]


def load_network(path: str | os.PathLike[str]) -> Network:
    """Read the network of a model file.

    Of an estimator's file it is the network that predicts, with the names of its features; its
    labels are known to the estimator alone, which `load_model` reads.
    Loading runs no code from the file, and checks every name, shape and value.

    Parameters
    ----------
    path : path-like
        A safetensors file, written by `save` of any version of eigenmlp up to this one.

    Returns
    -------
    Network
        Of the same bits as the one saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If the file is not a model of eigenmlp, is damaged, contradicts itself, or holds several
        networks.

    Examples
    --------
    See `Network.save`.
    """
    content = model_file.read(path)
    if content.others:
        raise ModelFileError(
            f"{os.fspath(path)} holds {1 + len(content.others)} networks, which an estimator "
            "averages; eigenmlp.load_model reads them, as model.networks_"
        )
    network = from_file(path, content)
    names = (content.estimator or {}).get("feature_names")
    if names is not None:
        # What is wrong with an estimator's description doesn't touch its network.
        with contextlib.suppress(TypeError, ValueError):
            network._feature_names = checked_names(names, network.layer_sizes[0])
    return network


def from_file(path: str | os.PathLike[str], content: model_file.ModelFile) -> Network:
    """Make the network that a file holds.

    Raises
    ------
    ModelFileError
        If a value is not finite, or a running variance negative.
    """
    return _filled(path, content, content.arrays)


def all_from_file(path: str | os.PathLike[str], content: model_file.ModelFile) -> list[Network]:
    """Make all networks that a file holds; errors are those of `from_file`."""
    return [_filled(path, content, arrays) for arrays in (content.arrays, *content.others)]


def _filled(
    path: str | os.PathLike[str],
    content: model_file.ModelFile,
    arrays: Mapping[str, NDArray[Any]],
) -> Network:
    network = Network._of(content.architecture, content.feature_names)
    flat = network.get_flat_parameters()
    try:
        for name, view in by_whole_name(network.split(flat)).items():
            fill(view, arrays[name], name)
        network._set_values(flat, "it")
    except ValueError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from error
    return network
