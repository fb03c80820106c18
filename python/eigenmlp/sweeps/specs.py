"""Run specifications: everything that decides the outcome of one training run, as plain data.

A `RunSpec` together with the data set fixes a run down to the last bit. It is read by the
runner, written to disk beside the results, and compared when a sweep is continued.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from eigenmlp.common.options import Choice, Real, Whole, check_options, option
from eigenmlp.common.words import shown
from eigenmlp.losses import Loss, loss_for
from eigenmlp.network import Network
from eigenmlp.network.architecture import Architecture
from eigenmlp.network.initializers import INITIALIZERS
from eigenmlp.training import TrainingSettings

__all__ = ["EarlyStoppingSpec", "RunSpec"]

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


@dataclass(frozen=True, kw_only=True)
class EarlyStoppingSpec:
    """Stop after `patience` epochs without a validation loss better by more than `min_delta`."""

    patience: int = field(metadata=option(Whole(wanted="1 or more", least=1)))
    min_delta: float = field(default=0.0, metadata=option(Real(wanted="a difference, 0 or more")))

    def __post_init__(self) -> None:
        check_options(self)


def _checked_name(_: str, name: object) -> str:
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ValueError(
            f"run name {shown(name)} is not usable as a folder name: "
            "use lower-case letters, digits, '.' and '-'"
        )
    return name


def _unchangeable(_: str, value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, kw_only=True)
class RunSpec(TrainingSettings):
    """One training run: the settings of training, a network, and a seed.

    Parameters
    ----------
    name : str
        Unique in the sweep and usable as a folder name: "m0", "wide-seed-3".
    label : str
        What legends and tables call the run. The only field that does not affect the outcome.
    hidden_layers : sequence of int
        Units of each hidden layer; the data set decides inputs and outputs.
    activation, dropout, normalization, init, dtype
        As in `eigenmlp.Network`; the output is that of the loss.
    early_stopping : EarlyStoppingSpec or None, default None
        When to stop before. Never restores the best weights: the runner keeps both moments.
    seed : int, default 0
        Decides the initial weights and the order of the samples.
    **settings
        Those of `eigenmlp.training.TrainingSettings`; `loss` is by default the cross-entropy.

    Raises
    ------
    TypeError, ValueError
        If something is of another type or out of its range.

    Examples
    --------
    >>> import eigenmlp as em
    >>> from eigenmlp.sweeps import RunSpec
    >>> spec = RunSpec(
    ...     name="wide", label="256 units", hidden_layers=(256,), learning_rate=0.01, epochs=5
    ... )
    >>> spec.layer_sizes(784, 10)
    [784, 256, 10]
    >>> RunSpec.from_dict(spec.to_dict()) == spec
    True
    """

    name: str = field(metadata=option(_checked_name))
    label: str
    hidden_layers: Sequence[int] = field(metadata=option(_unchangeable))
    activation: str | Sequence[str] = field(default="relu", metadata=option(_unchangeable))
    dropout: float | Sequence[float] = field(default=0.0, metadata=option(_unchangeable))
    normalization: str | Sequence[str | None] | None = field(
        default=None, metadata=option(_unchangeable)
    )
    init: str = field(default="he_normal", metadata=option(Choice(tuple(INITIALIZERS))))
    dtype: str = "float32"
    early_stopping: EarlyStoppingSpec | None = None
    seed: int = field(default=0, metadata=option(Whole(wanted="a seed, 0 or more", least=0)))

    _kinds: ClassVar[Mapping[str, type[Any]]] = {
        **TrainingSettings._kinds,  # noqa: SLF001  its own
        "early_stopping": EarlyStoppingSpec,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.epochs < 1:
            raise ValueError(
                f"run {shown(self.name)} has {self.epochs} epochs: it needs at least 1"
            )
        self._architecture(1, 1)  # raises where there is none

    def _architecture(self, n_features: int, n_outputs: int) -> Architecture:
        return Architecture.of(
            self.layer_sizes(n_features, n_outputs),
            activation=self.activation,
            dropout=self.dropout,
            normalization=self.normalization,
            output=self.build_loss().output,
            dtype=self.dtype,
            input_scale=1.0,
        )

    def layer_sizes(self, n_features: int, n_outputs: int) -> list[int]:
        """Return the sizes of all layers for data of this shape."""
        return [n_features, *self.hidden_layers, n_outputs]

    def build_network(
        self, n_features: int, n_outputs: int, *, input_scale: float, rng: np.random.Generator
    ) -> Network:
        """Return the network with its initial weights."""
        architecture = self._architecture(n_features, n_outputs)
        return Network(
            architecture.layer_sizes,
            activation=architecture.activations,
            output=architecture.output,
            dropout=architecture.dropouts,
            normalization=architecture.normalizations,
            dtype=architecture.dtype,
            init=self.init,
            input_scale=input_scale,
            rng=rng,
        )

    def build_loss(self) -> Loss:
        """Return the loss that is trained for."""
        return loss_for(self.loss, None)

    def for_samples(self, n_train: int) -> TrainingSettings:  # noqa: ARG002  for those that depend
        """Return the settings of the run on so many training samples."""
        return self

    def with_seed(self, seed: int) -> Self:
        """Return the same run with another seed."""
        return dataclasses.replace(self, seed=seed)

    def same_run(self, other: Self) -> bool:
        """Whether both specs describe the same run, however they are labelled."""
        return dataclasses.replace(self, label="") == dataclasses.replace(other, label="")
