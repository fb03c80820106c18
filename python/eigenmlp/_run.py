"""A training run as what changes from epoch to epoch: kept in checkpoints, and taken back."""

from __future__ import annotations

import re
import warnings
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp import checkpoints
from eigenmlp._arguments import flag, whole_number
from eigenmlp.callbacks import Callback, Checkpoint, TrainingState
from eigenmlp.checkpoints import Snapshot
from eigenmlp.errors import CheckpointError
from eigenmlp.history import History
from eigenmlp.schedules import rate_at

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from eigenmlp._training_parts import Orders
    from eigenmlp.network import Network
    from eigenmlp.optimizers import Optimizer

__all__ = ["Run", "newest_of"]

_HASHED_AT_ONCE = 2**22
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
        In the order in which they are called: checkpoints come after what they keep.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        orders: Orders,
        hooks: Sequence[Callback],
        *,
        epochs: int,
        batch_size: int,
        settings: Mapping[str, object],
        data: Mapping[str, ArrayLike | None],
    ) -> None:
        self.state = TrainingState(
            network, History(), -1, epochs, orders.n_samples, batch_size, self.snapshot
        )
        self.steps = 0
        self.hooks = sorted(hooks, key=lambda hook: isinstance(hook, Checkpoint))
        self._optimizer = optimizer
        self._orders = orders
        self._settings = settings
        self._data = data
        self._restored: list[dict[str, Any]] = []

    @property
    def _stateful(self) -> list[Callback]:
        """Callbacks that remember something."""
        return [hook for hook in self.hooks if type(hook).state_dict is not Callback.state_dict]

    @cached_property
    def _fingerprint(self) -> dict[str, str]:
        """Settings and data, each as a text that differs where they do."""
        texts = {name: _text(value) for name, value in self._settings.items()}
        for index, hook in enumerate(self._stateful):
            texts[f"callbacks[{index}]"] = _text(hook)
        return texts | {name: _digest(values) for name, values in self._data.items()}

    def snapshot(self) -> Snapshot:
        """Gather what resuming after the present epoch needs."""
        memory = self._optimizer.state_dict(self.state.network)
        arrays = {"parameters": self.state.network.get_flat_parameters()}
        arrays |= {f"moments.{i}": values for i, values in enumerate(memory["moments"])}
        callbacks = []
        for index, hook in enumerate(self._stateful):
            kept = hook.state_dict()
            ours = {name: value for name, value in kept.items() if isinstance(value, np.ndarray)}
            arrays |= {f"callbacks.{index}.{name}": value for name, value in ours.items()}
            callbacks.append({name: value for name, value in kept.items() if name not in ours})
        record = {
            "fingerprint": self._fingerprint,
            "steps": self.steps,
            "clock": memory["clock"],
            "moments": len(memory["moments"]),
            "stopping": self.state.stopping,
            "dropout_seed": self.state.network.dropout_seed,
            "random_state": self._orders.random_state,
            "history": self.state.history.to_dict(),
            "callbacks": callbacks,
        }
        return Snapshot(self.state.epoch + 1, record, arrays)

    def resume(self, folder: str | os.PathLike[str]) -> None:
        """Take back the newest checkpoint of a folder that isn't damaged.

        Warns
        -----
        RuntimeWarning
            Of each damaged one that is passed over.

        Raises
        ------
        FileNotFoundError
            If there is none, and no callback of this run writes any there.
        CheckpointError
            If all are damaged, or the checkpoint is that of another run. Nothing is changed then.
        ValueError
            If it has more epochs than are asked for.
        """
        self.state.resumed_from = source = Path(folder)
        snapshot, damage = newest_of(source, self.hooks)
        if snapshot is None:
            return
        for what in damage:
            warnings.warn(
                f"{what}; going on from an earlier one, after {snapshot.n_epochs} epochs",
                RuntimeWarning,
                stacklevel=3,
            )
        self._refuse_another_run(source, snapshot)
        if snapshot.n_epochs > self.state.epochs:
            raise ValueError(
                f"epochs={self.state.epochs}, but the run in {source} has finished "
                f"{snapshot.n_epochs}; epochs counts those before the checkpoint as well"
            )
        try:
            self._refuse_another_rate(source, snapshot)
            self._take_back(snapshot)
        except CheckpointError:
            raise
        except _DAMAGE as error:
            raise CheckpointError(
                f"the checkpoint after epoch {snapshot.n_epochs} in {source} contradicts itself: "
                f"{error!r}"
            ) from error

    def remind(self) -> None:
        """Give the callbacks back what they remembered at the checkpoint, if there is one."""
        for hook, kept in zip(self._stateful, self._restored, strict=False):
            try:
                hook.load_state_dict(kept)
            except _DAMAGE as error:
                raise CheckpointError(
                    f"{hook!r} can't go on with what the checkpoint has of it: {error!r}"
                ) from error

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
        schedule: Any = self._settings["learning_rate"]
        if getattr(schedule, "follows_training", False):
            return
        by_step = self._settings["schedule_unit"] == "step"
        last = (snapshot.record["steps"] if by_step else snapshot.n_epochs) - 1
        then, now = snapshot.record["history"]["learning_rate"][-1], rate_at(schedule, last)
        if then != now:
            raise CheckpointError(
                f"the run in {source} can't go on with another schedule: the learning rate of "
                f"epoch {snapshot.n_epochs - 1} was {then}, is {now}. Pass what it began with, or "
                "begin anew in another folder"
            )

    def _take_back(self, snapshot: Snapshot) -> None:
        record, arrays = snapshot.record, snapshot.arrays
        network = self.state.network
        history = History.from_dict(record["history"])
        if history.n_epochs != snapshot.n_epochs:
            raise ValueError(f"its history has {history.n_epochs} epochs")
        steps = whole_number("steps", record["steps"], minimum=1, remedy="it counts steps")
        stopping = flag("stopping", record["stopping"])
        callbacks = [dict(kept) for kept in record["callbacks"]]
        for name, values in arrays.items():
            if name.startswith("callbacks."):
                _, index, key = name.split(".", 2)
                callbacks[int(index)][key] = values
        moments = [arrays[f"moments.{index}"] for index in range(int(record["moments"]))]
        self._orders.random_state = record["random_state"]
        network._use_dropout_seed(record["dropout_seed"])
        network.set_flat_parameters(arrays["parameters"])
        self._optimizer.load_state_dict(network, {"clock": record["clock"], "moments": moments})
        self.steps = steps
        self.state.history = history
        self.state.epoch = snapshot.n_epochs - 1
        self.state.stopping = stopping
        self._restored = callbacks


