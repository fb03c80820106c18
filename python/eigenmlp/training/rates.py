"""Learning rates of an epoch's steps, and the bound of a gradient."""

import math
from typing import Literal

from eigenmlp.common.arguments import real_number
from eigenmlp.common.words import shown
from eigenmlp.schedules import Schedule, rate_at

__all__ = ["check_unit", "epoch_rates", "gradient_bound"]


def check_unit(schedule_unit: object) -> None:
    """Refuse a unit of schedules that doesn't exist."""
    if schedule_unit not in ("epoch", "step"):
        raise ValueError(f"schedule_unit={shown(schedule_unit)} is unknown; use 'epoch' or 'step'")


def gradient_bound(name: str, value: float | None) -> float:
    """Bound of a gradient; infinite where there is none."""
    if value is None:
        return math.inf
    bound = real_number(name, value, "pass a bound > 0, or None")
    if not 0 < bound < math.inf:
        raise ValueError(f"{name}={value} must be finite and > 0; None is no bound")
    return bound


def epoch_rates(
    schedule: Schedule, unit: Literal["epoch", "step"], epoch: int, steps: int, n_steps: int
) -> list[float]:
    """Learning rate of an epoch, or of each of its steps."""
    if unit == "epoch":
        return [rate_at(schedule, epoch)]
    return [rate_at(schedule, step) for step in range(steps, steps + n_steps)]
