"""What a solver keeps from one fit to the next: its rule's moments, its clocks, rate and order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from eigenmlp.schedules import as_schedule
from eigenmlp.training.fingerprints import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eigenmlp.network import Network
    from eigenmlp.optimizers import Optimizer
    from eigenmlp.schedules import Schedule

__all__ = ["SolverState"]


class _RateInForce:
    """The solver's own rate, as a schedule: it follows training, whatever the epoch."""

    follows_training = True

    def __init__(self, solver: SolverState) -> None:
        self._solver = solver

    def __call__(self, _epoch: int) -> float:
        return self._solver.learning_rate

    def __repr__(self) -> str:
        return f"rate of the solver, at first {self._solver._initial}"


class _Shifted:
    """A schedule that has gone on for a while."""

    def __init__(self, schedule: Schedule, done: int) -> None:
        self._schedule = schedule
        self._done = done

    def __call__(self, index: int) -> float:
        return self._schedule(self._done + index)

    def __repr__(self) -> str:
        return f"{text_of(self._schedule)} from {self._done} on"


class SolverState:
    """An update rule with what it remembers of a network, and the learning rate it has come to.

    Attributes
    ----------
    rule : Optimizer
    network : Network
    learning_rate : float
        Of the next epoch; with a schedule, of the last.
    order : (n_samples,) array or None
        Of the samples in the last epoch, from which the next one is drawn.
    """

    def __init__(self, rule: Optimizer, network: Network, learning_rate: float) -> None:
        self.rule = rule
        self.network = network
        self.learning_rate = learning_rate
        self.order: NDArray[Any] | None = None
        self._initial = learning_rate
        self._epochs = 0
        self._steps = 0

    def continues(self, rule: Optimizer, network: Network, learning_rate: float) -> None:
        """Go on with constants, a network object or an initial rate that may have changed.

        What the old rule remembers is carried over to a rule that remembers the same; another
        starts afresh. Schedules go on either way.
        """
        if rule != self.rule or network is not self.network:
            old, new = self.rule.state_dict(self.network), rule.state_dict(network)
            if type(rule) is type(self.rule) and len(old["moments"]) == len(new["moments"]):
                rule.load_state_dict(network, old)
            self.rule, self.network = rule, network
        if learning_rate != self._initial:
            self.learning_rate = self._initial = learning_rate

    def rate(self) -> Schedule:
        """Return the schedule that follows `learning_rate`."""
        return _RateInForce(self)

    def shifted(self, schedule: Schedule, unit: str) -> Schedule:
        """Continue a schedule where the fits before have left it."""
        return _Shifted(as_schedule(schedule), self._epochs if unit == "epoch" else self._steps)

    def count_epoch(self, n_samples: int, batch_size: int) -> None:
        """Advance the clocks of schedules by an epoch."""
        self._epochs += 1
        self._steps += math.ceil(n_samples / batch_size)

    def clocks(self) -> dict[str, float]:
        """Return the rate and how far schedules have come."""
        return {
            "learning_rate": self.learning_rate,
            "epochs": self._epochs,
            "steps": self._steps,
        }

    def set_clocks(self, clocks: Mapping[str, Any]) -> None:
        """Take back what `clocks` returned."""
        self.learning_rate = clocks["learning_rate"]
        self._epochs = clocks["epochs"]
        self._steps = clocks["steps"]

    def __getstate__(self) -> dict[str, Any]:
        # A pickled rule keeps its constants alone.
        return {**self.__dict__, "memory": self.rule.state_dict(self.network)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        memory = state["memory"]
        self.__dict__.update({name: value for name, value in state.items() if name != "memory"})
        self.rule.load_state_dict(self.network, memory)
