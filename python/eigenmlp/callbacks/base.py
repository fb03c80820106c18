"""What every callback shares: the hooks, and the state they are shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from eigenmlp.files.checkpoints import Snapshot
    from eigenmlp.history import History
    from eigenmlp.network import Network

__all__ = ["Callback", "TrainingState"]


@dataclass
class TrainingState:
    """What a hook sees of the training run; one object for the whole run.

    Attributes
    ----------
    network : Network
        The network in training; after an epoch it holds that epoch's parameters.
    history : History
        What was measured so far, the epoch just ended included.
    epoch : int
        The epoch just ended, counted from 0; -1 before the first.
    epochs : int
        Number of epochs asked for.
    n_samples : int
        Number of training samples; of batches that an iterable hands out, those of the epoch just
        ended, and 0 before the first.
    batch_size : int
        Samples in a batch; `n_samples` for the full batch; those in an iterable's first one.
    snapshot : callable
        Gathers, after an epoch, what resuming the run from there needs; a RuntimeError once the run
        has ended. A callback may keep the state for as long as it likes: it keeps no data.
    stopping : bool
        Whether a callback has asked to stop after this epoch.
    resumed_from : pathlib.Path or None
        Folder of checkpoints that `eigenmlp.train` was told to resume from.
    options : mapping of str to object
        What training was asked for: the settings of `eigenmlp.train`, such as ``learning_rate``; of
        an estimator, its parameters.
    """

    network: Network
    history: History
    epoch: int
    epochs: int
    n_samples: int
    batch_size: int
    snapshot: Callable[[], Snapshot]
    stopping: bool = False
    resumed_from: Path | None = None
    options: Mapping[str, object] = field(default_factory=dict)


class Callback:
    """Base of all callbacks: hooks that do nothing.

    For every call of `on_train_begin` exactly one of `on_train_end` and `on_train_error`
    follows. One object may serve several training runs, one after the other: it starts
    afresh in `on_train_begin`. In two runs at the same moment it is a RuntimeError.

    scikit-learn's `clone`, and so cross-validation and searches, copy no callbacks: those that were
    passed are called in every fit, one after the other. Where fits run in other processes
    (``n_jobs=2``), joblib sends them copies, and what those remember stays there; where fits run
    in several threads, each needs callbacks of its own.

    A callback that remembers something from epoch to epoch, on which training depends, overrides
    `state_dict` and `load_state_dict`: checkpoints then keep it.

    Examples
    --------
    Stop once the training set is learnt:

    >>> import numpy as np
    >>> import eigenmlp as em
    >>> class Learnt(em.callbacks.Callback):
    ...     def on_epoch_end(self, state):
    ...         return state.history.last["train_accuracy"] >= 0.95
    >>> X = np.eye(4).repeat(10, axis=0)
    >>> y = np.arange(4).repeat(10)
    >>> history = em.train(
    ...     em.Network([4, 4], rng=0), X, y, optimizer=em.optimizers.SGD(),
    ...     learning_rate=1.0, epochs=1000, callbacks=[Learnt()], rng=0,
    ... )
    >>> history.n_epochs < 1000
    True
    """

    def __sklearn_clone__(self) -> Self:
        # Who passed it reads it, or it reports to someone: a copy would do so in vain.
        return self

    def on_train_begin(self, state: TrainingState) -> None:
        """Training is about to start.

        `state.epoch` is -1 and the history empty, unless the run is resumed from a checkpoint: then
        they tell of the epochs before.
        """

    def on_epoch_end(self, state: TrainingState) -> bool | None:  # noqa: ARG002  no-op hook
        """Look at an epoch that just ended, its row already in the history.

        Returns
        -------
        bool or None
            True stops training after this epoch; the callbacks further down the list still
            see the epoch. False and None go on. Anything else is a TypeError.
        """
        return None

    def on_train_end(self, state: TrainingState) -> None:
        """Training ended in order: all epochs are done, or a callback stopped it."""

    def on_train_error(self, state: TrainingState, error: BaseException) -> None:
        """Training was ended by an exception, Ctrl-C (`KeyboardInterrupt`) included.

        Release files and terminals here. The exception goes on to the caller of `train`.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return what resuming needs of this callback; asked for after an epoch.

        Returns
        -------
        dict
            Of values that JSON gives back as they are (Python's numbers, texts, None, lists and
            dicts of them with str as keys) and NumPy arrays of numbers.
        """
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` returned; called after `on_train_begin` of a resumed run."""
