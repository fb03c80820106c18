"""Networks of what Keras has trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from eigenmlp.common.words import listed, shown
from eigenmlp.export.keras_files import KerasLayer, keras_layers, readable
from eigenmlp.export.layers import NORMALIZATION_EPSILON
from eigenmlp.export.state_dicts import filled
from eigenmlp.network import Network
from eigenmlp.network.architecture import ACTIVATIONS, OUTPUTS

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["from_keras"]

# Keras's names, and those of networks' activations and outputs.
_FUNCTIONS = {
    **{name: name for name in ("tanh", "relu", "elu", "selu", "silu", "gelu", "mish")},
    **{name: name for name in ("softmax", "exponential")},
    "linear": "identity",
    "sigmoid": "logistic",
    "swish": "silu",
}
_NOTHING = {  # in prediction
    *("InputLayer", "ActivityRegularization", "GaussianNoise", "GaussianDropout", "AlphaDropout"),
}
_KNOWN = (
    "a network of eigenmlp is made of Dense layers, BatchNormalization, LayerNormalization, "
    "Rescaling, Normalization, Dropout, Flatten before them, and activations"
)
_OF_ALL = {"name", "trainable", "dtype"}  # settings of every layer
_LEAKY_SLOPE = 0.01
_STATISTICS = ("running_mean", "running_variance")


def from_keras(path: str | os.PathLike[str], *, output: str | None = None) -> Network:
    r"""Make a network of a model file of Keras, which computes the same.

    Such are ``*.keras`` and, of older versions too, whole models in ``*.h5``. Keras is not needed,
    and nothing of the file is executed.

    Layers must stand in a row, in a ``Sequential`` or a functional model: ``Dense``, behind it
    perhaps ``BatchNormalization`` or ``LayerNormalization``, an activation, ``Dropout``. What a
    network has no place for is multiplied into the weights where that is exact: a
    ``BatchNormalization`` elsewhere, ``Rescaling`` and ``Normalization``, which scale and shift
    what a ``Dense`` layer reads; and an ε that isn't ours.

    Parameters
    ----------
    path : path-like
    output : {"softmax", "logistic", "identity", "exponential"} or None, default=None
        What follows a last layer without activation, as of a model that was trained with
        ``from_logits=True``. None leaves it to the file.

    Returns
    -------
    Network
        In float64 if one of the arrays is of it, or else in float32. A sample of several dimensions
        that ``Flatten`` takes is a row of as many numbers.

    Raises
    ------
    ImportError
        If the package h5py is missing; the extra ``keras`` brings it.
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is damaged, holds weights alone, or a layer that no network has, which is named.
    ValueError
        If `output` is unknown, or the file tells of another.

    See Also
    --------
    to_arrays : the way there.

    Examples
    --------
    ::

        model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")])
        ...
        model.save("model.keras")
        network = em.export.from_keras("model.keras")
    """
    if output is not None and output not in OUTPUTS:
        raise ValueError(f"output={shown(output)} is unknown; use one of {', '.join(OUTPUTS)}")
    with readable(path):
        layers = keras_layers(path)
        if layers is None:
            raise ValueError(
                "it holds weights alone, or is no file of Keras. Write the whole model in Keras, "
                'model.save("model.keras"); or eigenmlp convert reads weights of Dense layers, '
                "with --activation and --outputs"
            )
        built = _Built(
            n_inputs=_n_inputs(layers),
            wide=any(array.dtype == np.float64 for layer in layers for array in layer.arrays),
        )
        for place, layer in enumerate(layers, start=1):
            built.add(place, layer)
        network = built.network()
    if output is None or output == network.output:
        return network
    if network.output != "identity":
        raise ValueError(
            f"output={output!r} contradicts {path}, whose last activation is {network.output}; "
            "leave it out"
        )
    with readable(path):
        return built.network(output)


@dataclass
class _Built:
    """What the layers before the next one have come to, one entry for each Dense layer."""

    n_inputs: int | None
    wide: bool
    arrays: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    normalizations: list[str | None] = field(default_factory=list)
    dropouts: list[float] = field(default_factory=list)
    # Behind the last Dense layer and what follows it: factor and summand of what comes next.
    affine: tuple[NDArray[Any], NDArray[Any]] | None = None
    # Whether nothing but a Dense layer, or its normalization, is behind.
    bare: bool = False

    def add(self, place: int, layer: KerasLayer) -> None:
        """Add a layer, the first of which has the place 1."""
        match layer.kind:
            case "Dense":
                self._dense(place, layer)
            case "BatchNormalization":
                self._batch_normalization(place, layer)
            case "LayerNormalization":
                self._layer_normalization(place, layer)
            case "Rescaling" | "Normalization":
                self._scale(place, layer, *_affine(place, layer))
            case "Dropout":
                if self.dropouts and self.affine is None:
                    self.dropouts[-1] = float(layer.config["rate"])
            case "Flatten":
                if layer.config.get("data_format", "channels_last") != "channels_last":
                    _refuse(place, layer, "it takes the last axis first")
            case kind if kind not in _NOTHING:
                self._activate(place, layer, _function(place, layer, kind, layer.config))

    def network(self, output: str | None = None) -> Network:
        """Return the network."""
        if not self.arrays:
            raise ValueError(f"it has no Dense layer; {_KNOWN}")
        if self.affine is not None:
            raise ValueError(
                "a normalization or Rescaling stands at its end, behind the last activation, where "
                "a network of eigenmlp has none"
            )
        *hidden, last = self.functions
        wrong = [name for name in hidden if name not in ACTIVATIONS]
        if wrong or last not in OUTPUTS:
            where = "a hidden layer's" if wrong else "the last layer's"
            known = ACTIVATIONS if wrong else OUTPUTS
            raise ValueError(
                f"{where} activation is {[*wrong, last][0]}, where a network of eigenmlp has one "
                f"of {', '.join(known)}"
            )
        layers = [*self.arrays]
        if self.normalizations[-1] == "batch":
            layers[-1] = _without_normalization(layers[-1])
        elif self.normalizations[-1] is not None:
            raise ValueError(
                "the last Dense layer has a LayerNormalization behind it, where a network of "
                "eigenmlp has none"
            )
        network = Network(
            [len(layers[0]["weight"]), *(len(arrays["bias"]) for arrays in layers)],
            activation=hidden,
            output=output or last,
            dropout=self.dropouts[:-1],
            normalization=self.normalizations[:-1],
            dtype="float64" if self.wide else "float32",
            rng=0,
        )
        return filled(network, layers, "the file")

    def _n_units(self) -> int | None:
        """Return how many numbers the next layer reads, if that is known."""
        return len(self.arrays[-1]["bias"]) if self.arrays else self.n_inputs

    def _dense(self, place: int, layer: KerasLayer) -> None:
        weight, *rest = layer.arrays or _refuse(place, layer, "it has no weights in the file")
        units = layer.config["units"]
        fan_in = self._n_units() or len(weight)
        bias = rest[0] if rest else np.zeros(units)
        if weight.shape != (fan_in, units) or bias.shape != (units,) or len(rest) > 1:
            shapes = listed([array.shape for array in layer.arrays])
            _refuse(place, layer, f"its weights are {shapes} where ({fan_in}, {units}) is needed")
        weight, bias = weight.astype(np.float64), bias.astype(np.float64)
        if self.affine is not None:
            factor, summand = (np.broadcast_to(part, (fan_in,)) for part in self.affine)
            weight, bias = factor[:, None] * weight, bias + summand @ weight
            self.affine = None
        self.arrays.append({"weight": weight, "bias": bias})
        self.functions.append("identity")
        self.normalizations.append(None)
        self.dropouts.append(0.0)
        self.bare = True
        self._activate(place, layer, _function(place, layer, "Activation", layer.config))

    def _activate(self, place: int, layer: KerasLayer, function: str) -> None:
        if function == "identity":
            return
        if not self.bare:
            _refuse(place, layer, "it is not behind a Dense layer, or one with an activation")
        self.functions[-1] = function
        self.bare = False

    def _batch_normalization(self, place: int, layer: KerasLayer) -> None:
        _check_axis(place, layer)
        arrays = _normalization(place, layer, _STATISTICS, self._n_units())
        epsilon = float(layer.config["epsilon"])
        # The variance and ε are summed, whoever's ε it is.
        variance = arrays["running_variance"] + (epsilon - NORMALIZATION_EPSILON)
        arrays["running_variance"] = variance
        if (variance < 0).any():
            _refuse(place, layer, f"its variance with epsilon={epsilon} is below {-variance.min()}")
        if self.bare and self.normalizations[-1] is None:
            self.arrays[-1] |= arrays
            self.normalizations[-1] = "batch"
        else:
            slope = _slope(arrays)
            self._scale(place, layer, slope, arrays["shift"] - arrays["running_mean"] * slope)

    def _layer_normalization(self, place: int, layer: KerasLayer) -> None:
        _check_axis(place, layer)
        if not self.bare or self.normalizations[-1] is not None:
            _refuse(place, layer, "it is not directly behind a Dense layer without activation")
        if layer.config.get("rms_scaling"):
            _refuse(place, layer, "rms_scaling leaves the mean in")
        # What is normalized may be any multiple of itself, and ε then its square.
        factor = math.sqrt(NORMALIZATION_EPSILON / float(layer.config["epsilon"]))
        arrays = {name: array * factor for name, array in self.arrays[-1].items()}
        self.arrays[-1] = arrays | _normalization(place, layer, (), self._n_units())
        self.normalizations[-1] = "layer"

    def _scale(self, place: int, layer: KerasLayer, factor: Any, summand: Any) -> None:
        """Let what comes next read its input times a factor and plus a summand."""
        if self.bare:
            _refuse(place, layer, "it is directly behind a Dense layer, or its normalization")
        factor, summand = np.asarray(factor, np.float64), np.asarray(summand, np.float64)
        if self.affine is not None:
            factor, summand = factor * self.affine[0], factor * self.affine[1] + summand
        self.affine = factor, summand


def _n_inputs(layers: Sequence[KerasLayer]) -> int | None:
    """Return how many numbers a sample has, if the first layer tells."""
    config = layers[0].config if layers else {}
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    if shape is None:
        return None
    if len(shape) != 2 and not any(layer.kind == "Flatten" for layer in layers):
        raise ValueError(
            f"its samples are of shape {shown(shape[1:])}, but a network of eigenmlp reads rows of "
            "numbers; Flatten would make them"
        )
    return int(np.prod(shape[1:])) if all(isinstance(size, int) for size in shape[1:]) else None


def _affine(place: int, layer: KerasLayer) -> tuple[Any, Any]:
    """Return what Rescaling or Normalization multiplies by, and adds."""
    config = layer.config
    if layer.kind == "Rescaling":
        return config["scale"], config["offset"]
    _check_axis(place, layer)
    if config.get("invert"):
        _refuse(place, layer, "invert turns it round")
    mean, variance = config.get("mean"), config.get("variance")
    if mean is None or variance is None:
        mean, variance = layer.arrays[:2]
    deviation = np.maximum(np.sqrt(np.ravel(variance).astype(np.float64)), 1e-7)  # Keras's ε
    return 1 / deviation, -np.ravel(mean) / deviation


def _refuse(place: int, layer: KerasLayer, why: str) -> NoReturn:
    raise ValueError(
        f"layer {place} (counted from 1), {layer.kind} {shown(layer.name)}, can't be taken: {why}"
    )


def _function(place: int, layer: KerasLayer, kind: str, config: Any) -> str:
    """Return the name that an activation has here."""
    found, why = None, _KNOWN
    match kind, config:
        case ("Activation", {"activation": Mapping() as inner}):
            found = _function(place, layer, inner["class_name"], inner["config"])
        case ("Activation", {"activation": None}):
            found = "identity"
        case ("Activation", {"activation": name}) | ("function", name):
            found, why = _FUNCTIONS.get(name), f"no activation here is Keras's {shown(name)}"
        case ("ReLU" | "LeakyReLU" | "ELU" | "Softmax", _):
            found = _with_settings(kind, config)
            own = {name: value for name, value in config.items() if name not in _OF_ALL}
            why = f"a network of eigenmlp has none of its settings, {shown(own)}"
    return found or _refuse(place, layer, why)


def _with_settings(kind: str, config: Mapping[str, Any]) -> str | None:
    match kind, config:
        case ("ReLU", {"max_value": None, "negative_slope": 0, "threshold": 0}):
            return "relu"
        case ("ReLU", {"max_value": None, "negative_slope": slope, "threshold": 0}) | (
            "LeakyReLU",
            {"negative_slope": slope} | {"alpha": slope},
        ) if math.isclose(slope, _LEAKY_SLOPE, rel_tol=1e-6):
            return "leaky_relu"
        case ("ELU", {"alpha": 1}):
            return "elu"
        case ("Softmax", {"axis": -1 | 1}):
            return "softmax"
    return None


def _check_axis(place: int, layer: KerasLayer) -> None:
    axis = layer.config.get("axis", -1)
    if axis not in (-1, 1, [-1], [1]):
        _refuse(place, layer, f"axis={shown(axis)} is not that of the units")


def _normalization(
    place: int, layer: KerasLayer, statistics: tuple[str, ...], n_units: int | None
) -> dict[str, NDArray[Any]]:
    named = {"gain": layer.config.get("scale", True), "shift": layer.config.get("center", True)}
    names = [*(name for name, there in named.items() if there), *statistics]
    if n_units is None:
        n_units = layer.arrays[0].size
    if [array.shape for array in layer.arrays] != [(n_units,)] * len(names):
        shapes = listed([array.shape for array in layer.arrays])
        _refuse(place, layer, f"its arrays are {shapes}, not {len(names)} of ({n_units},)")
    found = [array.astype(np.float64) for array in layer.arrays]
    return {
        "gain": np.ones(n_units),
        "shift": np.zeros(n_units),
        **dict(zip(names, found, strict=True)),
    }


def _slope(arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    slope: NDArray[Any] = arrays["gain"] / np.sqrt(
        arrays["running_variance"] + NORMALIZATION_EPSILON
    )
    return slope


def _without_normalization(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Multiply batch normalization into the layer before it."""
    slope = _slope(arrays)
    shift = (arrays["bias"] - arrays["running_mean"]) * slope + arrays["shift"]
    return {"weight": arrays["weight"] * slope, "bias": shift}
