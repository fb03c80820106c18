"""Run specifications: everything that decides the outcome of one training run, as plain data.

A `RunSpec` together with the data set fixes a run down to the last bit. It is read by the
runner, written to disk beside the results, and compared when a sweep is continued.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np

from eigenmlp.common.options import Choice, Real, Whole, check_options, option
from eigenmlp.common.words import shown
from eigenmlp.losses import Loss, loss_for
from eigenmlp.metrics import METRICS
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


def _checked_class_weight(name: str, value: object) -> object:
    if value is None or value == "balanced":
        return value
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}={shown(value)} is not a dict of weights, 'balanced' or None")
    weight = Real(wanted="a weight >= 0")
    # JSON has texts alone as keys.
    keys = {int(key) if isinstance(key, str) and key.isdecimal() else key for key in value}
    for key in keys:
        Whole(wanted="class indices", least=0)(f"class of {name}", key)
    return {
        key: weight(f"{name}[{key}]", value.get(key, value.get(str(key)))) for key in sorted(keys)
    }


def _sizes(name: str, value: object) -> object:
    if not isinstance(value, (list, tuple)):
        raise TypeError(
            f"{name}={shown(value)} is not a list of the hidden layers' units; pass (100,) for one "
            "layer of 100, () for none"
        )
    return tuple(value)


def _unchangeable(_: str, value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _shares(name: str, value: object) -> object:
    # 0 and 0.0 are the same run. What is wrong with another, the architecture says.
    if isinstance(value, (list, tuple)):
        return tuple(_shares(name, share) for share in value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@dataclass(frozen=True, kw_only=True)
class RunSpec(TrainingSettings):
    """One training run: the settings of training, a network, and a seed.

    Parameters
    ----------
    name : str, default "run"
        With the seed, unique in the sweep, and usable as a folder name: "m0", "wide-0.1".
    label : str, default ""
        What legends and tables call the run; "" is the name. The only field that does not affect
        the outcome.
    hidden_layers : sequence of int, default (100,)
        Units of each hidden layer; the data decide inputs and outputs.
    activation, dropout, normalization, init, dtype
        As in `eigenmlp.Network`; the output is that of the loss.
    class_weight : dict, "balanced" or None, default None
        As in `eigenmlp.train`.
    early_stopping : EarlyStoppingSpec or None, default None
        When to stop before. Never restores the best weights: the runner keeps both moments.
    seed : int, default 0
        Decides the initial weights and the order of the samples.
    **settings
        Those of `eigenmlp.training.TrainingSettings`; `loss` is by default the cross-entropy.

    Raises
    ------
    TypeError, ValueError
        If something is of another type or out of its range, or a function, which is not plain data.

    Examples
    --------
    >>> from eigenmlp.sweeps import RunSpec
    >>> spec = RunSpec(name="wide", hidden_layers=(256,), learning_rate=0.01, epochs=5)
    >>> spec.layer_sizes(784, 10)
    [784, 256, 10]
    >>> RunSpec.from_dict(spec.to_dict()) == spec
    True
    """

    name: str = field(default="run", metadata=option(_checked_name))
    label: str = ""
    hidden_layers: Sequence[int] = field(default=(100,), metadata=option(_sizes))
    activation: str | Sequence[str] = field(default="relu", metadata=option(_unchangeable))
    dropout: float | Sequence[float] = field(default=0.0, metadata=option(_shares))
    normalization: str | Sequence[str | None] | None = field(
        default=None, metadata=option(_unchangeable)
    )
    init: str = field(default="he_normal", metadata=option(Choice(tuple(INITIALIZERS))))
    dtype: Literal["float32", "float64"] = field(
        default="float32", metadata=option(Choice(("float32", "float64")))
    )
    class_weight: Mapping[int, float] | Literal["balanced"] | None = field(
        default=None, metadata=option(_checked_class_weight)
    )
    early_stopping: EarlyStoppingSpec | None = None
    seed: int = field(default=0, metadata=option(Whole(wanted="a seed, 0 or more", least=0)))

    _kinds: ClassVar[Mapping[str, type[Any]]] = {
        **TrainingSettings._kinds,
        "early_stopping": EarlyStoppingSpec,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.label:
            object.__setattr__(self, "label", self.name)
        if self.epochs < 1:
            raise ValueError(
                f"run {shown(self.name)} has {self.epochs} epochs: it needs at least 1"
            )
        functions = [metric for metric in self.metrics if not isinstance(metric, str)]
        if functions:
            raise TypeError(
                f"metrics has {shown(functions[0])}, and a spec is plain data, which travels and "
                f"is kept: it takes the names {', '.join(METRICS)}. Measure others afterwards, of "
                "each run's network()"
            )
        self._architecture(1, 1)  # raises where there is none
        self.to_dict()  # raises where something is a function

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that affects the outcome: everything but the label."""
        decisive = {name: value for name, value in self.to_dict().items() if name != "label"}
        # All keys become texts, which have an order.
        plain = json.loads(json.dumps(decisive))
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()

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
        return self.fingerprint == other.fingerprint
