"""The progress bar as it stands on the screen."""

import io
import sys
from collections.abc import Sequence

import pytest
from rich.console import Console

from eigenmlp.callbacks import ProgressBar, TrainingState, progress_bar
from scripted_run import drive, losses, row, terminal, written

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


def lines_after(rows: Sequence[dict[str, float]], *, epochs: int, width: int = 80) -> list[str]:
    """Text of the display after some epochs, while training goes on."""
    screen = Console(file=io.StringIO(), width=width, color_system=None)

    class Photographed(ProgressBar):
        def on_epoch_end(self, state: TrainingState) -> None:
            super().on_epoch_end(state)
            if state.history.n_epochs == len(rows):
                screen.print(self._render())

    drive(Photographed(console=terminal(width)), rows, epochs=epochs)
    return written(screen).splitlines()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the bar's clock shows from one look to the next, the last one for ever."""
    times = [0.0]
    monkeypatch.setattr(
        progress_bar, "monotonic", lambda: times.pop(0) if len(times) > 1 else times[0]
    )
    return times


def test_shows_where_training_is(clock: list[float]) -> None:
    clock[:] = [1000.0, 1060.0]
    rows = losses(2.0, 1.5, 1.23456)
    first, second = lines_after(rows, epochs=300)
    assert first.startswith("epoch   3/300 ")
    # 3 epochs of 4000 samples in 0.5 s each; 3 epochs took a minute in all, 297 remain.
    assert first.endswith(" 8k samples/s  1:39:00 left")
    assert second == "train loss 0.5000  val loss 1.2346  val accuracy 0.5000  lr 0.1"


def test_the_bar_grows_with_the_epochs() -> None:
    lengths = [lines_after([row()] * n, epochs=8)[0].count("━") for n in (2, 4, 8)]
    assert lengths[2] > 30
    assert lengths[:2] == [
        pytest.approx(lengths[2] / 4, abs=1),
        pytest.approx(lengths[2] / 2, abs=1),
    ]


def test_shows_training_accuracy_without_validation_data() -> None:
    _, second = lines_after([row(learning_rate=1.234e-5)], epochs=2)
    assert second == "train loss 0.5000  train accuracy 0.7500  lr 1.23e-05"


def test_fits_into_80_columns_with_the_largest_numbers() -> None:
    large = row(
        train_loss=999.99999, val_loss=123456.789, val_accuracy=1.0, learning_rate=1.23456e-4
    )
    lines = lines_after([{**large, "seconds": 0.0012345}] * 3, epochs=100_000)
    assert len(lines) == 2
    assert len(lines[0]) == 80
    assert len(lines[1]) <= 78
    assert "train loss 1000.0000  val loss 1.235e+05  val accuracy 1.0000  lr 0.000123" in lines


@pytest.mark.parametrize(
    ("speed", "text"),
    [(0.5, "0.5"), (12.34, "12.3"), (4000, "4k"), (1.234e6, "1.23M"), (5e10, "50G")],
)
def test_speeds_are_short(speed: float, text: str) -> None:
    first, _ = lines_after([row(seconds=4000 / speed)], epochs=2)
    assert f" {text} samples/s" in first


def test_a_resumed_run_counts_its_epochs_but_not_their_time(clock: list[float]) -> None:
    console = terminal()
    clock[:] = [0.0, 10.0, 20.0, 20.0]
    earlier = [row(seconds=100.0)] * 6
    drive(ProgressBar(console=console), [row(seconds=1.0)] * 2, epochs=10, earlier=earlier)
    last = written(console).splitlines()[-3]
    assert "epoch  8/10" in last
    assert "4k samples/s" in last


def test_time_without_measure_is_no_speed() -> None:
    first, _ = lines_after([row(seconds=0.0)], epochs=2)
    assert "samples/s" not in first


def test_the_last_epoch_stays_on_the_screen(clock: list[float]) -> None:
    console = terminal()
    clock[:] = [0.0, 1.0, 2.0, 75.0]
    drive(ProgressBar(console=console), losses(3, 2, 1), epochs=5)
    last = written(console).splitlines()[-3:-1]
    assert "epoch 3/5" in last[0]
    assert "took 0:01:15" in last[0]
    assert "1.0000" in last[1]


def test_a_second_run_counts_from_its_own_start() -> None:
    console = terminal()
    bar = ProgressBar(console=console)
    drive(bar, [row(seconds=500.0)] * 3)
    drive(bar, [row(seconds=0.5)])
    last = written(console).splitlines()[-3]
    assert "epoch 1/1" in last
    assert " 8k samples/s" in last


@pytest.mark.parametrize("error", [None, KeyboardInterrupt(), ValueError("broken")])
def test_gives_the_cursor_back(error: BaseException | None) -> None:
    console = terminal()
    drive(ProgressBar(console=console), losses(3, 2, 1), error=error)
    text = written(console)
    assert text.index(HIDE_CURSOR) < text.rindex(SHOW_CURSOR)
    assert text.count(HIDE_CURSOR) == text.count(SHOW_CURSOR) == 1


def test_is_silent_without_a_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    drive(ProgressBar(), losses(3, 2, 1))
    assert capfd.readouterr() == ("", "")


def test_lines_printed_meanwhile_go_where_they_would(capsys: pytest.CaptureFixture[str]) -> None:
    class Talking(ProgressBar):
        def on_epoch_end(self, state: TrainingState) -> None:
            super().on_epoch_end(state)
            print("epoch", state.epoch)  # noqa: T201
            print("careful", file=sys.stderr)  # noqa: T201

    drive(Talking(console=terminal()), losses(3, 2))
    assert capsys.readouterr() == ("epoch 0\nepoch 1\n", "careful\ncareful\n")
