"""Schedules made of other schedules."""
# Schedules are written and read like functions, though they are classes: hence the lower case.
# ruff: noqa: N801

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from eigenmlp.schedules.base import EpochSchedule, Schedule, check_epochs, check_schedule

__all__ = ["join", "warmup"]


@dataclass(frozen=True)
class warmup(EpochSchedule):
    r"""A straight line up to the start of another schedule, which then runs from its epoch 0.

    .. math:: \eta(t) = \begin{cases}
              s(0)\, (t + 1) / (W + 1) & t < W \\ s(t - W) & t \ge W \end{cases}

    Parameters
    ----------
    epochs : int
        Epochs :math:`W` of warm-up, >= 1.
    schedule : Callable[[int], float]
        Schedule :math:`s` that follows.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of its range.

    Warnings
    --------
    The first epoch already trains, at s(0) / (W + 1), and the full rate s(0) is reached at
    epoch W and not before: PyTorch's ``LinearLR(start_factor=1 / (W + 1), total_iters=W)``,
    whose default is to start at a third. optax's warm-up schedules start at ``init_value``,
    often 0.

    References
    ----------
    P. Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017,
    arXiv:1706.02677, section 2.2 (gradual warm-up).

    Examples
    --------
    >>> import eigenmlp as em
    >>> schedule = em.schedules.warmup(3, em.schedules.exponential(1.0, gamma=0.5))
    >>> [schedule(epoch) for epoch in range(6)]
    [0.25, 0.5, 0.75, 1.0, 0.5, 0.25]
    """

    epochs: int
    schedule: Schedule

    def __post_init__(self) -> None:
        check_epochs("epochs", self.epochs)
        check_schedule("schedule", self.schedule)

    def _rate(self, epoch: int) -> float:
        if epoch < self.epochs:
            return self.schedule(0) * (epoch + 1) / (self.epochs + 1)
        return self.schedule(epoch - self.epochs)


@dataclass(frozen=True)
class join(EpochSchedule):
    r"""Several schedules one after the other, each counting epochs from its own start.

    .. math:: \eta(t) = s_i(t - b_i), \quad b_i \le t < b_{i+1}, \quad b_0 = 0

    Parameters
    ----------
    schedules : sequence of Callable[[int], float]
        Schedules :math:`s_0, s_1, \dots`, at least one.
    boundaries : sequence of int
        Epochs :math:`b_1, b_2, \dots` at which the second, third, ... schedule takes over;
        rising, >= 1, one fewer than there are schedules.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, the boundaries do not rise or their number is wrong.

    Notes
    -----
    As optax's ``join_schedules`` and PyTorch's ``SequentialLR``.

    Examples
    --------
    >>> import eigenmlp as em
    >>> schedule = em.schedules.join(
    ...     [em.schedules.constant(1.0), em.schedules.exponential(0.5, gamma=0.5)], boundaries=[2]
    ... )
    >>> [schedule(epoch) for epoch in range(5)]
    [1.0, 1.0, 0.5, 0.25, 0.125]
    """

    schedules: Sequence[Schedule]
    boundaries: Sequence[int]

    def __post_init__(self) -> None:
        # Tuples, so that joined schedules can be hashed and cannot change.
        object.__setattr__(self, "schedules", tuple(self.schedules))
        object.__setattr__(self, "boundaries", tuple(self.boundaries))
        for i, schedule in enumerate(self.schedules):
            check_schedule(f"schedules[{i}]", schedule)
        for i, boundary in enumerate(self.boundaries):
            check_epochs(f"boundaries[{i}]", boundary)
        if len(self.boundaries) != len(self.schedules) - 1:
            raise ValueError(
                f"{len(self.schedules)} schedules with {len(self.boundaries)} boundaries do not "
                "fit; give at least one schedule, and one boundary between each and the next"
            )
        if any(before >= after for before, after in pairwise(self.boundaries)):
            raise ValueError(
                f"boundaries={list(self.boundaries)} do not rise; each is the epoch at which "
                "the next schedule takes over"
            )

    def _rate(self, epoch: int) -> float:
        i = bisect_right(self.boundaries, epoch)
        return self.schedules[i](epoch - (self.boundaries[i - 1] if i else 0))
