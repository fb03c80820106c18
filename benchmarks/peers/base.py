"""What a peer's file has to offer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from problem import Floats, Problem


class Trainer(ABC):
    """A network in training.

    Everything is built in the constructor; `reset` brings weights and the optimizer's state back to
    the start, so that every timed epoch does the same work.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @abstractmethod
    def reset(self) -> None: ...

    @abstractmethod
    def epoch(self, turn: int) -> None:
        """Train one epoch in the order of that turn; return when it is computed."""

    @abstractmethod
    def parameters(self) -> tuple[list[Floats], list[Floats]]:
        """Weights (fan_in, fan_out) and biases, layer by layer."""


class Predictor(ABC):
    """A network with the problem's initial weights."""

    @abstractmethod
    def __init__(self, problem: Problem) -> None: ...

    @abstractmethod
    def predict(self, X: Floats) -> NDArray[np.floating[Any]]:
        """Class probabilities: from a NumPy array to a NumPy array, as a caller would have them."""
