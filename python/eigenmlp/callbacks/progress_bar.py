"""A live bar in a terminal or a notebook: how far training is, how good, how fast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from rich.progress_bar import ProgressBar as Bar
from rich.table import Table
from rich.text import Text

from eigenmlp.callbacks.base import Callback
from eigenmlp.common.live import LiveDisplay, progress_console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from eigenmlp.callbacks.base import TrainingState

__all__ = ["ProgressBar"]

_GAP = "  "


class ProgressBar(Callback):
    """Show training in a terminal or in the cell of a notebook.

    The first line has the epoch (counted from 1 here), a bar, training samples per second
    (mean of the run so far) and the time left; the second has the latest losses, the
    accuracy where classes are predicted (of the validation data if there is some, else of the
    training data) and the learning rate.

    In a terminal it is drawn on standard error, so that standard output stays clean, and lines
    printed while training runs appear above it. In a notebook it is an output of the cell; no
    widgets are needed, and an exported notebook has its last state. Anywhere else nothing is
    drawn. Where it can't be drawn any longer, as on a terminal that has gone, training goes on
    without. ``eigenmlp.train(progress=True)`` adds one of these.

    Parameters
    ----------
    console : rich.console.Console, optional
        Console to draw on instead of standard error or the notebook.

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
        self._live: LiveDisplay | None = None

    def __repr__(self) -> str:
        return "ProgressBar()"

    def on_train_begin(self, state: TrainingState) -> None:
        """Start drawing."""
        self._stop()
        self._epochs = state.epochs
        # A resumed run has epochs behind it that took no time now.
        self._done = self._first = state.epoch + 1
        self._training_seconds = 0.0
        self._started = monotonic()
        self._ended: float | None = None
        self._ends: float | None = None
        self._speed = ""
        self._measures = [Text("first epoch", style="dim")]
        console = progress_console(stderr=True) if self.console is None else self.console
        self._live = LiveDisplay(self._render, console, redirect=True)
        if not self._live.start():
            self._live = None

    def on_epoch_end(self, state: TrainingState) -> None:
        """Take the epoch's numbers; they are drawn four times a second."""
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

    def _render(self) -> _Picture:
        width = len(str(self._epochs))
        return _Picture(
            epoch=f"epoch {self._done:>{width}}/{self._epochs}",
            bar=Bar(total=self._epochs, completed=self._done),
            pace=[part for part in (self._speed, self._time()) if part],
            measures=self._measures,
        )

    def _time(self) -> str:
        if self._ended is not None:
            return f"took {_clock(self._ended - self._started)}"
        if self._ends is None:
            return ""
        return f"{_clock(max(0.0, self._ends - monotonic()))} left"


@dataclass(frozen=True)
class _Picture:
    """The display at one moment, laid out for whatever width there is."""

    epoch: str
    bar: Bar
    pace: list[str]  # the speed, the time
    measures: list[Text]

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        pace = self.pace
        while pace and len(_GAP.join([self.epoch, *pace])) > options.max_width:
            pace = pace[1:]  # the epoch is what matters most, and the time more than the speed
        line = Table.grid(expand=True, padding=(0, 1))
        line.add_column(no_wrap=True)
        line.add_column(ratio=1)
        line.add_column(no_wrap=True, justify="right")
        line.add_row(self.epoch, self.bar, Text(_GAP.join(pace)))
        yield line
        yield from self._lines(options.max_width)

    def _lines(self, width: int) -> Iterator[Text]:
        """Put as many measures into a line as fit, a name and its value never apart."""
        line = Text()
        for measure in self.measures:
            if line and len(line) + len(_GAP) + len(measure) > width:
                yield line
                line = Text()
            line.append(_GAP if line else "").append_text(measure)
        yield line


def _measures(row: dict[str, float]) -> list[Text]:
    """Return what the second line of the display shows.

    It leaves room in 80 columns for the terminal's ``^C``: were that to wrap, the line above
    would be left behind.
    """
    accuracy = "val_accuracy" if "val_accuracy" in row else "train_accuracy"
    values = {
        name.replace("_", " "): _fixed(row[name])
        for name in ("train_loss", "val_loss", accuracy)
        if name in row  # only classes have an accuracy, only validation data a loss of theirs
    }
    values["lr"] = f"{row['learning_rate']:.3g}"
    return [Text.assemble((f"{name} ", "dim"), (value, "bold")) for name, value in values.items()]


def _fixed(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.4g}"


def _clock(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 9.95 else str(timedelta(seconds=round(seconds)))


def _with_prefix(value: float) -> str:
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g}{prefix}"
    return f"{value:.3g}"
