"""What decides how a network is trained, beside the network and the data: every option, once."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from eigenmlp._native import _core
from eigenmlp.common.arguments import flag
from eigenmlp.common.options import Choice, Flag, Real, Table, Whole, check_options, option
from eigenmlp.common.plain import from_plain, to_plain
from eigenmlp.common.words import shown
from eigenmlp.losses import LOSSES, Loss
from eigenmlp.metrics import Metric, metrics_by_name
from eigenmlp.network.penalty import L2
from eigenmlp.optimizers import OPTIMIZERS, Adam, Optimizer
from eigenmlp.schedules import SCHEDULES, Schedule, as_schedule, constant, rate_at
from eigenmlp.training.fingerprints import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike

__all__ = ["TrainingSettings"]


def _checked_loss(name: str, loss: object) -> str | Loss | None:
    if loss is not None and not isinstance(loss, (str, Loss)):
        raise TypeError(
            f"{name}={shown(loss)} is not a loss; pass a name such as 'squared_error' or an object "
            "of eigenmlp.losses"
        )
    return loss


def _checked_optimizer(name: str, optimizer: object) -> Optimizer:
    if optimizer is None:
        return Adam()
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"{name}={shown(optimizer)} is not an optimizer; use SGD(), Adam() or AdamW() of "
            "eigenmlp.optimizers"
        )
    return optimizer


def _checked_metrics(_name: str, metrics: Any) -> tuple[str | Metric, ...]:
    metrics_by_name(metrics)
    return tuple(metrics)


_BOUND = Real(
    wanted="a bound > 0, or None",
    beyond_least=True,
    optional=True,
    refusal="must be finite and > 0; None is not a bound",
)


# Of the parameters of a layer, as the core has them one after the other.
_GROUPS = ("weights", "biases", "gains", "shifts")
_FACTOR = Real(wanted="a factor >= 0")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Everything that decides how a network is trained, beside the network and the data.

    The arguments of `eigenmlp.train` of the same names, checked, and unable to change. What is told
    apart here is told apart in checkpoints, in specs of sweeps and on the command line.

    Parameters
    ----------
    loss : str, Loss or None, default=None
        One of `eigenmlp.losses`; None is the output's own.
    optimizer : Optimizer, default=None
        `eigenmlp.optimizers.SGD`, `Adam` or `AdamW`; None is a fresh ``Adam()``. An object that has
        trained this network before continues with its moments and clock: n epochs and then m are
        n + m, to the bit, if the order of samples is.
    learning_rate : float or callable, default=1e-3
        Finite, >= 0; or a function of the epoch, counted from 0: see `eigenmlp.schedules`.
    schedule_unit : {"epoch", "step"}, default="epoch"
        Whether the schedule is a function of the epoch or of the step of this call, from 0. The
        history then has the rate of an epoch's last step.
    batch_size : int or None, default=64
        Samples in a step, >= 1; the last batch of an epoch is shorter if it doesn't divide
        n_samples. None is the full batch: one step per epoch.
    epochs : int, default=100
        Passes over the data, >= 0.
    l2 : float, default=0.0
        λ of the penalty, >= 0. It is not divided by anything unless `l2_divided` says so.
        PyTorch's ``weight_decay`` of Adam and SGD acts on biases too: ``l2 = weight_decay,
        l2_biases=True``.
    l2_biases : bool, default=False
        Penalize biases, gains and shifts as well.
    l2_divided : bool, default=False
        Divide λ by the weight of each batch (its number of samples, without sample weights), as
        scikit-learn does with its ``alpha``.
    clip_norm : float or None, default=None
        Bound c > 0 of the gradient's Euclidean norm over all parameters, penalty included: g is
        multiplied by c/‖g‖ where that is less than 1 (Pascanu et al., 2013).
    clip_value : float or None, default=None
        Bound > 0 of each element of the gradient, penalty included; before `clip_norm`.
    rate_factors : dict or None, default=None
        Factors >= 0 of the learning rate of groups of parameters: by what they are ("weights",
        "biases", and a normalization's "gains" and "shifts"), by the number of their layer (0 is
        the first), or both, which multiply: ``{"biases": 0.1, 0: 0.5}``. A factor of 0 keeps a
        group as it is.
    shuffle : bool or callable, default=True
        Draw a new order of the samples each epoch. The full batch has no order to draw. A callable
        gives the samples that an epoch, counted from 0, takes, in their order.
    metrics : sequence of str or callable, default=()
        What else to measure of the validation data: "balanced_accuracy", "f1_macro", "r2", or
        functions of (y_val, predictions), both arrays, which name their columns ``val_<name>``.
    evaluate_train : bool, default=False
        Measure training loss and accuracy over the whole training set after the epoch, at the cost
        of another forward pass. Otherwise they are the mean over the epoch's batches as they
        passed, each measured before its update.
    penalized_loss : bool, default=False
        Also record the objective, the mean over samples of their batch's mean loss and penalty, as
        it passed, and the penalty's part of it. The objective is what scikit-learn calls ``loss_``.

    Raises
    ------
    TypeError, ValueError
        If a setting is of another type or out of its range.

    Examples
    --------
    >>> from eigenmlp.training import TrainingSettings
    >>> settings = TrainingSettings(learning_rate=0.01, clip_norm=1.0)
    >>> settings.to_dict()["clip_norm"]
    1.0
    >>> TrainingSettings.from_dict(settings.to_dict()) == settings
    True
    """

    loss: str | Loss | None = field(
        default=None, metadata=option(_checked_loss, "What to minimize.")
    )
    optimizer: Optimizer = field(
        default_factory=Adam, metadata=option(_checked_optimizer, "Update rule.")
    )
    learning_rate: float | Schedule = field(
        default=1e-3,
        metadata=option(lambda _, rate: as_schedule(rate), "Learning rate of the first epoch."),
    )
    schedule_unit: Literal["epoch", "step"] = field(
        default="epoch",
        metadata=option(Choice(("epoch", "step")), "What the schedule counts."),
    )
    batch_size: int | None = field(
        default=64,
        metadata=option(
            Whole(wanted="1 or more, or None for the full batch", least=1, optional=True),
            "Samples in a batch.",
        ),
    )
    epochs: int = field(
        default=100, metadata=option(Whole(wanted="0 or more", least=0), "Passes over the data.")
    )
    l2: float = field(
        default=0.0,
        metadata=option(
            L2,
            "Penalty: the gradient of the weights W adds l2 * W.",
        ),
    )
    l2_biases: bool = field(default=False, metadata=option(Flag(), "Penalize biases, too."))
    l2_divided: bool = field(
        default=False, metadata=option(Flag(), "Divide the penalty by the size of each batch.")
    )
    clip_norm: float | None = field(
        default=None, metadata=option(_BOUND, "Bound of the gradient's norm.")
    )
    clip_value: float | None = field(
        default=None, metadata=option(_BOUND, "Bound of each element of the gradient.")
    )
    rate_factors: Mapping[str | int, float] | None = field(
        default=None,
        metadata=option(
            Table(names=_GROUPS, numbered="a layer", check=_FACTOR, without=1.0),
            f"Factors of the learning rate of {', '.join(_GROUPS)}, and of layers by number.",
        ),
    )
    shuffle: bool | Callable[[int], ArrayLike] = field(
        default=True,
        metadata=option(
            lambda name, value: value if callable(value) else flag(name, value),
            "Draw a new order of the samples each epoch.",
        ),
    )
    metrics: Sequence[str | Metric] = field(
        default=(), metadata=option(_checked_metrics, "What else to measure of validation data.")
    )
    evaluate_train: bool = field(
        default=False, metadata=option(Flag(), "Measure the training data after each epoch.")
    )
    penalized_loss: bool = field(
        default=False, metadata=option(Flag(), "Record the loss with its penalty, too.")
    )

    # What settings are made of, by the names that plain data has for it.
    _kinds: ClassVar[Mapping[str, type[Any]]] = {**OPTIMIZERS, **SCHEDULES, **LOSSES}

    def __post_init__(self) -> None:
        check_options(self)

    def arguments(self) -> dict[str, Any]:
        """Return the settings as arguments of `eigenmlp.train`."""
        return {
            field.name: getattr(self, field.name) for field in dataclasses.fields(TrainingSettings)
        }

    def resolved(self, loss: Loss, batch_size: int, n_layers: int) -> Self:
        """Return the settings of a run: with the loss of its network, and the size of its batches.

        Raises
        ------
        ValueError
            If the network has no layer of a number that the settings know.
        """
        for layer in self.rate_factors or {}:
            if isinstance(layer, int) and layer >= n_layers:
                raise ValueError(
                    f"rate_factors has layer {layer}, but the network has {n_layers}, from 0 to "
                    f"{n_layers - 1}"
                )
        return dataclasses.replace(self, loss=loss, batch_size=batch_size)

    def _factors(self, n_layers: int) -> list[float]:
        """Return the factor of each group of each layer's parameters."""
        named = self.rate_factors or {}
        return [
            named.get(layer, 1.0) * named.get(group, 1.0)
            for layer in range(n_layers)
            for group in _GROUPS
        ]

    def rates(self, epoch: int, steps: int, n_steps: int) -> list[float]:
        """Return the learning rate of an epoch, or of each of its steps, after `steps` others."""
        schedule = as_schedule(self.learning_rate)
        if self.schedule_unit == "epoch":
            return [rate_at(schedule, epoch)]
        return [rate_at(schedule, step) for step in range(steps, steps + n_steps)]

    def of_core(
        self, rates: list[float], *, batch_size: int, n_steps: int, n_layers: int
    ) -> _core.EpochSettings:
        """Return the settings of steps at these rates as the core knows them.

        The settings must be resolved.
        """
        if self.rate_factors:
            by_step = rates if len(rates) == n_steps else rates * n_steps
            rates = [rate * factor for rate in by_step for factor in self._factors(n_layers)]
        assert isinstance(self.loss, Loss)  # noqa: S101  resolved
        return _core.EpochSettings(
            batch_size,
            rates,
            self.loss._core_loss(),
            _core.Penalty(self.l2, self.l2_biases, self.l2_divided),
            _core.Clipping(_bound(self.clip_value), _bound(self.clip_norm)),
            self.penalized_loss,
        )

    def texts(self) -> dict[str, str]:
        """Tell each setting that a run can't be resumed with another of: all but `epochs`."""
        return {
            field.name: text_of(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if field.name != "epochs"
        }

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, the inverse of `from_dict`.

        Raises
        ------
        TypeError
            If a setting is a function, which has no plain form.
        """
        return {
            field.name: _plain(field.name, getattr(self, field.name), self._kinds)
            for field in dataclasses.fields(self)
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the settings that `to_dict` wrote; those not there have their defaults.

        Raises
        ------
        TypeError, ValueError
            If a setting is unknown, or its value is refused.
        """
        unknown = data.keys() - {field.name for field in dataclasses.fields(cls)}
        if unknown:
            raise ValueError(f"settings has {shown(sorted(unknown))}, which no training has")
        return cls(**{name: from_plain(value, cls._kinds) for name, value in data.items()})


def _plain(name: str, value: object, kinds: Mapping[str, type[Any]]) -> Any:
    # A fixed rate is a number to everybody.
    if isinstance(value, constant):
        return value.value
    try:
        return to_plain(value, kinds)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None


def _bound(value: float | None) -> float:
    return math.inf if value is None else value
