"""State dicts of PyTorch, read as layers of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eigenmlp.common.words import listed, reason, shown, type_of

__all__ = ["TorchLayer", "modules_of"]

_KNOWN = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
_PARAMETRIZED = re.compile(r"(^|\.)(parametrizations\.|weight_(g|v|orig|mask|u)$)")

_Arrays = dict[str, NDArray[Any]]


class TorchLayer(NamedTuple):
    """A ``Linear``, and perhaps what normalizes it.

    Attributes
    ----------
    name : str
        What the state dict calls the ``Linear``.
    arrays : dict of str to array
        In our names and shapes: ``weight`` (fan_in, fan_out) and ``bias``, and, if there is a
        module between it and the next ``Linear``, ``gain``, ``shift`` and perhaps
        ``running_mean`` and ``running_variance``.
    has_bias : bool
        Whether the bias was there, or zeros stand for it.
    behind : str or None
        The name of that module.
    has_shift : bool
        Whether that has a bias.
    """

    name: str
    arrays: _Arrays
    has_bias: bool
    behind: str | None = None
    has_shift: bool = True

    def normalization(self, said: str | None) -> str | None:
        """Tell the normalization from what is there and what is said of it.

        Parameters
        ----------
        said : {"batch", "layer"} or None
            None leaves it to the state dict, which shows running statistics alone.

        Raises
        ------
        ValueError
            If the two contradict each other, or don't tell.
        """
        if self.behind is None:
            if said is None:
                return None
            raise ValueError(
                f"normalization={shown(said)} is said of {shown(self.name)}, but the state dict "
                "has none behind it; pass one entry for each hidden layer, None for those "
                "without, and add ones and zeros for a normalization without parameters"
            )
        if "running_mean" in self.arrays:
            if said == "layer":
                raise ValueError(
                    f"{shown(self.behind)} has running statistics, so that it is not a LayerNorm; "
                    'say normalization="batch" of it'
                )
            return "batch"
        if said == "layer":
            return "layer"
        if said == "batch":
            raise ValueError(
                f"{shown(self.behind)} has no running statistics: a BatchNorm1d without them "
                "normalizes each batch by itself, which no network of eigenmlp does"
            )
        shape = self.arrays["gain"].shape
        parts, kinds = "a weight", "PReLU, RMSNorm or LayerNorm without bias"
        if self.has_shift:
            parts = "weight and bias"
            kinds = "LayerNorm, GroupNorm, InstanceNorm1d or BatchNorm1d without statistics"
        raise ValueError(
            f"{shown(self.behind)} has {parts} of shape {shape} alone, as {kinds} would; a state "
            "dict "
            'doesn\'t tell them apart. If it is a LayerNorm, say so: normalization="layer", or '
            "one entry for each hidden layer. Networks of eigenmlp have none of the others"
        )

    def refuse_embedding(self, *, alone: bool) -> None:
        """Refuse a first matrix that may be a table of embeddings: nothing shows a ``Linear``."""
        fan_in, fan_out = self.arrays["weight"].shape
        if self.has_bias or self.behind is not None or (not alone and fan_in != fan_out):
            return
        raise ValueError(
            f"{shown(self.name)} is a matrix of shape {(fan_out, fan_in)} without a bias, as "
            "Linear or Embedding would have; a state dict doesn't tell them apart. If it is a "
            f"Linear, add its bias of {fan_out} zeros"
        )


def modules_of(state: object) -> list[TorchLayer]:
    """Read a state dict as layers, each shape checked.

    Returns
    -------
    list of TorchLayer
        At least one; nothing is behind the last.

    Raises
    ------
    TypeError, ValueError
        If it is something else.
    """
    layers: list[TorchLayer] = []
    for name, arrays in _grouped(state).items():
        if arrays.get("weight", np.empty(0)).ndim == 2:
            if "running_mean" in arrays:
                raise ValueError(f"{shown(name)} has a matrix and running statistics; {_REMEDY}")
            layers.append(_linear(name, arrays, layers))
        elif not layers:
            raise ValueError(f"{shown(name)} follows no Linear layer; {_REMEDY}")
        elif layers[-1].behind is not None:
            raise ValueError(
                f"{shown(name)} follows no Linear layer, but {shown(layers[-1].behind)}; {_REMEDY}"
            )
        else:
            layers[-1] = _normalized(layers[-1], name, arrays)
    if not layers or layers[-1].behind is not None:
        raise ValueError(f"the state dict ends with no Linear layer; {_REMEDY}")
    return layers


_REMEDY = "pass the state of Linear layers, each but the last perhaps with a normalization behind"


def _grouped(state: object) -> dict[str, _Arrays]:
    """Return the arrays of each module, in the order of the state dict."""
    if not isinstance(state, Mapping):
        remedy = "pass its state_dict()" if hasattr(state, "state_dict") else _REMEDY
        raise TypeError(f"state is {type_of(state)}, not a state dict; {remedy}")
    inner = [key for key, value in state.items() if isinstance(value, Mapping)]
    if inner:
        raise ValueError(
            f"state has whole dicts under {listed(list(map(repr, inner)))}, as a checkpoint of "
            "training has; pass the one that is the module's state dict"
        )
    groups: dict[str, _Arrays] = {}
    for key, value in state.items():
        module, _, name = str(key).rpartition(".")
        if name not in _KNOWN:
            remedy = _REMEDY
            if _PARAMETRIZED.search(str(key)):
                remedy = (
                    "undo weight_norm, spectral_norm, pruning and the like in PyTorch first, as "
                    "torch.nn.utils.parametrize.remove_parametrizations does"
                )
            raise ValueError(
                f"{shown(key)} is of no layer that a network of eigenmlp has; {remedy}"
            )
        groups.setdefault(module, {})[name] = _array(key, name, value)
    return groups


def _array(key: object, name: str, value: Any) -> NDArray[Any]:
    """Read a tensor or array; of bfloat16, which NumPy lacks, as float32, which is exact."""
    try:
        tensor = value.detach().cpu() if hasattr(value, "detach") else value
        if str(getattr(tensor, "dtype", "")) == "torch.bfloat16":
            tensor = tensor.float()
        array = np.asarray(tensor)
    except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise TypeError(
            f"{shown(key)} can't be read as an array of numbers: {reason(error)}; pass dense "
            "tensors of float32 or float64"
        ) from error
    if array.dtype.name == "bfloat16":  # of ml_dtypes, as JAX has it
        array = array.astype(np.float32)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{shown(key)} must hold real numbers, got dtype {array.dtype}")
    if array.dtype.kind != "f" and array.dtype.itemsize < 8 and name != "num_batches_tracked":
        raise TypeError(
            f"{shown(key)} is of {array.dtype}, as the codes of a quantized layer are, whose "
            "scales it doesn't hold; dequantize it, or pass floats"
        )
    return array


def _linear(name: str, arrays: _Arrays, before: list[TorchLayer]) -> TorchLayer:
    weight = arrays["weight"].T
    fan_in, fan_out = weight.shape
    if before and before[-1].arrays["bias"].shape != (fan_in,):
        raise ValueError(
            f"{shown(name)} takes {fan_in} inputs, but the layer before it has "
            f"{len(before[-1].arrays['bias'])} units"
        )
    bias = arrays.get("bias", np.zeros(fan_out, weight.dtype))
    _check_shape(name, "bias", bias, (fan_out,))
    return TorchLayer(name, {"weight": weight, "bias": bias}, "bias" in arrays)


def _normalized(layer: TorchLayer, name: str, arrays: _Arrays) -> TorchLayer:
    shape = layer.arrays["bias"].shape
    statistics = [part for part in ("running_mean", "running_var") if part in arrays]
    if len(statistics) == 1 or not ({"weight", "running_mean"} & arrays.keys()):
        raise ValueError(f"{shown(name)} has only {', '.join(arrays)}; {_REMEDY}")
    if arrays.keys() == {"weight"} and arrays["weight"].shape == (1,) != shape:
        raise ValueError(
            f"{shown(name)} has a single number as its weight, as PReLU has, which no network of "
            f"eigenmlp has; {_REMEDY}"
        )
    dtype = next(iter(arrays.values())).dtype
    found = {
        "gain": arrays.get("weight", np.ones(shape, dtype)),
        "shift": arrays.get("bias", np.zeros(shape, dtype)),
    }
    if statistics:
        found["running_mean"] = arrays["running_mean"]
        found["running_variance"] = arrays["running_var"]
    for part, array in found.items():
        _check_shape(name, part, array, shape)
    _check_place(layer.name, name)
    return layer._replace(arrays=layer.arrays | found, behind=name, has_shift="bias" in arrays)


def _check_place(linear: str, behind: str) -> None:
    """Refuse a normalization that the numbers of a ``Sequential`` show behind something else."""
    (parent, _, number), (other_parent, _, other) = linear.rpartition("."), behind.rpartition(".")
    if parent != other_parent or not (number.isdecimal() and other.isdecimal()):
        return
    if int(other) != int(number) + 1:
        raise ValueError(
            f"{shown(behind)} is not directly behind {shown(linear)}: a network of eigenmlp "
            "normalizes before the activation, not after it. If what lies between does nothing in "
            "prediction, as Dropout, name it "
            f"{'.'.join(filter(None, [parent, str(int(number) + 1)]))!r}"
        )


def _check_shape(name: str, part: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(
            f"{shown(name)} has a {part} of shape {array.shape}, but {shape} is needed"
        )
