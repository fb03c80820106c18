"""From whatever was passed as learning rate to the checked rate of an epoch."""

import math
from typing import SupportsFloat

from eigenmlp.common.arguments import real_number
from eigenmlp.common.words import shown
from eigenmlp.schedules.base import Schedule, check_rate
from eigenmlp.schedules.curves import constant

__all__ = ["as_schedule", "rate_at"]


def as_schedule(learning_rate: float | Schedule) -> Schedule:
    """Make a schedule of a learning rate: a number becomes `constant`, a callable stays.

    Parameters
    ----------
    learning_rate : float or Callable[[int], float]
        Rate for all epochs, finite and >= 0, or a function of the epoch, counted from 0.

    Raises
    ------
    TypeError
        If it is neither a real number nor callable, or a schedule's class and not a schedule.
    ValueError
        If the number is negative, NaN or infinite.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.schedules.as_schedule(0.1)
    constant(value=0.1)
    """
    if isinstance(learning_rate, type):
        name = learning_rate.__name__
        raise TypeError(
            f"learning_rate={name} is a class, not a schedule; call it with its arguments: "
            f"{name}(...)"
        )
    if callable(learning_rate):
        return learning_rate
    rate = real_number(
        "learning_rate",
        learning_rate,
        "pass a float such as 0.001 or a schedule such as schedules.exponential(0.001, gamma=0.98)",
    )
    check_rate("learning_rate", rate)
    return constant(rate)


def rate_at(schedule: Schedule, epoch: int) -> float:
    """Ask any schedule for the rate of an epoch, and check the answer.

    Parameters
    ----------
    schedule : Callable[[int], float]
        Function of the epoch; what it returns may be anything that `float` takes but text.
    epoch : int
        Epoch, counted from 0.

    Raises
    ------
    TypeError
        If the schedule returns something that is not a number.
    ValueError
        If it returns a number that is negative, NaN or infinite.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.schedules.rate_at(lambda epoch: 1 / (1 + epoch), 3)
    0.25
    """
    value: object = schedule(epoch)
    if not isinstance(value, SupportsFloat) or isinstance(value, bool):
        raise TypeError(
            f"the learning-rate schedule returned {shown(value)} when called with {epoch}; it must "
            "return a finite number >= 0"
        )
    rate = float(value)
    if not (math.isfinite(rate) and rate >= 0):
        raise ValueError(
            f"the learning-rate schedule returned {rate} when called with {epoch}, but a learning "
            "rate is finite and >= 0; mend the schedule, or set a lower bound in it"
        )
    return rate
