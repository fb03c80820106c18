"""The table that a terminal shows while a study runs."""

import io
import math
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import eigenmlp as em
from eigenmlp.study.study import SPECS, group_of
from eigenmlp.sweeps.board import Board
from eigenmlp.sweeps.display import Display
from eigenmlp.sweeps.executors import engine_for
from eigenmlp.sweeps.results import Metrics, Place, RunFailure, RunResult
from eigenmlp.sweeps.runner import run_specs
from eigenmlp.sweeps.specs import RunSpec
from eigenmlp.sweeps.store import Store
from tiny_study import tiny_runs_data, tiny_spec


def _result(spec: RunSpec, accuracy: float) -> RunResult:
    metrics = Metrics(
        train_loss=1.0,
        train_accuracy=1.0,
        val_loss=1.0,
        val_accuracy=1.0,
        test_loss=1.0,
        test_accuracy=accuracy,
        test_balanced_accuracy=1.0,
        test_macro_f1=1.0,
        test_recall=(),
    )
    return RunResult(
        spec=spec,
        history=em.History(),
        best_epoch=0,
        last=metrics,
        best=metrics,
        seconds=1.0,
        place=Place(host="here", instruction_set="v3"),
        test_outputs_last=np.zeros((1, 1)),
        test_outputs_best=np.zeros((1, 1)),
        folder=Path(),
    )


def _lines(display: Display, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=24, record=True)
    console.print(display._render())
    return [line.rstrip() for line in console.export_text().splitlines()]


@pytest.fixture
def terminal() -> Console:
    return Console(file=io.StringIO(), width=80, height=24, force_terminal=True)


def test_the_whole_study_fits_a_common_terminal(
    terminal: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = list(SPECS.values())
    board = Board.create(tmp_path / "board.npy", len(specs))
    display = Display(terminal, "eigenmlp study on glyphs", group_of)
    with display.watching(specs, board):
        rows = {spec.name: row for row, spec in enumerate(specs)}
        display.found(rows["m0"], _result(SPECS["m0"], 0.65))
        display.finished(rows["m1"], _result(SPECS["m1"], 0.125))
        failure = RunFailure(spec=SPECS["fig5-eta0.1"], message="diverged", history=em.History())
        display.finished(rows["fig5-eta0.1"], failure)
        now = time.time()
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: now - 65.5)
            board.post(rows["m3"], 0, math.nan, math.nan)
        board.post(rows["m3"], 37, 1.5, 0.25)
        board.post(rows["m4"], 0, math.nan, math.nan)
        lines = _lines(display)
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    assert "1 done, 1 on disk, 2 running, 51 queued, 1 failed" in lines[0]
    assert "Models   ↺ M0 0.650   ✓ M1 0.125   · M2   ▸ M3   ▸ M4" in lines
    assert "✗ η = 0.1   · η = 0.01   · η = 0.001" in text
    (m3,) = (line for line in lines if line.startswith("m3 (seed 0)"))
    assert m3.split()[-4:] == ["37/300", "1.5000", "0.250", "1:05"]
    (m4,) = (line for line in lines if line.startswith("m4 (seed 0)"))
    assert m4.split()[-4:] == ["0/300", "–", "–", "0:00"]
    for spec in specs:
        assert f" {spec.label}" in text


def test_seeds_share_a_cell(terminal: Console, tmp_path: Path) -> None:
    specs = [SPECS[name].with_seed(seed) for name in ("m0", "m1", "m2") for seed in range(2)]
    board = Board.create(tmp_path / "board.npy", len(specs))
    display = Display(terminal, "title", group_of)
    with display.watching(specs, board):
        display.finished(0, _result(specs[0], 0.25))
        display.finished(1, _result(specs[1], 0.75))
        display.finished(2, _result(specs[2], 0.5))
        assert "Models  ✓ M0 0.500   ▸ M1 1/2   · M2 0/2" in _lines(display)


def test_many_running_runs_are_counted_rather_than_listed(
    terminal: Console, tmp_path: Path
) -> None:
    specs = list(SPECS.values())[:20]
    board = Board.create(tmp_path / "board.npy", len(specs))
    display = Display(terminal, "title")
    with display.watching(specs, board):
        for row in range(12):
            board.post(row, 1, 1.0, 0.5)
        lines = _lines(display)
    assert sum("(seed 0)" in line for line in lines) == 8
    assert "… and 4 more" in lines


def test_a_terminal_is_left_with_the_finished_table(terminal: Console, tmp_path: Path) -> None:
    data = tiny_runs_data()
    specs = [tiny_spec("a", label="first"), tiny_spec("b", label="second")]
    engine = engine_for("threads", 1, data, 2)
    display = Display(terminal, "title")
    run_specs(specs, data, Store(tmp_path), make_engine=engine, display=display)
    assert isinstance(terminal.file, io.StringIO)
    shown = terminal.file.getvalue()
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # the cursor is given back
    assert "title · 2 done" in shown.replace("\x1b[1m", "").replace("\x1b[0m", "")
