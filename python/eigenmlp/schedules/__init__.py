r"""Learning-rate schedules: pure functions of the epoch, counted from 0.

Each is a small immutable object that is called with the epoch and returns the learning rate
:math:`\eta(t)` of that epoch. `eigenmlp.train` takes one as `learning_rate`, and just as well
a float or any callable of your own. The rate changes from epoch to epoch, not within one.

Rates are finite and >= 0; a rate of 0 leaves the parameters as they are.
"""

from eigenmlp.schedules.base import Schedule
from eigenmlp.schedules.composed import join, warmup
from eigenmlp.schedules.curves import constant, cosine, exponential, linear, step
from eigenmlp.schedules.rates import as_schedule, rate_at

__all__ = [
    "Schedule",
    "as_schedule",
    "constant",
    "cosine",
    "exponential",
    "join",
    "linear",
    "rate_at",
    "step",
    "warmup",
]
