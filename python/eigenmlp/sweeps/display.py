"""What a running sweep shows: a live table on a terminal or in a notebook, lines elsewhere."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from eigenmlp.common.live import LiveDisplay
from eigenmlp.sweeps.board import Board
from eigenmlp.sweeps.results import Metrics, Outcome, RunResult
from eigenmlp.sweeps.specs import RunSpec

__all__ = ["Display"]

_MOST_RUNNING_SHOWN = 8
_SYMBOLS = {
    "queued": ("·", "dim"),
    "running": ("▸", "cyan"),
    "done": ("✓", "green"),
    "found": ("↺", "blue"),
    "failed": ("✗", "bold red"),
}
_LEGEND = {
    "done": "done",
    "found": "on disk",
    "running": "running",
    "queued": "queued",
    "failed": "failed",
}


@dataclass
class _Run:
    """What is known of a run: its outcome once it ended, here or in an earlier sweep."""

    spec: RunSpec
    outcome: Outcome | None = None
    found: bool = False


class Display:
    """Shows a sweep on `console` while it runs.

    On a terminal or in a notebook, a table with every run: finished ones with their score in test,
    running ones with their epoch and validation scores. Elsewhere, one line for each run that ends.

    Parameters
    ----------
    console : rich.console.Console
        Where to write.
    title : str
        What the table is headed with.
    group_of : callable, default=None
        Names the line of the table that a spec stands in; None is the first part of its name.
    """

    def __init__(
        self, console: Console, title: str, group_of: Callable[[RunSpec], str] | None = None
    ) -> None:
        self._group_of = group_of or _part
        self._console = console
        self._title = title
        self._runs: list[_Run] = []
        self._board: Board | None = None
        self._started = time.monotonic()
        self._live = False
        self._place = ""

    @contextmanager
    def watching(self, specs: Sequence[RunSpec], board: Board) -> Iterator[None]:
        """Show these specs, row i of the board being specs[i], until the block ends."""
        self._runs, self._board = [_Run(spec) for spec in specs], board
        self._started = time.monotonic()
        table = LiveDisplay(self._render, self._console, per_second=2)
        self._live = _can_write(self._console, self._title, specs) and table.start()
        try:
            yield
        finally:
            table.stop()

    def note(self, line: str) -> None:
        """Say something before it begins."""
        self._say(line)

    def found(self, row: int, outcome: Outcome) -> None:
        """Note that a run is on disk already."""
        self._runs[row] = _Run(outcome.spec, outcome, found=True)

    def stale(self, spec: RunSpec, reason: str) -> None:
        """Say that a run on disk does not count."""
        self._say(f"{_name(spec)} is run again and its folder replaced: {reason}.")

    def training(self, n_runs: int, place: str) -> None:
        """Say what is about to be trained, and where: "2 at a time"."""
        self._place = place
        if self._live:
            return
        n_found = sum(run.found for run in self._runs)
        self._say(
            f"{self._title}: {len(self._runs)} run{'s' if len(self._runs) > 1 else ''}"
            + (f", {n_found} found on disk" if n_found else "")
            + (f", {n_runs} to train, {place}." if n_runs else ".")
        )

    def finished(self, row: int, outcome: Outcome) -> None:
        """Note that a run has just ended."""
        self._runs[row].outcome = outcome
        if self._live:
            return
        n_ended = sum(run.outcome is not None for run in self._runs)
        counter = f"[{n_ended:>{len(str(len(self._runs)))}}/{len(self._runs)}]"
        if isinstance(outcome, RunResult):
            name, score = _score(outcome.last)
            self._say(
                f"{counter} {_name(outcome.spec)}: {name} {score:.3f}, "
                f"best validation loss {outcome.best.val_loss:.4f} at epoch {outcome.best_epoch} "
                f"of {outcome.n_epochs}, {outcome.seconds:.1f} s"
            )
        else:
            failed = "diverged" if outcome.kind == "diverged" else "failed"
            self._say(f"{counter} {_name(outcome.spec)} {failed}: {outcome.message}")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _render(self) -> RenderableType:
        states = [self._state(row) for row in range(len(self._runs))]
        return Group(
            self._header(states),
            *self._running(states),
            self._overview(states),
            self._legend(),
        )

    def _state(self, row: int) -> str:
        run = self._runs[row]
        if run.outcome is None:
            assert self._board is not None  # noqa: S101  set before anything is rendered
            return "running" if self._board.read(row)[0] > 0 else "queued"
        if not isinstance(run.outcome, RunResult):
            return "failed"
        return "found" if run.found else "done"

    def _header(self, states: Sequence[str]) -> Text:
        counts = [f"{states.count(state)} {word}" for state, word in _LEGEND.items()]
        shown = [text for text in counts if not text.startswith("0 ")]
        elapsed = _clock(time.monotonic() - self._started)
        return Text.assemble(
            (self._title, "bold"), f" · {', '.join(shown)} · {elapsed}", overflow="fold"
        )

    def _running(self, states: Sequence[str]) -> list[RenderableType]:
        rows = [row for row, state in enumerate(states) if state == "running"]
        if not rows or self._board is None:
            return []
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        table.add_column("running", no_wrap=True)
        table.add_column("", width=12)
        for heading in ("epoch", "val loss", "val acc", "time"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in rows[:_MOST_RUNNING_SHOWN]:
            spec = self._runs[row].spec
            started, epochs, val_loss, val_accuracy = self._board.read(row)
            table.add_row(
                _name(spec),
                ProgressBar(total=spec.epochs, completed=epochs, width=12),
                f"{epochs}/{spec.epochs}",
                _number(val_loss, 4),
                _number(val_accuracy, 3),
                _clock(time.time() - started),
            )
        more = len(rows) - _MOST_RUNNING_SHOWN
        return [table, *([Text(f"… and {more} more", "dim")] if more > 0 else []), Text()]

    def _overview(self, states: Sequence[str]) -> Table:
        """Every spec: a line for each group, a cell for each spec with all of its seeds."""
        cells: dict[str, dict[str, list[int]]] = {}
        for row, run in enumerate(self._runs):
            cells.setdefault(self._group_of(run.spec), {}).setdefault(run.spec.name, []).append(row)
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(ratio=1)
        for group, specs in cells.items():
            texts = [self._cell(rows, [states[row] for row in rows]) for rows in specs.values()]
            table.add_row(group, Columns(texts, padding=(0, 3, 0, 0)))
        return table

    def _legend(self) -> Text:
        text = Text()
        for state, word in _LEGEND.items():
            symbol, style = _SYMBOLS[state]
            text.append(f"{symbol} ", style).append(f"{word}  ", "dim")
        results = [run.outcome for run in self._runs if isinstance(run.outcome, RunResult)]
        name = _score(results[0].last)[0] if results else "test accuracy"
        return text.append(f"  0.xxx {name}", "dim")

    def _cell(self, rows: Sequence[int], states: Sequence[str]) -> Text:
        """Show a spec's state over its seeds, and once all have ended their mean score in test."""
        ended = [state for state in states if state not in ("queued", "running")]
        if len(ended) < len(states):
            state = "running" if ended or "running" in states else "queued"
            count = f" {len(ended)}/{len(states)}" if len(states) > 1 else ""
        else:
            state = next(state for state in ("failed", "done", "found") if state in states)
            outcomes = [self._runs[row].outcome for row in rows]
            scores = [_score(run.last)[1] for run in outcomes if isinstance(run, RunResult)]
            count = f" {sum(scores) / len(scores):.3f}" if scores else ""
        symbol, style = _SYMBOLS[state]
        label = self._runs[rows[0]].spec.label
        return Text.assemble(
            (f"{symbol} ", style),
            (label, "dim" if state == "queued" else ""),
            (
                count,
                style,
            ),
            no_wrap=True,
        )


def _can_write(console: Console, title: str, specs: Sequence[RunSpec]) -> bool:
    """Whether the console's encoding has the characters of the table; some have ASCII alone."""
    labels = "".join(spec.label for spec in specs)
    try:
        f"{title}·▸✓↺✗–…━╸{labels}".encode(console.encoding)
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def _part(spec: RunSpec) -> str:
    """Return what a run's name begins with, up to a dash."""
    return spec.name.partition("-")[0]


def _name(spec: RunSpec) -> str:
    return f"{spec.name} (seed {spec.seed})"


def _score(metrics: Metrics) -> tuple[str, float]:
    """Return what says best how good a network is, and its name."""
    scores = metrics.scores()
    for name in ("test_accuracy", "test_r2", "test_loss", "val_accuracy"):
        if name in scores:
            return name.replace("_r2", "_R²").replace("_", " "), scores[name]
    return "val loss", metrics.val_loss


def _number(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes}:{seconds:02d}"
