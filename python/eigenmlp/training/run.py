"""A training run as what changes from epoch to epoch: kept in checkpoints, and taken back."""

from __future__ import annotations

import warnings
import weakref
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eigenmlp.callbacks import Callback, Checkpoint, TrainingState
from eigenmlp.common.arguments import whole_number
from eigenmlp.errors import CheckpointError
from eigenmlp.files import checkpoints
from eigenmlp.files.checkpoints import Snapshot
from eigenmlp.history import History
from eigenmlp.schedules import rate_at
from eigenmlp.training.callback_memory import checked_memory, remembers
from eigenmlp.training.fingerprints import digest, text_of
from eigenmlp.training.opened_checkpoint import OpenedCheckpoint

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike

    from eigenmlp.network import Network
    from eigenmlp.training.batches import Batches
    from eigenmlp.training.settings import TrainingSettings
    from eigenmlp.training.sources import InMemory

__all__ = ["Run"]

# What values of the wrong kind, size or sign lead to.
_DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class Run:
    """What a training run goes on from.

    Attributes
    ----------
    state : TrainingState
        What callbacks see of it.
    steps : int
        Steps finished: the place of a schedule by steps.
    hooks : list of Callback
        In the order in which they see an epoch: checkpoints come after what they keep.
    """

    def __init__(
        self,
        network: Network,
        source: InMemory | Batches,
        hooks: Sequence[Callback],
        settings: TrainingSettings,
        *,
        resume_from: str | os.PathLike[str] | None,
        options: Mapping[str, object],
        identity: Mapping[str, object],
        data: Mapping[str, ArrayLike | None],
    ) -> None:
        self.state = TrainingState(
            network,
            History(),
            -1,
            settings.epochs,
            source.n_samples,
            source.batch_size,
            _SnapshotOf(self),
            options=options,
        )
        if resume_from is not None:
            self.state.resumed_from = checkpoints.folder_of("resume_from", resume_from)
        self._resume_from = resume_from
        self.steps = 0
        self.hooks = sorted(hooks, key=lambda hook: isinstance(hook, Checkpoint))
        self._stateful = [hook for hook in hooks if remembers(hook)]
        self._stopped_by: str | None = None
        self._undo: Callable[[], None]
        self._optimizer = settings.optimizer
        self._source = source
        self._settings = settings
        self._identity = identity
        self._data = data
        # Before training: a representation may show what a callback remembers.
        kept = resume_from is not None or any(isinstance(hook, Checkpoint) for hook in hooks)
        self._texts = [text_of(hook) for hook in self._stateful] if kept else []

    @cached_property
    def _fingerprint(self) -> dict[str, str]:
        """Settings and data, each as a text that differs where they do."""
        texts = {name: text_of(value) for name, value in self._identity.items()}
        texts |= self._settings.texts()
        texts |= {f"callbacks[{index}]": text for index, text in enumerate(self._texts)}
        return texts | {name: digest(values) for name, values in self._data.items()}

    def stop(self, hook: Callback) -> None:
        """Stop after the present epoch, since this hook says so."""
        self.state.stopping = True
        self._stopped_by = text_of(type(hook))

    def snapshot(self) -> Snapshot:
        """Gather what resuming after the present epoch needs."""
        memory = self._optimizer.state_dict(self.state.network)
        arrays = {"parameters": self.state.network.get_flat_parameters()}
        arrays |= {f"moments.{i}": values for i, values in enumerate(memory["moments"])}
        callbacks = []
        for index, hook in enumerate(self._stateful):
            plain, own_arrays = checked_memory(hook)
            callbacks.append(plain)
            arrays |= {f"callbacks.{index}.{name}": value for name, value in own_arrays.items()}
        record = {
            "fingerprint": self._fingerprint,
            "steps": self.steps,
            "clock": memory["clock"],
            "moments": len(memory["moments"]),
            "stopped_by": self._stopped_by,
            "dropout_seed": self.state.network.dropout_seed,
            "random_state": self._source.random_state,
            "history": self.state.history.to_dict(),
            "callbacks": callbacks,
        }
        return Snapshot(self.state.epoch + 1, record, arrays)

    def resume(self) -> list[dict[str, Any]]:
        """Take back the newest checkpoint of the folder to resume from that isn't damaged.

        Returns
        -------
        list of dict
            What callbacks remembered, for `remind`.

        Warns
        -----
        RuntimeWarning
            Of each damaged one that is passed over, and if a callback had stopped the run.

        Raises
        ------
        FileNotFoundError
            If there is none, and no callback of this run writes any there.
        CheckpointError
            If all are damaged, or the checkpoint is that of another run. Nothing is changed then.
        ValueError
            If it has more epochs than are asked for.
        """
        if self._resume_from is None:
            return []
        opened = self._resume_from
        if not isinstance(opened, OpenedCheckpoint):
            opened = OpenedCheckpoint(opened, self.hooks)
        source, snapshot = opened.folder, opened.snapshot
        if snapshot is None:
            return []
        for what in opened.damage:
            _warn(f"{what}; going on from an earlier one, after {snapshot.n_epochs} epochs")
        self._refuse_another_run(source, snapshot)
        if snapshot.n_epochs > self.state.epochs:
            raise ValueError(
                f"epochs={self.state.epochs}, but the run in {source} has finished "
                f"{snapshot.n_epochs}; epochs (an estimator's max_iter) counts those before the "
                "checkpoint as well"
            )
        self._undo = self._undoing()
        try:
            self._refuse_another_rate(source, snapshot)
            remembered = self._take_back(snapshot)
        except CheckpointError:
            raise
        except _DAMAGE as error:
            self._undo()
            raise CheckpointError(
                f"the checkpoint after epoch {snapshot.n_epochs} in {source} contradicts itself: "
                f"{error!r}"
            ) from error
        return remembered

    def remind(self, remembered: Sequence[dict[str, Any]]) -> None:
        """Give the callbacks back what they remembered at the checkpoint, if there is one."""
        for hook, kept in zip(self._stateful, remembered, strict=False):
            try:
                hook.load_state_dict(kept)
            except _DAMAGE as error:
                self._undo()
                raise CheckpointError(
                    f"{hook!r} can't go on with what the checkpoint has of it: {error!r}"
                ) from error

    def _undoing(self) -> Callable[[], None]:
        """Return a function that puts network, optimizer and generator back as they are now."""
        # Not `self`: a run that its own function refers to would outlive training, with the data.
        network, optimizer, source = self.state.network, self._optimizer, self._source
        seed, parameters = network.dropout_seed, network.get_flat_parameters()
        memory, random_state = optimizer.state_dict(network), source.random_state

        def undo() -> None:
            network._use_dropout_seed(seed)
            network.set_flat_parameters(parameters)
            optimizer.load_state_dict(network, memory)
            source.random_state = random_state

        return undo

    def _refuse_another_run(self, source: Path, snapshot: Snapshot) -> None:
        then = snapshot.record.get("fingerprint")
        now = self._fingerprint
        if not isinstance(then, dict):
            raise CheckpointError(f"the checkpoint in {source} doesn't tell what it is of")
        differing = [name for name in {**then, **now} if then.get(name) != now.get(name)]
        if differing:
            told = "; ".join(
                f"{name} was {then.get(name, 'not there')}, is {now.get(name, 'not there')}"
                for name in differing
            )
            raise CheckpointError(
                f"the run in {source} can't go on with other data or settings: {told}. Pass what "
                "it began with, or begin anew in another folder"
            )

    def _refuse_another_rate(self, source: Path, snapshot: Snapshot) -> None:
        """Compare the last learning rate: functions may have the same name and differ."""
        schedule: Any = self._settings.learning_rate
        # One that follows training has its place from what it remembers.
        if getattr(schedule, "follows_training", False) or schedule in self._stateful:
            return
        by_step = self._settings.schedule_unit == "step"
        last = (snapshot.record["steps"] if by_step else snapshot.n_epochs) - 1
        then, now = snapshot.record["history"]["learning_rate"][-1], rate_at(schedule, last)
        if then != now:
            raise CheckpointError(
                f"the run in {source} can't go on with another schedule: the learning rate of "
                f"epoch {snapshot.n_epochs - 1} was {then}, is {now}. Pass what it began with, or "
                "begin anew in another folder"
            )

    def _take_back(self, snapshot: Snapshot) -> list[dict[str, Any]]:
        record, arrays = snapshot.record, snapshot.arrays
        network = self.state.network
        history = History.from_dict(record["history"])
        if history.n_epochs != snapshot.n_epochs:
            raise ValueError(f"its history has {history.n_epochs} epochs")
        steps = whole_number("steps", record["steps"], minimum=1, remedy="it counts steps")
        callbacks = [dict(kept) for kept in record["callbacks"]]
        for name, values in arrays.items():
            if name.startswith("callbacks."):
                _, index, key = name.split(".", 2)
                callbacks[int(index)][key] = values
        moments = [arrays[f"moments.{index}"] for index in range(int(record["moments"]))]
        self._source.random_state = record["random_state"]
        network._use_dropout_seed(record["dropout_seed"])
        network.set_flat_parameters(arrays["parameters"])
        self._optimizer.load_state_dict(network, {"clock": record["clock"], "moments": moments})
        self.steps = steps
        self.state.history = history
        self.state.epoch = snapshot.n_epochs - 1
        self._stay_stopped(record["stopped_by"])
        return callbacks

    def _stay_stopped(self, by: str | None) -> None:
        """Keep to a stop as long as the callback that asked for it is there."""
        asked = [hook for hook in self.hooks if text_of(type(hook)) == by]
        if not asked:
            return
        self.stop(asked[0])
        if self.state.epoch + 1 < self.state.epochs and not any(map(remembers, asked)):
            _warn(
                f"{asked[0]!r} stopped this run after epoch {self.state.epoch}, and so it stays; "
                "nothing is trained. To go on, leave that callback out"
            )


class _SnapshotOf:
    """`Run.snapshot`, for callbacks to call while the run lasts.

    It keeps the run from nothing: a callback may keep its state for ever, and data must be free
    when training ends.
    """

    def __init__(self, run: Run | None) -> None:
        self._run = (lambda: None) if run is None else weakref.ref(run)

    def __call__(self) -> Snapshot:
        run = self._run()
        if run is None:
            raise RuntimeError(
                "snapshot() was called after the training run, which has let go of its data; call "
                "it while the run lasts, in on_epoch_end, and keep what it returns"
            )
        return run.snapshot()

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy is of no run.
        return _SnapshotOf, (None,)


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=4)
