"""Networks of a model for tables, each from its seed to its best epoch."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.errors import TrainingDivergedError
from eigenmlp.network import Network
from eigenmlp.optimizers import Adam
from eigenmlp.schedules import coslog
from eigenmlp.training import train

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from eigenmlp.callbacks import Callback
    from eigenmlp.history import History
    from eigenmlp.losses import Loss
    from eigenmlp.tabular.judge import Judge

__all__ = ["Member", "Recipe", "train_in_turn", "trained", "trained_side_by_side"]

_BETA2 = 0.95
_RATE_OF_BIASES = 0.1


@dataclass(frozen=True)
class Recipe:
    """What all networks of a model have in common.

    Attributes
    ----------
    sizes : tuple of int
        Features, hidden units, outputs.
    fan_in : int
        What the first layer's weights and rate go by: features that are no parts of others.
    activation, dropout
        As for `eigenmlp.Network`.
    output : str
    loss : Loss
    rate : float
        Learning rate at the top of each wave, of weights W / √fan_in.
    batch_size, epochs : int
    """

    sizes: tuple[int, ...]
    fan_in: int
    activation: str | Sequence[str]
    dropout: float | Sequence[float]
    output: str
    loss: Loss
    rate: float
    batch_size: int
    epochs: int

    def network(self, seed: int, first_bias: NDArray[Any]) -> Network:
        """Return a network whose outputs begin alike: weights of variance 1/n, the last zero."""
        n_hidden = len(self.sizes) - 2
        network = Network(
            self.sizes,
            activation=self.activation,
            output=self.output,
            dropout=self.dropout,
            init=[*["lecun_normal"] * n_hidden, "zeros"],
            rng=seed,
        )
        first, *weights = network.weights
        first *= np.float32(math.sqrt(self.sizes[0] / self.fan_in))
        network.set_parameters([first, *weights], [*network.biases[:-1], first_bias])
        return network

    def rates(self, n_samples: int) -> dict[str, Any]:
        """Return the learning rates of all groups of parameters.

        With Adam, a weight W/√n that is trained at the rate η is W that is trained at η/√n.
        """
        reference = math.sqrt(self.sizes[1])
        return {
            "learning_rate": coslog(
                self.rate / reference, self.epochs * math.ceil(n_samples / self.batch_size)
            ),
            "schedule_unit": "step",
            "rate_factors": {
                "biases": _RATE_OF_BIASES * reference,
                **{
                    layer: reference / math.sqrt(fan_in)
                    for layer, fan_in in enumerate((self.fan_in, *self.sizes[1:-1]))
                },
            },
        }


@dataclass(frozen=True)
class Member:
    """A trained network and what was measured of it.

    Attributes
    ----------
    network : Network
    history : History
    ended : TrainingDivergedError, KeyboardInterrupt or None
        What ended its training early.
    """

    network: Network
    history: History
    ended: TrainingDivergedError | KeyboardInterrupt | None


def trained(
    recipe: Recipe,
    seed: int,
    samples: tuple[NDArray[Any], ...],
    validation: tuple[NDArray[Any], ...] | None,
    *,
    judge: Judge,
    callbacks: Sequence[Callback],
    first_bias: NDArray[Any],
    resume_from: str | os.PathLike[str] | None,
    n_threads: int | None,
    progress: bool,
) -> Member:
    """Train a network.

    Parameters
    ----------
    recipe : Recipe
    seed : int
        Of its initial weights, its dropout and its orders of samples.
    samples, validation : tuple of arrays
        Features, targets, and weights if there are any.
    judge : Judge
        Says which epoch is kept.
    callbacks : sequence of Callback
        The user's.
    first_bias : (n_outputs,) array
        Biases that the last layer begins with.
    resume_from : path-like or None
    n_threads : int or None
    progress : bool

    Raises
    ------
    TrainingDivergedError, KeyboardInterrupt
        If training diverges, or Ctrl-C ends it, before an epoch that can be kept.
    """
    X, targets, *weights = samples
    weights_seed, orders = (int(s) for s in np.random.SeedSequence(seed).generate_state(2))
    network = recipe.network(weights_seed, first_bias)
    try:
        history = train(
            network,
            X,
            targets,
            loss=recipe.loss,
            optimizer=Adam(beta2=_BETA2),
            batch_size=recipe.batch_size,
            epochs=recipe.epochs,
            sample_weight=weights[0] if weights else None,
            validation_data=validation,
            callbacks=[judge, *callbacks],
            resume_from=resume_from,
            rng=orders,
            n_threads=n_threads,
            progress=progress,
            **recipe.rates(X.shape[0]),
        )
    except (TrainingDivergedError, KeyboardInterrupt) as error:
        if judge.best_parameters is not None:
            network.set_flat_parameters(judge.best_parameters)
        elif isinstance(error, TrainingDivergedError) or not judge.history:
            raise
        return Member(network, judge.history, error)
    return Member(network, history, None)


def train_in_turn(
    members: list[Member],
    member: Callable[[int], Member],
    seeds: list[int],
    cancelled: threading.Event,
) -> None:
    """Train one network after the other, until a callback or Ctrl-C ends the fit."""
    for seed in seeds:
        try:
            members.append(member(seed))
        except KeyboardInterrupt as interrupt:
            if not members:
                raise
            members[-1] = replace(members[-1], ended=interrupt)
        if cancelled.is_set() or isinstance(members[-1].ended, KeyboardInterrupt):
            return


def trained_side_by_side(
    member: Callable[[int], Member], seeds: list[int], cancelled: threading.Event, n_threads: int
) -> list[Member]:
    """Train networks on a thread each; Ctrl-C ends all of them after their epoch."""
    with ThreadPoolExecutor(min(n_threads, len(seeds))) as pool:
        futures = [pool.submit(member, seed) for seed in seeds]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt as interrupt:
            cancelled.set()
            begun = [future for future in futures if not future.cancel()]
            members = [future.result() for future in begun]
            return [replace(one, ended=interrupt) for one in members]
        except BaseException:
            cancelled.set()
            for future in futures:
                future.cancel()
            raise
