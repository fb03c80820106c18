"""What all schedules share: their type, the check of the epoch, and checks of arguments."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

from eigenmlp.common.arguments import real_number, whole_number
from eigenmlp.common.words import shown

__all__ = [
    "EpochSchedule",
    "Schedule",
    "check_epochs",
    "check_falling",
    "check_gamma",
    "check_rate",
    "check_schedule",
]

Schedule = Callable[[int], float]


class EpochSchedule(ABC):
    """A schedule that checks the epoch before it computes."""

    def __call__(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        check_epochs("epoch", epoch, minimum=0)
        return self._rate(int(epoch))

    @abstractmethod
    def _rate(self, epoch: int) -> float: ...


def check_rate(name: str, value: object) -> None:
    """Refuse what is not a learning rate."""
    rate = real_number(name, value, "a learning rate is a float >= 0")
    if not (math.isfinite(rate) and rate >= 0):
        raise ValueError(
            f"{name}={value} is not a learning rate: it must be finite and >= 0; usual are 1e-4 to "
            "0.1"
        )


def check_falling(initial: float, final: float) -> None:
    """Refuse rates between which a schedule cannot fall."""
    check_rate("initial", initial)
    check_rate("final", final)
    if final > initial:
        raise ValueError(
            f"final={final} is larger than initial={initial}, but this schedule falls; swap them, "
            "or use warmup for a rate that rises"
        )


def check_gamma(gamma: object) -> None:
    """Refuse factors that do not make the rate fall."""
    if not 0 < real_number("gamma", gamma, "pass a factor, 0 < gamma <= 1") <= 1:
        raise ValueError(
            f"gamma={gamma} is out of range: 0 < gamma <= 1 makes the rate fall; use warmup for a "
            "rate that rises"
        )


def check_epochs(name: str, value: object, *, minimum: int = 1) -> None:
    """Refuse what is not a number of epochs."""
    whole_number(name, value, minimum=minimum, remedy=f"pass whole epochs, {minimum} or more")


def check_schedule(name: str, schedule: object) -> None:
    """Refuse what cannot be called with an epoch."""
    if isinstance(schedule, type) or not callable(schedule):
        raise TypeError(
            f"{name}={shown(schedule)} is not a schedule; pass a function of the epoch, or for a "
            "fixed rate constant(0.001)"
        )