def newest_of(folder: Path, hooks: Sequence[Callback]) -> tuple[Snapshot | None, list[str]]:
    """Read the newest checkpoint to resume from, as `checkpoints.newest`.

    Raises
    ------
    FileNotFoundError
        If there is none, and no callback writes any there.
    """
    snapshot, damage = checkpoints.newest(folder)
    if snapshot is None and not any(_writes_to(hook, folder) for hook in hooks):
        raise FileNotFoundError(
            f"resume_from={str(folder)!r} has no checkpoints; pass the folder of a Checkpoint "
            "callback. For a run that begins there and goes on there, pass such a callback too"
        )
    return snapshot, damage


def _writes_to(hook: Callback, folder: Path) -> bool:
    return isinstance(hook, Checkpoint) and hook.folder.resolve() == folder.resolve()


def _text(value: object) -> str:
    """Represent a value, without addresses, which differ from process to process."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _digest(values: ArrayLike | None) -> str:
    if values is None:
        return "None"
    array: NDArray[Any] = np.asarray(values)
    digest = sha256()
    rows = max(1, _HASHED_AT_ONCE // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        part = array[start : start + rows]
        digest.update(np.ascontiguousarray(part, dtype=array.dtype.newbyteorder("=")).data)
    return f"{array.dtype.name} of shape {array.shape} with SHA-256 {digest.hexdigest()[:16]}…"
