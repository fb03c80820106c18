"""Batches that an iterable hands out, for data that lie elsewhere: each is one step."""

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from io import IOBase
from numbers import Number
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from eigenmlp._native import _core
from eigenmlp.common.array_likes import copied, gives_an_array, read_once
from eigenmlp.common.columns import in_order, names_of
from eigenmlp.common.words import shown, type_of
from eigenmlp.losses import Loss
from eigenmlp.network import Network
from eigenmlp.network.samples import refuse_no_arrays
from eigenmlp.training.fingerprints import digest
from eigenmlp.training.settings import TrainingSettings
from eigenmlp.training.sources import Part

__all__ = ["Batches", "are_batches", "refuse_beside_batches"]

# Checked as they come.
_Batch = Sequence[Any]

# What else is iterable, and holds no batches.
_OTHERS = (str, bytes, bytearray, Mapping, AbstractSet, IOBase, type)


def are_batches(X: object, y: object) -> TypeGuard[Iterable[_Batch]]:
    """Tell batches with their targets from samples.

    Raises
    ------
    TypeError
        If they can be gone through only once.
    """
    if y is not None or not isinstance(X, Iterable) or isinstance(X, _OTHERS) or gives_an_array(X):
        return False
    if isinstance(X, Iterator):
        raise TypeError(
            f"X is {type_of(X)}, which can be gone through only once, but every epoch goes through "
            "the batches anew; pass a list of (X, y) pairs, or an object of a class whose "
            "__iter__(self) yields them from the first each time that it is called"
        )
    return True


def refuse_beside_batches(
    settings: TrainingSettings,
    sample_weight: ArrayLike | None,
    class_weight: Mapping[int, float] | str | None,
) -> None:
    """Refuse what only samples in memory can be trained with.

    Raises
    ------
    ValueError
        Saying why, and what to do instead.
    """
    without = TrainingSettings
    given = [
        (
            "batch_size",
            settings.batch_size != without.batch_size,
            "each of them is a step, however long; let X hand out others",
        ),
        (
            "shuffle",
            settings.shuffle != without.shuffle,
            "they are taken in the order in which X hands them out; let it draw one",
        ),
        (
            "sample_weight",
            sample_weight is not None,
            "their samples aren't there at once; let X hand out (X, y, sample_weight)",
        ),
        (
            "class_weight",
            class_weight is not None,
            "their labels aren't there at once; let X hand out (X, y, sample_weight)",
        ),
    ]
    for name, is_given, why in given:
        if is_given:
            raise ValueError(f"{name} was given, but X hands out batches: {why}")


class Batches:
    """Batches of samples with targets, and perhaps weights, as an iterable hands them out.

    Parameters
    ----------
    batches : iterable
        Begun at once, since its first batch tells names and sizes; the first epoch goes on from
        there.
    repeated : bool
        Whether every walk must begin with the same batch: a run that resumes begins with a new
        iterable, which knows nothing of the walks before.

    Raises
    ------
    TypeError, ValueError
        If there is no batch, or the first is none.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        batches: Iterable[_Batch],
        *,
        repeated: bool,
    ) -> None:
        self._network, self._loss, self._batches = network, loss, batches
        self.feature_names = network.feature_names
        self.n_samples = 0
        self.random_state: dict[str, Any] = {}
        walk = iter(batches)
        given = next(walk, None)
        if given is None:
            raise ValueError(f"X={shown(batches)} hands out no batch; an epoch needs some")
        if self.feature_names is None and isinstance(given, (tuple, list)) and given:
            self.feature_names = names_of(given[0])
        first = self._arrays(0, given)
        self.batch_size = self._part(0, first).batch_size
        self._begun: Iterator[_Batch] | None = itertools.chain([first], walk)
        # Copies, since the next batch may come in the same memory.
        self.data: dict[str, ArrayLike | None] = {
            name: copied(values) for name, values in _named(first).items() if repeated
        }

    def parts(self, epoch: int) -> Iterator[Part]:
        """Walk through the batches, each a part of one step, and count their samples."""
        begun, self._begun = self._begun, None
        n_samples = 0
        for part in self._walked(f"epoch {epoch}", self._batches if begun is None else begun):
            n_samples += part.batch_size
            yield part
        self.n_samples = n_samples

    def whole(self) -> Iterator[_core.Samples]:
        """Walk through the batches once more."""
        for part in self._walked("evaluate_train", self._batches):
            yield part.samples

    def _walked(self, why: str, batches: Iterable[_Batch]) -> Iterator[Part]:
        index = -1
        for index, batch in enumerate(batches):
            arrays = self._arrays(index, batch)
            if index == 0:
                self._refuse_another(why, arrays)
            yield self._part(index, arrays)
        if index < 0:
            raise ValueError(
                f"X={shown(self._batches)} hands out no batch for {why}, though it did before; its "
                "__iter__ must begin with the first batch each time that it is called"
            )

    def _arrays(self, index: int, batch: _Batch) -> _Batch:
        """Return a batch's X, y and weights, each read once."""
        listed = isinstance(batch, (tuple, list))
        if not listed or len(batch) not in {2, 3} or isinstance(batch[0], Number):
            raise TypeError(
                f"batch {index} that X hands out is {type_of(batch)}"
                f"{f' of {len(batch)}' if listed else ''}, not a pair (X, y) or a triple (X, y, "
                "sample_weight); if X holds samples, pass their targets, too: train(network, X, y)"
            )
        X, y, weights = (*batch, None)[:3]
        with _named_batch(index):
            refuse_no_arrays(self._network.output, X, y, weights)
            X = in_order(X, self.feature_names, exact=True)
        return read_once(X), read_once(y), read_once(weights)

    def _part(self, index: int, arrays: _Batch) -> Part:
        X, y, weights = arrays
        with _named_batch(index):
            samples = self._network._check_samples(X, y, self._loss, weights)
        # Samples of weight 0 are as absent.
        present = None if weights is None else np.flatnonzero(np.asarray(weights))
        return Part(samples, present, len(samples) if present is None else len(present))

    def _refuse_another(self, why: str, arrays: _Batch) -> None:
        if any(digest(_named(arrays)[name]) != digest(kept) for name, kept in self.data.items()):
            raise ValueError(
                f"the first batch that X hands out for {why} is another than before, but a run can "
                "only go on from a Checkpoint where each __iter__ hands out the same batches, for "
                "what X remembers isn't kept; fix their order, or leave out Checkpoint and "
                "resume_from"
            )


def _named(arrays: _Batch) -> dict[str, ArrayLike | None]:
    X, y, weights = arrays
    return {"X of batch 0": X, "y of batch 0": y, "weights of batch 0": weights}


@contextlib.contextmanager
def _named_batch(index: int) -> Iterator[None]:
    """Tell in which batch something is wrong."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"batch {index}: {error}") from error
