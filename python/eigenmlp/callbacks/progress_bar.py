"""A live bar in the terminal: how far training is, how good, how fast."""

from __future__ import annotations

import sys
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar as Bar
from rich.table import Table
from rich.text import Text

from eigenmlp.callbacks.base import Callback

if TYPE_CHECKING:
    from eigenmlp.callbacks.base import TrainingState

__all__ = ["ProgressBar"]

_GAP = "  "


class ProgressBar(Callback):
    """Show training in the terminal.

    The first line has the epoch (counted from 1 here), a bar, training samples per second
    (mean of the run so far) and the time left; the second has the latest losses, the
    accuracy (of the validation data if there is some, else of the training data) and the
    learning rate. Lines printed while training runs appear above the bar. It is drawn on
    standard error, so that standard output stays clean, and not at all when that is not a
    terminal. ``eigenmlp.train(progress=True)`` adds one of these.

    Parameters
    ----------
    console : rich.console.Console, optional
        Console to draw on instead of standard error.

    Examples
    --------
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> history = em.train(
    ...     em.Network([2, 2], rng=0), np.eye(2), np.arange(2), optimizer=em.optimizers.SGD(),
    ...     learning_rate=0.1, epochs=3, callbacks=[em.callbacks.ProgressBar()],
    ... )
    """

    def __init__(self, *, console: Console | None = None) -> None:
        self.console = console
        self._live: Live | None = None

    def __repr__(self) -> str:
        return "ProgressBar()"

    def on_train_begin(self, state: TrainingState) -> None:
        """Start drawing."""
        self._stop()
        console = Console(stderr=True) if self.console is None else self.console
        if not console.is_terminal:
            return
        self._epochs = state.epochs
        # A resumed run has epochs behind it that took no time now.
        self._done = self._first = state.epoch + 1
        self._training_seconds = 0.0
        self._started = monotonic()
        self._ended: float | None = None
        self._ends: float | None = None
        self._speed = ""
        self._measures = Text("first epoch", style="dim")
        self._live = Live(
            console=console,
            get_renderable=self._render,
            # A redirected stream must keep what is printed to it.
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )
        self._live.start(refresh=True)

    def on_epoch_end(self, state: TrainingState) -> None:
        """Take the epoch's numbers; a thread of rich's draws them four times a second."""
        if self._live is None:
            return
        row = state.history.last
        self._done = state.epoch + 1
        self._training_seconds += row["seconds"]
        if self._training_seconds > 0:
            speed = state.n_samples * (self._done - self._first) / self._training_seconds
            self._speed = f"{_with_prefix(speed)} samples/s"
        now = monotonic()
        mean = (now - self._started) / (self._done - self._first)
        self._ends = now + mean * (self._epochs - self._done)
        self._measures = _measures(row)

    def on_train_end(self, state: TrainingState) -> None:  # noqa: ARG002
        """Draw the last epoch, which stays on the screen, and give the terminal back."""
        self._stop()

    def on_train_error(self, state: TrainingState, error: BaseException) -> None:  # noqa: ARG002
        """Give the terminal back."""
        self._stop()

    def _stop(self) -> None:
        if self._live is not None:
            live, self._live = self._live, None
            self._ended = monotonic()
            live.stop()

    def _render(self) -> Group:
        width = len(str(self._epochs))
        line = Table.grid(expand=True, padding=(0, 1))
        line.add_column(no_wrap=True)
        line.add_column(ratio=1)
        line.add_column(no_wrap=True, justify="right")
        line.add_row(
            f"epoch {self._done:>{width}}/{self._epochs}",
            Bar(total=self._epochs, completed=self._done),
            Text(_GAP.join(part for part in (self._speed, self._time()) if part)),
        )
        return Group(line, self._measures)

    def _time(self) -> str:
        if self._ended is not None:
            return f"took {_clock(self._ended - self._started)}"
        if self._ends is None:
            return ""
        return f"{_clock(max(0.0, self._ends - monotonic()))} left"


def _measures(row: dict[str, float]) -> Text:
    """Second line of the display.

    It leaves room in 80 columns for the terminal's ``^C``: were that to wrap, the line above
    would be left behind.
    """
    accuracy = "val_accuracy" if "val_accuracy" in row else "train_accuracy"
    parts = {
        "train loss": _fixed(row["train_loss"]),
        **({"val loss": _fixed(row["val_loss"])} if "val_loss" in row else {}),
        accuracy.replace("_", " "): _fixed(row[accuracy]),
        "lr": f"{row['learning_rate']:.3g}",
    }
    text = Text()
    for name, value in parts.items():
        text.append(f"{name} ", style="dim").append(value, style="bold").append(_GAP)
    text.rstrip()
    return text


def _fixed(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.4g}"


def _clock(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 9.95 else str(timedelta(seconds=round(seconds)))


def _with_prefix(value: float) -> str:
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g}{prefix}"
    return f"{value:.3g}"
