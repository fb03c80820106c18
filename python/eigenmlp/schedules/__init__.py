r"""Learning-rate schedules: pure functions of the epoch (or the step), counted from 0.

Each is a small immutable object that is called with the epoch t and returns its learning rate
:math:`\eta(t)`. `eigenmlp.train` takes one as `learning_rate`, and just as well a float or any
callable of your own. With ``schedule_unit="step"`` it calls the schedule with the optimizer's step
instead: read "step" for "epoch" then.

Rates are finite and >= 0; a rate of 0 leaves the parameters as they are.
"""

from eigenmlp.schedules.base import EpochSchedule, Schedule
from eigenmlp.schedules.composed import join, warmup
from eigenmlp.schedules.curves import constant, cosine, coslog, exponential, linear, step
from eigenmlp.schedules.rates import as_schedule, rate_at

__all__ = [
    "Schedule",
    "as_schedule",
    "constant",
    "cosine",
    "coslog",
    "exponential",
    "join",
    "linear",
    "rate_at",
    "step",
    "warmup",
]

# By the names that stand for them in plain data and on the command line.
SCHEDULES: dict[str, type[EpochSchedule]] = {
    kind.__name__: kind
    for kind in (constant, linear, exponential, step, cosine, coslog, warmup, join)
}
