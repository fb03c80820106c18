"""One training run, in every respect that a checkpoint must keep; and ways to break it off."""

from pathlib import Path
from typing import Any

import numpy as np

import eigenmlp as em
from eigenmlp.callbacks import Callback, Checkpoint, EarlyStopping, TrainingState

EPOCHS = 12

_generator = np.random.default_rng(20)
X = _generator.normal(size=(150, 6))
Y = (X[:, :3] + 0.5 * _generator.normal(size=(150, 3))).argmax(axis=1)
VALIDATION = (X[:40], Y[:40])


class PowerCutError(Exception):
    """Ends training as a crash would, for all that a checkpoint can tell."""


class PowerCut(Callback):
    """Raises after an epoch, before its checkpoint is written."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_end(self, state: TrainingState) -> None:
        if state.epoch == self.epoch:
            raise PowerCutError


class AtEpoch(Callback):
    """Does something after an epoch."""

    def __init__(self, epoch: int, act: Any) -> None:
        self.epoch, self.act = epoch, act

    def on_epoch_end(self, state: TrainingState) -> Any:
        return self.act() if state.epoch == self.epoch else None


def names(folder: Path) -> list[str]:
    """List a folder."""
    return sorted(path.name for path in folder.iterdir())


def network(**options: Any) -> em.Network:
    return em.Network([6, 10, 3], dropout=0.2, normalization="batch", rng=1, **options)


def train(*callbacks: Callback, epochs: int = EPOCHS, **options: Any) -> tuple[Any, em.History]:
    """Train; return the flat parameters and the history."""
    net = options.pop("network", None) or network()
    history = em.train(
        net,
        options.pop("X", X),
        options.pop("y", Y),
        **{
            "learning_rate": em.schedules.exponential(0.02, gamma=0.9),
            "batch_size": 32,
            "epochs": epochs,
            "validation_data": VALIDATION,
            "callbacks": callbacks,
            "rng": 2,
            **options,
        },
    )
    return net.get_flat_parameters(), history


def stopping() -> EarlyStopping:
    return EarlyStopping(patience=3, min_delta=0.01, restore_best=True)


def broken_off(folder: Path, *callbacks: Callback, after: int = 5, **options: Any) -> None:
    """Train with checkpoints until a power cut in the epoch `after`."""
    try:
        train(*callbacks, Checkpoint(folder), PowerCut(after), **options)
    except PowerCutError:
        return
    raise AssertionError("training ended before the power cut")


def columns(history: em.History) -> dict[str, list[float]]:
    """All columns but the seconds, which no two runs share."""
    return {name: values for name, values in history.to_dict().items() if name != "seconds"}
