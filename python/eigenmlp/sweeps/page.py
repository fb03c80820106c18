"""A page of a sweep's runs: their curves, and a table that sorts by any column."""

import math
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from eigenmlp.common.version import __version__
from eigenmlp.common.words import shortened
from eigenmlp.files.atomic import write_atomically
from eigenmlp.history import History
from eigenmlp.sweeps.results import RunResult
from eigenmlp.sweeps.runs import Runs

__all__ = ["write_page"]

_WIDTH, _HEIGHT = 120, 32  # of a curve, in CSS pixels
_MOST_POINTS = 120


def write_page(path: Path, runs: Runs, title: str) -> None:
    """Write one HTML file that holds everything it shows and asks for nothing from elsewhere.

    Raises
    ------
    ImportError
        If pandas, of the extra `study`, is not installed.
    OSError
        If it can't be written.
    """
    table = runs.table()
    # As good as the rest is what comes after the first epochs: the scale is that of both.
    losses = [loss for run in runs for loss in _losses(run.history) if math.isfinite(loss)]
    scale = (min(losses), _quantile(losses, 0.9)) if losses else (0.0, 1.0)
    rows = "\n".join(
        _row(cells, _curve(run.history, scale))
        for cells, run in zip(table.itertuples(index=False), runs, strict=True)
    )
    headings = "".join(
        f'<th><button type="button">{escape(name.replace("_", " "))}</button></th>'
        for name in ("curve", *table.columns)
    )
    template = files("eigenmlp.sweeps").joinpath("page.html").read_text("utf-8")
    best = min(
        (run for run in runs if isinstance(run, RunResult)),
        key=lambda run: run.best.val_loss,
        default=None,
    )
    told = (
        "No run has a result."
        if best is None
        else f"The lowest validation loss is {best.best.val_loss:.4f}, of {best.spec.name}, seed "
        f"{best.spec.seed}, at epoch {best.best_epoch} (from 0)."
    )
    page = Template(template).substitute(
        title=escape(title),
        version=escape(__version__),
        lead=escape(f"{len(runs)} runs, {len(runs.failures)} failed. {told}"),
        scale=escape(f"{scale[0]:.4g} to {scale[1]:.4g}"),
        headings=headings,
        rows=rows,
    )
    write_atomically(path, page.encode())


def _losses(history: History) -> Sequence[float]:
    return history.get("val_loss", [])


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


def _curve(history: History, scale: tuple[float, float]) -> str:
    """Draw the validation loss, low is good, against epochs; what is beyond the scale is cut."""
    losses = _losses(history)
    step = max(1, len(losses) // _MOST_POINTS)
    low, high = scale
    points = [
        (
            _WIDTH * epoch / max(1, len(losses) - 1),
            _HEIGHT * min(1.0, max(0.0, (high - losses[epoch]) / ((high - low) or 1.0))),
        )
        for epoch in range(0, len(losses), step)
        if math.isfinite(losses[epoch])
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    last = f"{losses[-1]:.6g}" if losses else ""
    return (
        f'<td data-value="{last}"><svg width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="-1 -1 {_WIDTH + 2} {_HEIGHT + 2}" role="img" '
        f'aria-label="validation loss by epoch"><polyline points="{path}"/></svg></td>'
    )


def _row(cells: Sequence[Any], curve: str) -> str:
    return f"<tr>{curve}{''.join(map(_cell, cells))}</tr>"


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return '<td data-value="">–</td>'
    if isinstance(value, str):
        return f'<td title="{escape(value)}">{escape(shortened(value))}</td>'
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    number = f' data-value="{float(value)!r}"' if isinstance(value, (int, float)) else ""
    return f'<td class="number"{number}>{escape(text)}</td>'
