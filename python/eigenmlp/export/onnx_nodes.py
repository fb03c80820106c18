"""Where nodes of ONNX are collected, and numbers among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["FileGraph", "Graph", "in_dtype", "number"]


class Graph(Protocol):
    """Where nodes and constants are added."""

    dtype: np.dtype[Any]
    """float32 or float64: what the graph computes in."""

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add numbers, of any dtype, or texts, as an object array; return their name."""

    def node(
        self, operator: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any
    ) -> str:
        """Add a node of one output, and return its name; a new one where it is None."""


class FileGraph:
    """The nodes of a file of their own."""

    def __init__(self, onnx: Any, dtype: np.dtype[Any]) -> None:
        self._onnx = onnx
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._taken: set[str] = set()

    def free(self, name: str) -> str:
        """Take a name for a value, with "_" behind it as often as there is one of that name."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add numbers or texts, as `Graph` has it."""
        name = self.free(f"{name}_{len(self.constants)}")
        self.constants.append(self._onnx.numpy_helper.from_array(values, name))
        return name

    def node(
        self, operator: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any
    ) -> str:
        """Add a node, as `Graph` has it."""
        name = f"{operator}_{len(self.nodes)}"
        output = output or self.free(name.lower())
        self.nodes.append(
            self._onnx.helper.make_node(operator, inputs, [output], name=name, **attributes)
        )
        return output

    def described(
        self, name: str, shape: list[str | int], dtype: np.dtype[Any] | None = None
    ) -> Any:
        """Name, type and shape of an input or output."""
        helper = self._onnx.helper
        kind = helper.np_dtype_to_tensor_dtype(dtype or self.dtype)
        return helper.make_tensor_value_info(name, kind, shape)


def number(graph: Graph, value: float) -> str:
    """Add a number in the graph's dtype."""
    return graph.constant("number", in_dtype(graph, "input_scale", np.array(value)))


def in_dtype(graph: Graph, name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Return an array of the model in the graph's dtype.

    Raises
    ------
    ValueError
        If a value is beyond it.
    """
    with np.errstate(over="ignore", under="ignore"):
        converted = np.ascontiguousarray(values).reshape(values.shape).astype(graph.dtype)
    if not np.isfinite(converted).all():
        raise ValueError(
            f"the model's {name} holds a value beyond {graph.dtype}; export it in float64"
        )
    return converted
