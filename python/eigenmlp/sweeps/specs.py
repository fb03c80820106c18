"""Run specifications: everything that decides the outcome of one training run, as plain data.

A `RunSpec` together with the data set fixes a run down to the last bit. It is read by the
runner, written to disk beside the results, and compared when a study is continued.
"""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from eigenmlp import schedules
from eigenmlp.common.words import shown
from eigenmlp.losses import CrossEntropy
from eigenmlp.network import Network
from eigenmlp.optimizers import OPTIMIZERS, Optimizer

__all__ = ["EarlyStoppingSpec", "L2Reading", "RunSpec", "ScheduleSpec"]

L2Reading = Literal["undivided", "divided_by_batch", "weight_decay"]

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
_L2_READINGS = ("undivided", "divided_by_batch", "weight_decay")
_SCHEDULES: dict[str, tuple[str, ...]] = {
    "constant": (),
    "linear": ("final", "epochs"),
    "exponential": ("gamma",),
}


@dataclass(frozen=True, kw_only=True)
class ScheduleSpec:
    """A learning rate schedule.

    Parameters
    ----------
    kind : {"constant", "linear", "exponential"}
        Schedule of `eigenmlp.schedules` by that name.
    initial : float
        Learning rate of epoch 0, positive.
    final, epochs : float and int, only for "linear"
        Smallest learning rate and the epochs T of max(final, initial (1 - t/T)).
    gamma : float, only for "exponential"
        Factor k of initial · kᵗ.

    Examples
    --------
    >>> from eigenmlp.sweeps.specs import ScheduleSpec
    >>> ScheduleSpec(kind="exponential", initial=0.1, gamma=0.5).build()(2)
    0.025
    """

    kind: Literal["constant", "linear", "exponential"]
    initial: float
    final: float | None = None
    epochs: int | None = None
    gamma: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in _SCHEDULES:
            raise ValueError(
                f"schedule kind {shown(self.kind)} is unknown: use one of {[*_SCHEDULES]}"
            )
        for option in ("final", "epochs", "gamma"):
            given, needed = getattr(self, option) is not None, option in _SCHEDULES[self.kind]
            if given != needed:
                verb = "needs" if needed else "does not take"
                raise ValueError(f"a {self.kind} schedule {verb} {shown(option)}")
        self.build()  # raises on values out of range

    def build(self) -> Callable[[int], float]:
        """Return the schedule: a function from the epoch, counted from 0, to the rate."""
        options = {option: getattr(self, option) for option in _SCHEDULES[self.kind]}
        factory: Callable[..., Callable[[int], float]] = getattr(schedules, self.kind)
        return factory(self.initial, **options)


