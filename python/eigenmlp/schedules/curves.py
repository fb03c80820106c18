"""Schedules that are one formula."""
# Schedules are written and read like functions, though they are classes: hence the lower case.
# ruff: noqa: N801

import math
from dataclasses import dataclass, field

from eigenmlp.common.options import option
from eigenmlp.schedules.base import (
    EpochSchedule,
    check_epochs,
    check_falling,
    check_gamma,
    check_rate,
)

__all__ = ["constant", "cosine", "coslog", "exponential", "linear", "step"]


@dataclass(frozen=True)
class constant(EpochSchedule):
    r"""The same rate in every epoch: :math:`\eta(t) = \eta_0`.

    Parameters
    ----------
    value : float
        Learning rate :math:`\eta_0`, >= 0.

    Examples
    --------
    >>> import eigenmlp as em
    >>> schedule = em.schedules.constant(0.1)
    >>> schedule(0), schedule(1000)
    (0.1, 0.1)
    """

    value: float

    def __post_init__(self) -> None:
        check_rate("value", self.value)

    def _rate(self, epoch: int) -> float:  # noqa: ARG002
        return float(self.value)


@dataclass(frozen=True)
class linear(EpochSchedule):
    r"""A straight line down, cut off at a smallest rate.

    .. math:: \eta(t) = \max(\eta_{\min},\; \eta_0 (1 - t / T))

    Parameters
    ----------
    initial : float
        Learning rate :math:`\eta_0` of epoch 0, >= 0.
    final : float
        Smallest learning rate :math:`\eta_{\min}`, 0 to `initial`; kept after epoch T.
    epochs : int
        Epoch :math:`T` at which the line would reach zero, >= 1; usually all epochs.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of its range.

    Warnings
    --------
    The line aims at zero and is cut off at `final`. PyTorch's ``LinearLR``, Keras'
    ``PolynomialDecay`` and optax's ``linear_schedule``, like equation 8.14 of Goodfellow et
    al., "Deep Learning" (2016), aim at their end value instead,
    :math:`\eta_0 + (\eta_{end} - \eta_0)\, t / T`, which lies higher at every epoch between.
    PyTorch's ``PolynomialLR(power=1)`` is this schedule with ``final=0``.

    Examples
    --------
    >>> import eigenmlp as em
    >>> schedule = em.schedules.linear(0.1, final=0.02, epochs=4)
    >>> [round(schedule(epoch), 6) for epoch in range(6)]
    [0.1, 0.075, 0.05, 0.025, 0.02, 0.02]
    """

    initial: float
    final: float = field(metadata=option(told="Learning rate at the end."))
    epochs: int

    def __post_init__(self) -> None:
        check_falling(self.initial, self.final)
        check_epochs("epochs", self.epochs)

    def _rate(self, epoch: int) -> float:
        return max(float(self.final), self.initial * (1 - epoch / self.epochs))


