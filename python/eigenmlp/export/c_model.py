"""What C is written for: a network's layers, and what its classes are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eigenmlp.export.activations import C_CONSTANTS
from eigenmlp.export.c_text import literal
from eigenmlp.export.layers import DenseLayer, dense_layers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eigenmlp.export.view import ModelView

__all__ = ["CModel", "c_model", "tables"]


class CModel(NamedTuple):
    """What C is written for.

    Attributes
    ----------
    name : str
        Prefix of all names.
    layers : list of DenseLayer
    output : str
        Kind of output.
    labels : (n_classes,) array or None
        Of the classes, or of the outputs where a sample may have several; None if there are none.
    n_classes : int
        Classes of which one is picked, or labels; 0 where there are neither.
    picks : bool
        Whether one class is picked.
    both : bool
        Whether the one logistic output p is given as the probabilities 1 - p and p of two classes.
    first : int
        Number of the first layer, by which its tables are called.
    """

    name: str
    layers: list[DenseLayer]
    output: str
    labels: NDArray[Any] | None
    n_classes: int
    picks: bool
    both: bool
    first: int = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of all arithmetic."""
        return self.layers[0].biases.dtype

    @property
    def has_int8(self) -> bool:
        """Whether weights have 8 bits."""
        return self.layers[0].weights.dtype == np.int8

    @property
    def sizes(self) -> list[int]:
        """Units of the input and of each layer."""
        return [self.layers[0].weights.shape[1], *(len(layer.biases) for layer in self.layers)]

    @property
    def scratch_parts(self) -> tuple[int, int]:
        """Numbers of working memory: two parts, which hidden layers take in turn."""
        hidden = self.sizes[1:-1]
        return max(hidden[::2], default=0), max(hidden[1::2], default=0)

    @property
    def scratch(self) -> int:
        """Numbers of working memory, one at least, for C has no arrays of none."""
        return max(sum(self.scratch_parts), 1)

    @property
    def n_inputs(self) -> int:
        """Numbers of a sample."""
        return self.sizes[0]

    @property
    def inputs(self) -> str:
        """What they are."""
        return "numbers of a sample"

    @property
    def nan(self) -> str:
        """What becomes of a NaN among them."""
        return "outputs are NaN"

    @property
    def n_outputs(self) -> int:
        """Numbers that a sample gets."""
        return 2 if self.both else self.sizes[-1]

    @property
    def outputs(self) -> str:
        """What they are."""
        return {
            "softmax": "probabilities of classes",
            "logistic": "probabilities of classes" if self.both else "probabilities",
            "identity": "predicted values",
            "exponential": "predicted means of counts",
        }[self.output]

    @property
    def told(self) -> str:
        """What the model is."""
        sizes, weights = "-".join(map(str, self.sizes)), "int8" if self.has_int8 else self.dtype
        return f"A network of {sizes} units, {self.output} outputs, its weights of {weights}"

    @property
    def n_bytes(self) -> int:
        """Bytes of all tables of numbers."""
        return sum(numbers.nbytes for layer in self.layers for numbers in tables(layer).values())

    @property
    def words(self) -> dict[str, str | int]:
        """What the names in the templates stand for."""

        def number(value: float) -> str:
            return literal(self.dtype.type(value), self.dtype)

        single = self.dtype == np.float32
        real = "float" if single else "double"
        return {
            "name": self.name,
            "NAME": self.name.upper(),
            "real": real,
            "given": real,
            "result": real,
            "f": "f" if single else "",
            "weight": "int8_t" if self.has_int8 else real,
            "element": f"({real})row[i]" if self.has_int8 else "row[i]",
            **{name: number(value) for name, value in C_CONSTANTS.items()},
        }


def c_model(view: ModelView, name: str, *, int8: bool) -> CModel:
    """Take from a model what C is written for.

    Raises
    ------
    ValueError
        If numbers overflow on their way.
    """
    network, labels = view.network, view.classes
    n_outputs = network.layer_sizes[-1]
    binary = network.output == "logistic" and n_outputs == 1 and not view.multilabel
    picks = binary or network.output == "softmax"
    n_picked = (2 if binary else n_outputs) if picks else 0
    n_classes = n_picked if labels is None else len(labels)
    both = binary and view.kind == "classifier"
    layers = dense_layers(network, int8=int8)
    return CModel(name, layers, network.output, labels, n_classes, picks, both)


def tables(layer: DenseLayer) -> dict[str, NDArray[Any]]:
    """Return a layer's arrays by name, without those that it hasn't."""
    named = {
        "weights": layer.weights,
        "factors": layer.factors,
        "biases": layer.biases,
        "gains": layer.gains,
        "shifts": layer.shifts,
    }
    return {name: numbers for name, numbers in named.items() if numbers is not None}
