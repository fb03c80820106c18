"""The CSV log as others read it."""

import csv
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eigenmlp.callbacks import Callback, CSVLogger, TrainingState
from scripted_run import drive, losses


def test_pandas_reads_the_same_numbers(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    values = [0.1, 1 / 3, 1e-300, 123456789.123456789, math.nan, -math.inf, math.pi]
    state = drive(CSVLogger(path), losses(*values))
    frame = pd.read_csv(path)
    assert list(frame.columns) == ["epoch", *state.history]
    assert frame["epoch"].tolist() == list(range(len(values)))
    # pandas may round the last digit; Python's float does not.
    np.testing.assert_allclose(frame["val_loss"], values, rtol=1e-14)
    with path.open(encoding="utf-8", newline="") as file:
        exact = [float(line["val_loss"]) for line in csv.DictReader(file)]
    np.testing.assert_array_equal(exact, values)


def test_follows_rfc_4180(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    drive(CSVLogger(path), [{"a": 0.5, 'odd, "name"': 2.0}, {'odd, "name"': 3.0, "a": 1.0}])
    assert path.read_bytes() == b'epoch,a,"odd, ""name"""\r\n0,0.5,2.0\r\n1,1.0,3.0\r\n'


def test_each_epoch_is_on_disk_when_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    lines = []

    class Reader(CSVLogger):
        def on_epoch_end(self, state: TrainingState) -> None:
            super().on_epoch_end(state)
            with path.open(encoding="utf-8", newline="") as file:
                lines.append(len(list(csv.reader(file))))

    drive(Reader(path), losses(3, 2, 1))
    assert lines == [2, 3, 4]


def test_rows_stay_when_training_fails(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    drive(CSVLogger(str(path)), losses(3, 2, 1), error=KeyboardInterrupt())
    assert pd.read_csv(path)["val_loss"].tolist() == [3.0, 2.0, 1.0]


def test_overwrites_an_older_log_as_training_begins(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("old\n" * 100, encoding="utf-8")
    drive(CSVLogger(path), [], epochs=5, error=KeyboardInterrupt())
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("missing/log.csv", FileNotFoundError),
        ("file/log.csv", NotADirectoryError),
        ("folder", IsADirectoryError),
    ],
)
def test_says_why_it_cannot_write(tmp_path: Path, name: str, error: type[OSError]) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(error, match=r"CSVLogger cannot write its file .*; pass the path") as caught:
        drive(CSVLogger(tmp_path / name), losses(1))
    assert caught.value.filename == str(tmp_path / name)


def test_csv_logger_refuses_what_is_no_path() -> None:
    with pytest.raises(TypeError, match="path=3 is not a path; pass a file name"):
        CSVLogger(3)  # type: ignore[arg-type]


def test_csv_logger_needs_its_beginning(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path / "log.csv")
    state = drive(Callback(), losses(1))
    with pytest.raises(RuntimeError, match="before on_train_begin"):
        logger.on_epoch_end(state)


def test_a_resumed_run_begins_with_the_rows_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    whole, resumed = CSVLogger(path), CSVLogger(path)
    drive(whole, losses(3, 2, 1, 0))
    expected = path.read_bytes()
    drive(resumed, losses(1, 0), earlier=losses(3, 2))
    assert path.read_bytes() == expected
    drive(resumed, [], earlier=losses(3, 2, 1, 0), error=KeyboardInterrupt())
    assert path.read_bytes() == expected


@pytest.mark.parametrize("earlier", [(), (3, 2)])
def test_a_full_disk_is_told_and_nothing_else_fails(earlier: tuple[float, ...]) -> None:
    with pytest.raises(OSError, match=r"CSVLogger cannot write its file \(No space left") as caught:
        drive(CSVLogger("/dev/full"), losses(1), earlier=losses(*earlier))
    assert caught.value.filename == "/dev/full"
    assert "make room for it" in str(caught.value)