@dataclass(frozen=True)
class exponential(EpochSchedule):
    r"""The rate shrinks by the same factor every epoch: :math:`\eta(t) = \eta_0\, \gamma^t`.

    Parameters
    ----------
    initial : float
        Learning rate :math:`\eta_0` of epoch 0, >= 0.
    gamma : float
        Factor :math:`\gamma`, 0 < gamma <= 1.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of its range.

    Notes
    -----
    PyTorch's ``ExponentialLR`` multiplies anew every epoch and so differs in rounding only.
    Keras' ``ExponentialDecay`` and optax's ``exponential_decay`` count batches, not epochs:
    give them ``decay_steps`` or ``transition_steps`` = batches an epoch, and ``staircase=True``.

    Examples
    --------
    >>> import eigenmlp as em
    >>> schedule = em.schedules.exponential(1.0, gamma=0.5)
    >>> [schedule(epoch) for epoch in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    initial: float
    gamma: float = field(metadata=option(told="Factor of each fall, above 0 and at most 1."))

    def __post_init__(self) -> None:
        check_rate("initial", self.initial)
        check_gamma(self.gamma)

    def _rate(self, epoch: int) -> float:
        return float(self.initial * self.gamma**epoch)


@dataclass(frozen=True)
class step(EpochSchedule):
    r"""The rate drops by a factor every few epochs.

    .. math:: \eta(t) = \eta_0\, \gamma^{\lfloor t / s \rfloor}

    Parameters
    ----------
    initial : float
        Learning rate :math:`\eta_0` of epoch 0, >= 0.
    gamma : float
        Factor :math:`\gamma`, 0 < gamma <= 1.
    every : int
        Epochs :math:`s` between drops, >= 1.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of its range.

    Notes
    -----
    PyTorch's ``StepLR`` with ``step_size=every``. For drops at uneven epochs, `join`
    schedules by `constant`.

    Examples
    --------
    >>> import eigenmlp as em
    >>> schedule = em.schedules.step(1.0, gamma=0.5, every=2)
    >>> [schedule(epoch) for epoch in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    initial: float
    gamma: float = field(metadata=option(told="Factor of each fall, above 0 and at most 1."))
    every: int = field(metadata=option(told="Epochs from one fall to the next."))

    def __post_init__(self) -> None:
        check_rate("initial", self.initial)
        check_gamma(self.gamma)
        check_epochs("every", self.every)

    def _rate(self, epoch: int) -> float:
        return float(self.initial * self.gamma ** (epoch // self.every))


@dataclass(frozen=True)
class cosine(EpochSchedule):
    r"""Half a cosine wave down from the initial to the final rate.

    .. math:: \eta(t) = \eta_{\min} + \frac{\eta_0 - \eta_{\min}}{2}
              \left(1 + \cos\left(\pi\, \min(t, T) / T\right)\right)

    Parameters
    ----------
    initial : float
        Learning rate :math:`\eta_0` of epoch 0, >= 0.
    final : float
        Learning rate :math:`\eta_{\min}` from epoch T on, 0 to `initial`.
    epochs : int
        Epoch :math:`T` that is the first to run at the final rate, >= 1.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of its range.

    Warnings
    --------
    After epoch T the rate stays at `final`, as in optax's ``cosine_decay_schedule`` (whose
    ``alpha`` is the fraction final / initial). PyTorch's ``CosineAnnealingLR(T_max)`` has the
    same values up to epoch T, but then climbs back.

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
    ICLR 2017, arXiv:1608.03983, equation 5.

    Examples
    --------
    >>> import eigenmlp as em
    >>> schedule = em.schedules.cosine(0.1, final=0.0, epochs=4)
    >>> [round(schedule(epoch), 6) for epoch in range(6)]
    [0.1, 0.085355, 0.05, 0.014645, 0.0, 0.0]
    """

    initial: float
    final: float = field(metadata=option(told="Learning rate at the end."))
    epochs: int

    def __post_init__(self) -> None:
        check_falling(self.initial, self.final)
        check_epochs("epochs", self.epochs)

    def _rate(self, epoch: int) -> float:
        weight = (1 + math.cos(math.pi * min(epoch, self.epochs) / self.epochs)) / 2
        # A weighted mean, unlike final + (initial - final) * weight, is exact at both ends.
        return weight * self.initial + (1 - weight) * self.final


@dataclass(frozen=True)
class coslog(EpochSchedule):
    r"""Cosine waves that grow longer and longer, each from zero to the peak and back.

    .. math:: \eta(t) = \frac{\eta_0}{2} \left(1 - \cos\left(2 \pi \log_2
              \left(1 + (2^c - 1)\, \min(t, T) / T\right)\right)\right)

    With c = 4 waves, they end after 1/15, 3/15, 7/15 and 15/15 of T: networks that are good early
    are found early, and later ones still get a long wave. A function of the step rather than of the
    epoch, as in ``train(schedule_unit="step")``.

    Parameters
    ----------
    peak : float
        Learning rate :math:`\eta_0` at the top of each wave, >= 0.
    epochs : int
        Epoch :math:`T` at which the last wave ends, >= 1; the rate is 0 from there on.
    cycles : int, default=4
        Number :math:`c` of waves, >= 1.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of its range.

    References
    ----------
    D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by Default: Strong Pre-Tuned MLPs and
    Boosted Trees on Tabular Data", NeurIPS 2024, arXiv:2407.04491, section 3.

    Examples
    --------
    >>> import eigenmlp as em
    >>> schedule = em.schedules.coslog(1.0, epochs=30)
    >>> [round(schedule(epoch), 3) for epoch in (0, 1, 2, 6, 14, 20, 30)]
    [0.0, 0.93, 0.0, 0.0, 0.0, 0.984, 0.0]
    """

    peak: float = field(metadata=option(told="Learning rate at the top of each wave."))
    epochs: int
    cycles: int = field(default=4, metadata=option(told="Number of waves."))

    def __post_init__(self) -> None:
        check_rate("peak", self.peak)
        check_epochs("epochs", self.epochs)
        check_epochs("cycles", self.cycles)

    def _rate(self, epoch: int) -> float:
        done = min(epoch, self.epochs) / self.epochs
        waves = math.log2(1 + (2**self.cycles - 1) * done)
        return float(self.peak * (1 - math.cos(2 * math.pi * waves)) / 2)
