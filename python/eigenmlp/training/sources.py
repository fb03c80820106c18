"""What epochs take their samples from: parts that the core trains on, one after the other."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eigenmlp._native import _core
from eigenmlp.common.array_likes import read_once
from eigenmlp.common.columns import in_order, names_of
from eigenmlp.losses import Loss
from eigenmlp.network import Network
from eigenmlp.network.samples import refuse_no_arrays
from eigenmlp.training.orders import Orders
from eigenmlp.training.weights import combined_weights

__all__ = ["InMemory", "Part"]


class Part(NamedTuple):
    """Samples of an epoch, which the core walks through in steps."""

    samples: _core.Samples
    order: NDArray[np.int64] | None  # of their rows; None is all as they lie
    batch_size: int

    @property
    def n_steps(self) -> int:
        """Number of batches, the last one perhaps shorter."""
        count = len(self.samples) if self.order is None else len(self.order)
        return -(-count // self.batch_size)


class InMemory:
    """Arrays: an epoch is one part, whose rows are taken in any order.

    Attributes
    ----------
    batch_size : int
        Of the first batch.
    feature_names : tuple of str or None
        That the network has once it is trained with these samples.
    data : dict of str to array or None
        What a run that resumes must have been given as well.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        X: Any,
        y: Any,
        *,
        sample_weight: ArrayLike | None,
        class_weight: Mapping[int, float] | str | None,
        shuffle: bool | Callable[[int], ArrayLike],
        batch_size: int | None,
        rng: int | np.random.Generator | None,
    ) -> None:
        refuse_no_arrays(network.output, X, y, sample_weight)
        names = names_of(X) if network.feature_names is None else network.feature_names
        X = read_once(in_order(X, names, exact=True))
        y, sample_weight = read_once(y), read_once(sample_weight)
        weights = combined_weights(y, sample_weight, class_weight, network)
        self._samples = network._check_samples(X, y, loss, weights)
        self._orders = Orders(shuffle, weights, len(self._samples), rng)
        self.batch_size = min(batch_size or self.n_samples, self.n_samples)
        self.feature_names = names
        self.data = {
            "X": X,
            "y": y,
            "weights": None if weights is None else np.asarray(weights, float),
        }

    @property
    def n_samples(self) -> int:
        """Samples of an epoch."""
        return self._orders.n_samples

    @property
    def random_state(self) -> dict[str, Any]:
        """State of the generator that draws orders, as JSON can hold it."""
        return self._orders.random_state

    @random_state.setter
    def random_state(self, state: dict[str, Any]) -> None:
        self._orders.random_state = state

    def parts(self, epoch: int) -> Iterable[Part]:
        """Return what an epoch, counted from 0, takes."""
        order = self._orders.of_epoch(epoch, self.batch_size)
        return [Part(self._samples, order, self.batch_size)]

    def whole(self) -> Iterable[_core.Samples]:
        """Return all samples, to be measured."""
        return [self._samples]
