"""A training run without training: calls a callback's hooks with numbers from a script."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
from rich.console import Console

from eigenmlp.callbacks import Callback, TrainingState
from eigenmlp.files.checkpoints import Snapshot
from eigenmlp.history import History

if TYPE_CHECKING:
    from eigenmlp.network import Network


class ScriptedNetwork:
    """Parameters that say which epoch they are of."""

    layer_sizes = (2, 1)
    activations = dropouts = normalizations = ()
    output, dtype, input_scale, n_parameters = "identity", np.dtype("float64"), 1.0, 3

    def __init__(self) -> None:
        self.parameters = np.full(3, -1.0)

    def get_flat_parameters(self) -> np.ndarray:
        return self.parameters.copy()

    def set_flat_parameters(self, flat: np.ndarray) -> None:
        self.parameters[:] = flat


def row(**values: float) -> dict[str, float]:
    return {
        "train_loss": 0.5,
        "train_accuracy": 0.75,
        "learning_rate": 0.1,
        "seconds": 0.5,
        **values,
    }


def drive(
    callback: Callback,
    rows: Sequence[dict[str, float]],
    *,
    epochs: int | None = None,
    error: BaseException | None = None,
    earlier: Sequence[dict[str, float]] = (),
) -> TrainingState:
    """Call the hooks as training does; with `error`, fail after the last row.

    A run with `earlier` rows is resumed behind them.
    """
    network = ScriptedNetwork()
    state = TrainingState(
        network=cast("Network", network),
        history=History(),
        epoch=len(earlier) - 1,
        epochs=len(earlier) + len(rows) if epochs is None else epochs,
        n_samples=4000,
        batch_size=64,
        snapshot=lambda: Snapshot(0, {}, {}),
    )
    for values in earlier:
        state.history.append(**values)
    callback.on_train_begin(state)
    for epoch, values in enumerate(rows, start=len(earlier)):
        network.parameters[:] = epoch
        state.history.append(**values)
        state.epoch = epoch
        try:
            stop = callback.on_epoch_end(state)
        except BaseException as own_error:
            callback.on_train_error(state, own_error)
            raise
        assert stop is None or type(stop) is bool
        if stop:
            break
    if error is None:
        callback.on_train_end(state)
    else:
        callback.on_train_error(state, error)
    return state


def losses(*values: float) -> list[dict[str, float]]:
    return [row(val_loss=value, val_accuracy=0.5) for value in values]


def terminal(width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, _environ={"TERM": "xterm"})


def written(console: Console) -> str:
    return cast("io.StringIO", console.file).getvalue()