@dataclass(frozen=True, kw_only=True)
class EarlyStoppingSpec:
    """Stop after `patience` epochs without a validation loss better by more than `min_delta`."""

    patience: int
    min_delta: float


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One training run.

    Parameters
    ----------
    name : str
        Unique in the study and usable as a folder name: "m0", "fig2-eta0.01".
    label : str
        What legends and tables call the run. The only field that does not affect the outcome.
    hidden_layers : tuple of int
        Units of each hidden layer; the data set decides inputs and outputs.
    optimizer : {"sgd", "adam", "adamw"}
        Gradient descent, Adam or AdamW of `eigenmlp.optimizers`, with the constants' defaults.
    schedule : ScheduleSpec
        Learning rate by epoch.
    batch_size : int or None
        None trains on the full batch.
    l2 : float, default 0.0
        λ as the run's author states it; see `l2_reading` for what the gradient then adds.
    l2_reading : {"undivided", "divided_by_batch", "weight_decay"}, default "undivided"
        What the gradient adds: λW; or (λ/B)W, where B is `batch_size`, or the number of training
        samples in full batch; or λ times every parameter, biases too (PyTorch's `weight_decay`).
    epochs : int
        Most epochs.
    evaluate_train : bool, default False
        Measure the training loss over the whole training set after each epoch, and not as the
        mean over its batches as they passed.
    early_stopping : EarlyStoppingSpec or None, default None
        When to stop before. Never restores the best weights: the runner keeps both moments.
    init : str, default "he_normal"
        Initialisation, as in `eigenmlp.Network`.
    activation : str, default "relu"
        Of all hidden layers, as in `eigenmlp.Network`.
    dropout : float, default 0.0
        Probability of a hidden unit to be dropped in training.
    normalization : {None, "batch", "layer"}, default None
        Of all hidden layers.
    label_smoothing : float, default 0.0
        Share of the target that is spread over all classes in training. Losses in the history and
        the scores are without it.
    clip_norm : float or None, default None
        Bound of the gradient's norm.
    seed : int, default 0
        Decides the initial weights and the order of the samples.
    """

    name: str
    label: str
    hidden_layers: tuple[int, ...]
    optimizer: str
    schedule: ScheduleSpec
    batch_size: int | None
    l2: float = 0.0
    l2_reading: L2Reading = "undivided"
    epochs: int
    evaluate_train: bool = False
    early_stopping: EarlyStoppingSpec | None = None
    init: str = "he_normal"
    activation: str = "relu"
    dropout: float = 0.0
    normalization: Literal["batch", "layer"] | None = None
    label_smoothing: float = 0.0
    clip_norm: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"run name {shown(self.name)} is not usable as a folder name: "
                "use lower-case letters, digits, '.' and '-'"
            )
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(
                f"optimizer {shown(self.optimizer)} of run {shown(self.name)} is unknown: "
                f"use one of {[*OPTIMIZERS]}"
            )
        if self.l2_reading not in _L2_READINGS:
            raise ValueError(
                f"l2_reading {shown(self.l2_reading)} of run {shown(self.name)} is unknown: "
                f"use one of {[*_L2_READINGS]}"
            )
        if self.epochs < 1:
            raise ValueError(
                f"run {shown(self.name)} has {self.epochs} epochs: it needs at least 1"
            )

    @property
    def full_batch(self) -> bool:
        """Whether each epoch is one step on all training samples."""
        return self.batch_size is None

    @property
    def l2_biases(self) -> bool:
        """Whether the penalty covers the biases as well."""
        return self.l2_reading == "weight_decay"

    def effective_l2(self, n_train: int) -> float:
        """Return λ', the factor in what the gradient really adds, λ'W, with `n_train` samples.

        Examples
        --------
        >>> from eigenmlp.study.study import SPECS
        >>> SPECS["m1"].l2, SPECS["m1"].effective_l2(4000)
        (0.01, 0.00015625)
        """
        if self.l2_reading != "divided_by_batch":
            return self.l2
        return self.l2 / min(self.batch_size or n_train, n_train)

    def layer_sizes(self, n_features: int, n_classes: int) -> list[int]:
        """Return the sizes of all layers for data of this shape."""
        return [n_features, *self.hidden_layers, n_classes]

    def build_optimizer(self) -> Optimizer:
        """Return a fresh optimizer."""
        return OPTIMIZERS[self.optimizer]()

    def build_network(
        self, n_features: int, n_classes: int, *, input_scale: float, rng: np.random.Generator
    ) -> Network:
        """Return the network with its initial weights."""
        return Network(
            self.layer_sizes(n_features, n_classes),
            activation=self.activation,
            dropout=self.dropout,
            normalization=self.normalization,
            init=self.init,
            input_scale=input_scale,
            rng=rng,
        )

    def build_loss(self) -> CrossEntropy:
        """Return the loss that is trained for."""
        return CrossEntropy(label_smoothing=self.label_smoothing)

    def with_seed(self, seed: int) -> Self:
        """Return the same run with another seed."""
        return dataclasses.replace(self, seed=seed)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, the inverse of `from_dict`."""
        return {**dataclasses.asdict(self), "hidden_layers": list(self.hidden_layers)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the spec that `to_dict` wrote."""
        stopping = data["early_stopping"]
        return cls(
            **{
                **data,
                "hidden_layers": tuple(data["hidden_layers"]),
                "schedule": ScheduleSpec(**data["schedule"]),
                "early_stopping": None if stopping is None else EarlyStoppingSpec(**stopping),
            }
        )

    def same_run(self, other: Self) -> bool:
        """Whether both specs describe the same run, however they are labelled."""
        return dataclasses.replace(self, label="") == dataclasses.replace(other, label="")
