r"""Losses: what a network's outputs are compared with, and how.

A sample's loss is a sum over the outputs; the loss of many samples is their mean, weighted if they
have weights: :math:`\sum_i w_i \ell_i / \sum_i w_i`. Each loss belongs to one kind of output of
`eigenmlp.Network`. Wherever a loss is taken its name does as well, for its defaults.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from eigenmlp._native import _core
from eigenmlp.common.options import Real, check_options, option
from eigenmlp.common.words import shown

__all__ = [
    "AbsoluteError",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Huber",
    "Loss",
    "Poisson",
    "Quantile",
    "SquaredError",
    "loss_for",
]


@dataclass(frozen=True)
class Loss:
    """What all losses share.

    Attributes
    ----------
    name : str
        Name that stands for the loss with its defaults.
    output : str
        Kind of output that the loss belongs to.
    """

    name: ClassVar[str]
    output: ClassVar[str]
    _targets: ClassVar[_core.TargetKind]

    def __post_init__(self) -> None:
        check_options(self)

    def _core_loss(self) -> _core.Loss:
        """Return the loss as the core knows it, by the same name."""
        return _core.Loss(self.name, self._parameter())

    def _parameter(self) -> float:
        return 0.0


@dataclass(frozen=True)
class CrossEntropy(Loss):
    r"""Cross-entropy of softmax outputs: :math:`-\sum_k y'_k \log \hat y_k`.

    The target is :math:`y'_k = (1 - s)\,[k = c] + s/K` for a sample of class c of K: with label
    smoothing s (Szegedy et al., 2016) part of it is spread over all classes.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        s, 0 <= s <= 1.

    Raises
    ------
    TypeError, ValueError
        If it is not a number or outside its range.

    Examples
    --------
    >>> import eigenmlp as em
    >>> net = em.Network([2, 2])
    >>> net.set_parameters([[[0, 0], [0, 0]]], [[2, 0]])
    >>> loss = em.losses.CrossEntropy(label_smoothing=0.1)
    >>> round(net.evaluate([[1.0, 1.0]], [0], loss=loss).loss, 4)
    0.2269
    """

    label_smoothing: float = field(
        default=0.0,
        metadata=option(
            Real(wanted="a share, 0 <= label_smoothing <= 1", most=1.0, up_to_most=True),
            "Share of each target that is spread over all classes.",
        ),
    )

    name: ClassVar[str] = "cross_entropy"
    output: ClassVar[str] = "softmax"
    _targets: ClassVar[_core.TargetKind] = _core.TargetKind.labels

    def _parameter(self) -> float:
        return self.label_smoothing


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    r"""Cross-entropy of logistic outputs, each for itself.

    .. math:: -\sum_o y_o \log \hat y_o + (1 - y_o) \log (1 - \hat y_o)

    With one output this is binary classification, with several multilabel classification. Targets
    are 0 to 1, of shape (n_samples, n_outputs), or (n_samples,) for one output.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.losses.BinaryCrossEntropy().output
    'logistic'
    """

    name: ClassVar[str] = "binary_cross_entropy"
    output: ClassVar[str] = "logistic"
    _targets: ClassVar[_core.TargetKind] = _core.TargetKind.probabilities


@dataclass(frozen=True)
class SquaredError(Loss):
    r"""Half the squared error: :math:`\frac{1}{2} \sum_o (\hat y_o - y_o)^2`.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.losses.SquaredError()
    SquaredError()
    """

    name: ClassVar[str] = "squared_error"
    output: ClassVar[str] = "identity"
    _targets: ClassVar[_core.TargetKind] = _core.TargetKind.reals


@dataclass(frozen=True)
class AbsoluteError(Loss):
    r"""Absolute error: :math:`\sum_o |\hat y_o - y_o|`, with derivative 0 where it is 0.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.losses.AbsoluteError()
    AbsoluteError()
    """

    name: ClassVar[str] = "absolute_error"
    output: ClassVar[str] = "identity"
    _targets: ClassVar[_core.TargetKind] = _core.TargetKind.reals


@dataclass(frozen=True)
class Huber(Loss):
    r"""Huber's loss (1964): squared for small errors, linear for large ones.

    With the error e of an output it is the sum over outputs of :math:`\frac{1}{2} e^2` where
    :math:`|e| \le \delta` and of :math:`\delta\,(|e| - \frac{1}{2} \delta)` elsewhere.

    Parameters
    ----------
    delta : float, default=1.0
        δ, > 0 and finite, in the targets' unit.

    Raises
    ------
    TypeError, ValueError
        If it is not a number or outside its range.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.losses.Huber(delta=0.5)
    Huber(delta=0.5)
    """

    delta: float = field(
        default=1.0,
        metadata=option(
            Real(
                wanted="an error > 0, in the targets' unit",
                beyond_least=True,
                refusal="is out of range: it must be > 0 and finite",
            ),
            "Error from which on the loss is linear.",
        ),
    )

    name: ClassVar[str] = "huber"
    output: ClassVar[str] = "identity"
    _targets: ClassVar[_core.TargetKind] = _core.TargetKind.reals

    def _parameter(self) -> float:
        return self.delta


@dataclass(frozen=True)
class Poisson(Loss):
    r"""Half the Poisson deviance: :math:`\sum_o y_o \log (y_o/\mu_o) - y_o + \mu_o`.

    The outputs are means of counts, :math:`\mu = \exp(z)`; targets are >= 0.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.losses.Poisson().output
    'exponential'
    """

    name: ClassVar[str] = "poisson"
    output: ClassVar[str] = "exponential"
    _targets: ClassVar[_core.TargetKind] = _core.TargetKind.counts


@dataclass(frozen=True)
class Quantile(Loss):
    r"""The pinball loss, which a quantile of the targets minimises (Koenker & Bassett, 1978).

    It is the sum over outputs of :math:`q\,(y - \hat y)` below the target and of
    :math:`(1 - q)\,(\hat y - y)` above it: half the absolute error for the median, q = 0.5. The
    gradient at the target itself is 0.

    Parameters
    ----------
    q : float, default=0.5
        Share of the targets that shall lie below the prediction, 0 < q < 1.

    Raises
    ------
    TypeError, ValueError
        If it is not a number or outside its range.

    Examples
    --------
    >>> import eigenmlp as em
    >>> net = em.Network([1, 1], output="identity")
    >>> net.set_parameters([[[1]]], [[0]])
    >>> round(net.evaluate([[1.0], [3.0]], [2.0, 2.0], loss=em.losses.Quantile(0.9)).loss, 6)
    0.5
    """

    q: float = field(
        default=0.5,
        metadata=option(
            Real(wanted="a share of the targets, 0 < q < 1", most=1.0, beyond_least=True),
            "Share of the targets that shall lie below the prediction.",
        ),
    )

    name: ClassVar[str] = "quantile"
    output: ClassVar[str] = "identity"
    _targets: ClassVar[_core.TargetKind] = _core.TargetKind.reals

    def _parameter(self) -> float:
        return self.q


# By the names that stand for them.
LOSSES: dict[str, type[Loss]] = {loss.name: loss for loss in Loss.__subclasses__()}


def loss_for(loss: "str | Loss | None", output: str | None) -> Loss:
    """Return the loss that was asked for, or the output's own: its canonical one.

    Parameters
    ----------
    loss : str, Loss or None
        None is cross-entropy for softmax, binary cross-entropy for logistic, squared error for
        identity and Poisson for exponential outputs.
    output : str
        Kind of output of the network; None is whatever the loss belongs to.

    Raises
    ------
    TypeError
        If it is neither a loss nor a name.
    ValueError
        If the name is unknown, or the loss belongs to another kind of output.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.losses.loss_for(None, "identity")
    SquaredError()
    """
    if loss is None:
        return next(kind for kind in LOSSES.values() if output in {None, kind.output})()
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise ValueError(f"loss={shown(loss)} is unknown; use one of {', '.join(LOSSES)}")
        loss = LOSSES[loss]()
    if not isinstance(loss, Loss):
        raise TypeError(
            f"loss={shown(loss)} is not a loss; pass a name such as {'squared_error'!r} or an "
            "object of eigenmlp.losses"
        )
    if output is not None and loss.output != output:
        fitting = ", ".join(name for name, kind in LOSSES.items() if kind.output == output)
        raise ValueError(
            f"loss={loss.name!r} is for {loss.output} outputs, but this network's output is "
            f"{output!r}; use {fitting}, or make a network with output={loss.output!r}"
        )
    return loss
