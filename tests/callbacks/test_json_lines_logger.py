"""The log of JSON lines as others read it."""

import io
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from eigenmlp.callbacks import Callback, JSONLinesLogger, TrainingState
from scripted_run import drive, losses


def refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")


def rows(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def test_numbers_come_back_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    values = [0.1, 1 / 3, 1e-300, 123456789.123456789, math.pi]
    state = drive(JSONLinesLogger(path), losses(*values))
    read = rows(path)
    assert [row["val_loss"] for row in read] == values
    assert [row["epoch"] for row in read] == list(range(5))
    assert all(list(row) == ["epoch", *state.history] for row in read)


def test_what_json_lacks_is_null(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    drive(JSONLinesLogger(path), losses(math.nan, math.inf, -math.inf, 0.5))
    assert [row["val_loss"] for row in rows(path)] == [None, None, None, 0.5]
    frame = pd.read_json(io.StringIO(path.read_text()), lines=True)
    assert frame["val_loss"].isna().tolist() == [True, True, True, False]


def test_names_of_any_kind_stay_on_their_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    drive(JSONLinesLogger(path), [{'odd, "näme"\n': 0.5}, {'odd, "näme"\n': 1.0}])
    assert rows(path) == [
        {"epoch": 0, 'odd, "näme"\n': 0.5},
        {"epoch": 1, 'odd, "näme"\n': 1.0},
    ]


def test_each_epoch_is_on_disk_when_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    counts = []

    class Reader(JSONLinesLogger):
        def on_epoch_end(self, state: TrainingState) -> None:
            super().on_epoch_end(state)
            counts.append(len(rows(path)))

    drive(Reader(path), losses(3, 2, 1), error=KeyboardInterrupt())
    assert counts == [1, 2, 3]
    assert len(rows(path)) == 3


def test_a_resumed_run_begins_with_the_rows_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    drive(JSONLinesLogger(path), losses(3, 2, 1, 0))
    expected = path.read_bytes()
    drive(JSONLinesLogger(path), losses(1, 0), earlier=losses(3, 2))
    assert path.read_bytes() == expected


def test_overwrites_an_older_log_as_training_begins(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("old\n" * 100, encoding="utf-8")
    drive(JSONLinesLogger(path), [], epochs=5, error=KeyboardInterrupt())
    assert path.read_bytes() == b""


def test_json_lines_logger_says_why_it_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"JSONLinesLogger cannot write its file .*; pass"):
        drive(JSONLinesLogger(tmp_path / "missing" / "log.jsonl"), losses(1))
    with pytest.raises(OSError, match=r"JSONLinesLogger cannot write its file \(No space left"):
        drive(JSONLinesLogger("/dev/full"), losses(1))


def test_json_lines_logger_refuses_misuse(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r'path=3 is not a path; pass a file name, "log\.jsonl"'):
        JSONLinesLogger(3)  # type: ignore[arg-type]
    logger = JSONLinesLogger(tmp_path / "log.jsonl")
    assert repr(logger) == f"JSONLinesLogger('{tmp_path}/log.jsonl')"
    with pytest.raises(RuntimeError, match="before on_train_begin"):
        logger.on_epoch_end(drive(Callback(), losses(1)))
