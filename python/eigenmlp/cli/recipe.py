"""From the options of `eigenmlp train` to the objects that train."""

from pathlib import Path

import numpy as np
import typer
from rich.console import Console

import eigenmlp as em
from eigenmlp.cli.options import number
from eigenmlp.files.checkpoints import files_in

__all__ = [
    "Resumption",
    "go_on",
    "has_checkpoints",
    "input_factor",
    "make_callbacks",
    "stopped",
]


def make_callbacks(
    patience: int | None,
    min_delta: float | None,
    history: Path | None,
    checkpoint: Path | None,
    *,
    validates: bool,
) -> tuple[em.callbacks.EarlyStopping | None, list[em.callbacks.Callback]]:
    """Make the callbacks that the options ask for; the first result is that of --patience."""
    stopping = None
    if patience is not None:
        if not validates:
            raise typer.BadParameter(
                "stopping early needs validation data; give --validation above 0.",
                param_hint="--patience",
            )
        stopping = em.callbacks.EarlyStopping(
            patience=patience, min_delta=min_delta or 0.0, restore_best=True
        )
    elif min_delta is not None:
        raise typer.BadParameter("it needs --patience.", param_hint="--min-delta")
    callbacks: list[em.callbacks.Callback] = [] if stopping is None else [stopping]
    if history is not None:
        callbacks.append(em.callbacks.CSVLogger(history))
    if checkpoint is not None:
        callbacks.append(em.callbacks.Checkpoint(checkpoint))
    return stopping, callbacks


class Resumption(em.callbacks.Callback):
    """Tells that a run goes on from a checkpoint."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def on_train_begin(self, state: em.callbacks.TrainingState) -> None:
        """Say how far the run had come."""
        if state.epoch >= 0:
            self._console.print(
                f"Resumed  after {state.epoch + 1} epochs, from {state.resumed_from}"
            )


def has_checkpoints(folder: Path | None) -> bool:
    """Whether a run goes on from there."""
    return folder is not None and bool(files_in(folder))


def go_on(checkpoint: Path | None) -> str:
    """Tell how an interrupted run goes on, if it can."""
    return "" if checkpoint is None else " The same command with --force goes on."


def input_factor(text: str, dtype: np.dtype[np.generic]) -> tuple[float, str]:
    """Return the factor that --input-scale means, and the words that tell the user of it."""
    if text != "auto":
        factor = number("--input-scale", text)
        if factor == 0:
            raise typer.BadParameter(
                "0 makes all inputs alike; 1 leaves them as they are.", param_hint="--input-scale"
            )
        return factor, text
    if dtype == np.uint8:
        return 1 / 255, "1/255 (auto for uint8, see --input-scale)"
    return 1.0, f"1 (auto for {dtype}: only images of uint8 are scaled, see --input-scale)"


def stopped(stopping: em.callbacks.EarlyStopping | None) -> str:
    """Say when training stopped, and which weights the network has now."""
    if stopping is None or stopping.best_epoch is None:
        return ""
    early = "; stopped early" if stopping.stopped_epoch is not None else ""
    return f"{early}; kept the weights after {stopping.best_epoch + 1} (best validation loss)"
