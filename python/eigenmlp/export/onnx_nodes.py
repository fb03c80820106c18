"""Where nodes of ONNX are collected, and numbers among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Graph", "in_dtype", "number"]


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
