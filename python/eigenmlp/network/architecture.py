"""What a network is made of, apart from its numbers: read from arguments, and given to the core."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike

from eigenmlp._native import _core
from eigenmlp.common.arguments import real_number, whole_number
from eigenmlp.common.words import shown

__all__ = ["ACTIVATIONS", "NORMALIZATIONS", "OUTPUTS", "Architecture"]

ACTIVATIONS = tuple(_core.activations())
OUTPUTS = tuple(_core.Output.__members__)
NORMALIZATIONS = (None, "batch", "layer")


@dataclass(frozen=True)
class Architecture:
    """Sizes of the layers and what follows each: one entry per hidden layer in all tuples."""

    layer_sizes: tuple[int, ...]
    activations: tuple[str, ...]
    dropouts: tuple[float, ...]
    normalizations: tuple[str | None, ...]
    output: str
    dtype: str
    input_scale: float
    dropout_seed: int = 0

    @classmethod
    def of(
        cls,
        layer_sizes: Sequence[int],
        *,
        activation: str | Sequence[str],
        dropout: float | Sequence[float],
        normalization: str | Sequence[str | None] | None,
        output: str,
        dtype: DTypeLike,
        input_scale: float,
    ) -> "Architecture":
        """Check all that makes a network.

        Raises
        ------
        TypeError, ValueError
            If something is of another type or outside its range.
        """
        sizes = tuple(_checked_sizes(layer_sizes))
        n_hidden = len(sizes) - 2
        _check_choice("output", output, OUTPUTS)
        activations = _each("activation", activation, n_hidden, str)
        for name in activations:
            _check_choice("activation", name, ACTIVATIONS)
        normalizations = _each("normalization", normalization, n_hidden, (str, type(None)))
        for kind in normalizations:
            _check_choice("normalization", kind, NORMALIZATIONS)
        remedy = "pass the probability of a unit to be dropped, 0 <= dropout < 1"
        dropouts = tuple(
            real_number("dropout", value, remedy)
            for value in _each("dropout", dropout, n_hidden, object)
        )
        for value in dropouts:
            if not 0 <= value < 1:
                raise ValueError(f"dropout={value} is out of range: 0 <= dropout < 1")
        name = _checked_dtype(dtype)
        return cls(
            sizes,
            activations,
            dropouts,
            normalizations,
            output,
            name,
            _checked_scale(input_scale, name),
        )

    def to_core(self) -> _core.Architecture:
        """Return the architecture as the core knows it."""
        hidden = [
            _core.HiddenLayer(
                activation,
                _core.Normalization.__members__[normalization or "none"],
                dropout,
            )
            for activation, normalization, dropout in zip(
                self.activations, self.normalizations, self.dropouts, strict=True
            )
        ]
        # The core counts in 64 bits, and refuses far smaller sizes for lack of memory.
        sizes = [min(size, 2**62) for size in self.layer_sizes]
        output = _core.Output.__members__[self.output]
        return _core.Architecture(sizes, hidden, output, self.input_scale, self.dropout_seed)

    def arguments(self) -> str:
        """Return the arguments that make such a network, without defaults."""
        return ", ".join(
            [
                repr(list(self.layer_sizes)),
                *_argument("activation", self.activations, "relu"),
                *([] if self.output == "softmax" else [f"output={self.output!r}"]),
                *_argument("dropout", self.dropouts, 0.0),
                *_argument("normalization", self.normalizations, None),
                f"dtype={self.dtype!r}",
                *([] if self.input_scale == 1 else [f"input_scale={self.input_scale!r}"]),
            ]
        )

    @property
    def classifies(self) -> bool:
        """Whether outputs are probabilities, of which some are right or wrong."""
        return self.output in {"softmax", "logistic"}


def _each(name: str, value: Any, n_hidden: int, kind: Any) -> tuple[Any, ...]:
    """Return a value for each hidden layer, of one for all or one for each."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        values = (value,) * max(n_hidden, 1)
    else:
        values = tuple(value)
        if len(values) != n_hidden:
            raise ValueError(
                f"{name}={shown(value)} has {len(values)} entries, but there are {n_hidden} hidden "
                "layers; pass one value for all of them, or one for each"
            )
    for entry in values:
        if not isinstance(entry, kind):
            raise TypeError(f"{name}={shown(value)} is of the wrong type; see the documentation")
    return values if n_hidden else values[:0]


def _check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    if value not in choices:
        known = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name}={shown(value)} is unknown; use one of {known}")


def _argument(name: str, values: tuple[Any, ...], default: object) -> list[str]:
    """Argument of a representation: nothing for defaults, one value where all are alike."""
    if all(value == default for value in values):
        return []
    alike = all(value == values[0] for value in values)
    return [f"{name}={values[0]!r}" if alike else f"{name}={list(values)!r}"]


def _checked_sizes(layer_sizes: Sequence[int]) -> list[int]:
    """Return the units of every layer, at least two."""
    remedy = "pass the units of input, hidden layers and output, such as [784, 100, 10]"
    if isinstance(layer_sizes, (str, bytes)) or not isinstance(layer_sizes, Iterable):
        raise TypeError(f"layer_sizes={shown(layer_sizes)} is not a sequence; {remedy}")
    sizes = [
        whole_number(f"layer_sizes[{i}]", size, minimum=1, remedy=remedy)
        for i, size in enumerate(layer_sizes)
    ]
    if len(sizes) < 2:
        raise ValueError(f"layer_sizes={sizes} has fewer than 2 sizes; {remedy}")
    return sizes


def _checked_dtype(dtype: DTypeLike) -> Literal["float32", "float64"]:
    """Return the name of one of the two dtypes that a network may have."""
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = shown(dtype)
    if name == "float32":
        return "float32"
    if name == "float64":
        return "float64"
    raise ValueError(f'dtype={name} is not supported; use "float32" or "float64"')


def _checked_scale(input_scale: float, dtype: str) -> float:
    """Return a factor of the inputs that is a number in the network's dtype, too."""
    scale = real_number("input_scale", input_scale, "pass a factor such as 1/255")
    if not math.isfinite(scale) or scale == 0:
        raise ValueError(f"input_scale={scale} must be finite and not 0; use 1.0 for none")
    with np.errstate(over="ignore", under="ignore"):
        rounded = float(np.dtype(dtype).type(scale))
    if not math.isfinite(rounded) or rounded == 0:
        raise ValueError(f"input_scale={scale} is {rounded} in {dtype}; use float64, or rescale X")
    return scale
