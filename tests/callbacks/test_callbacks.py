"""What holds for every callback, in a scripted run and in training."""

import io
import os
import pickle
import pty
import select
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import eigenmlp as em
from eigenmlp.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    JSONLinesLogger,
    MLflowLogger,
    ProgressBar,
    TensorBoardLogger,
    TrainingState,
)
from scripted_run import drive, losses, terminal

CALLBACKS: dict[str, Callable[[Path], Callback]] = {
    "Callback": lambda _: Callback(),
    "EarlyStopping": lambda _: EarlyStopping(patience=2, restore_best=True),
    "ProgressBar": lambda _: ProgressBar(console=terminal()),
    "ProgressBar without terminal": lambda _: ProgressBar(console=Console(file=io.StringIO())),
    "CSVLogger": lambda folder: CSVLogger(folder / "log.csv"),
    "JSONLinesLogger": lambda folder: JSONLinesLogger(folder / "log.jsonl"),
}


@pytest.fixture(params=CALLBACKS.values(), ids=list(CALLBACKS))
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Callback]:
    return lambda: request.param(tmp_path)


def outcome(callback: Callback, state: TrainingState, folder: Path) -> dict[str, Any]:
    """Everything a callback leaves behind."""
    parameters = vars(callback).get("best_parameters")
    return {
        "epochs": state.history.n_epochs,
        "parameters": state.network.get_flat_parameters().tolist(),
        "best_parameters": None if parameters is None else parameters.tolist(),
        "files": {path.name: path.read_bytes() for path in folder.iterdir()},
        **{key: vars(callback).get(key) for key in ("best_epoch", "best_value", "stopped_epoch")},
    }


SCRIPT = losses(3, 1, 2, 2, 0)


def test_serves_several_runs_each_as_if_it_were_the_first(
    make: Callable[[], Callback], tmp_path: Path
) -> None:
    used = make()
    drive(used, losses(0.1, 0.1, 0.1, 0.1))
    drive(used, losses(0.2), error=KeyboardInterrupt())
    again = outcome(used, drive(used, SCRIPT), tmp_path)
    fresh = make()
    assert again == outcome(fresh, drive(fresh, SCRIPT), tmp_path)


@pytest.mark.parametrize("error", [None, KeyboardInterrupt(), ValueError("broken")])
def test_releases_what_it_held(make: Callable[[], Callback], error: BaseException | None) -> None:
    threads = set(threading.enumerate())
    files = open_files()
    streams = sys.stdout, sys.stderr
    drive(make(), SCRIPT, error=error)
    for thread in set(threading.enumerate()) - threads:
        thread.join(timeout=10)
    # What an earlier test has left may end in the meantime.
    assert set(threading.enumerate()) <= threads
    assert open_files() <= files
    assert (sys.stdout, sys.stderr) == streams


def open_files() -> set[Path]:
    return {link.resolve() for link in Path("/dev/fd").iterdir() if link.exists()}


def test_an_error_leaves_the_parameters_alone(make: Callable[[], Callback]) -> None:
    state = drive(make(), losses(3, 1, 2), error=KeyboardInterrupt())
    assert state.network.get_flat_parameters().tolist() == [2, 2, 2]


def test_no_epochs_at_all_are_no_trouble(make: Callable[[], Callback]) -> None:
    drive(make(), [], epochs=0)


def test_an_error_before_the_first_epoch_is_no_trouble(make: Callable[[], Callback]) -> None:
    drive(make(), [], error=ValueError("broken"), epochs=5)


def test_can_be_sent_to_another_process_before_training() -> None:
    loggers = CSVLogger("a.csv"), JSONLinesLogger("a"), TensorBoardLogger("a"), MLflowLogger("a")
    for callback in (Callback(), EarlyStopping(), ProgressBar(), *loggers):
        copy = pickle.loads(pickle.dumps(callback))  # noqa: S301
        if type(callback) is not Callback:
            assert repr(copy) == repr(callback)


# --- in training -------------------------------------------------------------------------------


class Diary(Callback):
    """Notes every hook that is called, and answers with what it was told."""

    def __init__(
        self, notes: list[str], name: str, answers: Mapping[int, Any] | None = None
    ) -> None:
        self.notes = notes
        self.name = name
        self.answers = answers or {}

    def on_train_begin(self, state: TrainingState) -> None:
        assert state.epoch == -1
        assert state.history.n_epochs == 0
        assert (state.n_samples, state.batch_size) == (60, 16)
        self.notes.append(f"{self.name} begins {state.epochs}")

    def on_epoch_end(self, state: TrainingState) -> Any:
        assert state.history.n_epochs == state.epoch + 1
        self.notes.append(f"{self.name} sees {state.epoch}")
        answer = self.answers.get(state.epoch)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def on_train_end(self, state: TrainingState) -> None:
        self.notes.append(f"{self.name} ends after {state.epoch}")

    def on_train_error(self, state: TrainingState, error: BaseException) -> None:
        self.notes.append(f"{self.name} fails after {state.epoch}: {type(error).__name__}")


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    """Few and noisy samples: the validation loss falls at first and rises later."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(260, 8))
    y = np.argmax(X[:, :3] + rng.normal(size=(260, 3)), axis=1)
    return {"X": X[:60], "y": y[:60], "validation_data": (X[60:], y[60:])}


def trained(
    data: dict[str, Any], callbacks: list[Callback], **options: Any
) -> tuple[em.Network, em.History]:
    network = em.Network([8, 16, 3], rng=0)
    defaults = {"learning_rate": 0.01, "batch_size": 16, "epochs": 60, "rng": 0}
    history = em.train(network, **data, callbacks=callbacks, **{**defaults, **options})
    return network, history


def test_hooks_are_called_in_order(data: dict[str, Any]) -> None:
    notes: list[str] = []
    trained(data, [Diary(notes, "A"), Diary(notes, "B", {0: False})], epochs=2)
    assert notes == [
        *("A begins 2", "B begins 2", "A sees 0", "B sees 0", "A sees 1", "B sees 1"),
        *("A ends after 1", "B ends after 1"),
    ]


def test_true_stops_after_all_have_seen_the_epoch(data: dict[str, Any]) -> None:
    notes: list[str] = []
    diaries: list[Callback] = [Diary(notes, "A", {1: True}), Diary(notes, "B")]
    _, history = trained(data, diaries, epochs=5)
    assert history.n_epochs == 2
    assert notes[-4:] == ["A sees 1", "B sees 1", "A ends after 1", "B ends after 1"]


def test_numpys_true_stops_as_pythons_does(data: dict[str, Any]) -> None:
    _, history = trained(data, [Diary([], "A", {1: np.True_})], epochs=5)
    assert history.n_epochs == 2


@pytest.mark.parametrize("answer", [1, "stop", 0.0, []])
def test_an_answer_that_is_no_bool_is_an_error(data: dict[str, Any], answer: Any) -> None:
    notes: list[str] = []
    with pytest.raises(TypeError, match=r"Diary.on_epoch_end returned .*; return True to stop"):
        trained(data, [Diary(notes, "A", {0: answer})])
    assert notes[-1] == "A fails after 0: TypeError"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("broken")])
def test_all_hear_of_an_error(data: dict[str, Any], error: BaseException) -> None:
    notes: list[str] = []
    name = type(error).__name__
    with pytest.raises(type(error)):
        trained(data, [Diary(notes, "A"), Diary(notes, "B", {1: error}), Diary(notes, "C")])
    assert notes[-3:] == [f"{who} fails after 1: {name}" for who in "ABC"]


def test_one_that_cannot_begin_ends_those_that_did(data: dict[str, Any], tmp_path: Path) -> None:
    notes: list[str] = []
    logger = CSVLogger(tmp_path / "missing" / "log.csv")
    with pytest.raises(FileNotFoundError, match="CSVLogger cannot write its file"):
        trained(data, [Diary(notes, "A"), logger, Diary(notes, "B")])
    assert notes == ["A begins 60", "A fails after -1: FileNotFoundError"]


@pytest.mark.parametrize("min_delta", [0.0, 0.02])
def test_early_stopping_stops_at_the_exact_epoch(data: dict[str, Any], min_delta: float) -> None:
    _, whole = trained(data, [])
    improved: list[int] = []
    for epoch, loss in enumerate(whole["val_loss"]):
        if not improved or loss < whole["val_loss"][improved[-1]] - min_delta:
            improved.append(epoch)
    gap = next(e for e, after in pairwise([*improved, 10**9]) if after - e > 7)
    stopping = EarlyStopping(patience=7, min_delta=min_delta)
    _, history = trained(data, [stopping])
    assert 0 < stopping.best_epoch == gap  # type: ignore[operator]
    assert history.n_epochs == gap + 7 + 1 < 60
    assert history["val_loss"] == whole["val_loss"][: gap + 8]


def test_restored_parameters_give_the_best_loss_again(data: dict[str, Any]) -> None:
    stopping = EarlyStopping(patience=7, restore_best=True)
    network, history = trained(data, [stopping])
    loss = network.evaluate(*data["validation_data"]).loss
    epoch, best = history.best("val_loss")
    assert stopping.best_epoch == epoch
    assert loss == pytest.approx(best, rel=1e-12)
    assert loss < history["val_loss"][-1] - 1e-3


def test_the_log_is_the_history(data: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    _, history = trained(data, [CSVLogger(path)], epochs=3)
    frame = pd.read_csv(path, index_col="epoch")
    pd.testing.assert_frame_equal(
        frame, pd.DataFrame(dict(history)).rename_axis("epoch"), rtol=1e-14
    )


def test_diverging_leaves_the_rows_of_the_finite_epochs(
    data: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "log.csv"
    with pytest.raises(em.TrainingDivergedError) as caught:
        trained(
            data,
            [CSVLogger(path)],
            optimizer=em.optimizers.SGD(),
            learning_rate=lambda epoch: 0.01 if epoch < 2 else 1e30,
        )
    assert len(pd.read_csv(path)) == caught.value.epoch >= 2


CTRL_C = """
import sys
import numpy as np
import eigenmlp as em
class Talking(em.callbacks.Callback):
    def on_epoch_end(self, state):
        if state.epoch == 0:
            print("printed meanwhile", flush=True)
X, y = np.zeros((64, 4)), np.zeros(64, int)
try:
    em.train(em.Network([4, 2]), X, y, epochs=10**9, callbacks=[Talking()], progress=True)
except KeyboardInterrupt:
    print("interrupted", sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__)
"""


def test_ctrl_c_leaves_the_terminal_as_it_was() -> None:
    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    screen = b""
    with subprocess.Popen(
        [sys.executable, "-c", CTRL_C],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        while b"train loss" not in screen:
            screen += os.read(leader, 4096)
        process.send_signal(signal.SIGINT)
        while b"interrupted" not in screen:
            screen += os.read(leader, 4096)
        assert process.wait(timeout=60) == 0
    screen += os.read(leader, 4096) if select.select([leader], [], [], 0)[0] else b""
    assert termios.tcgetattr(follower) == before
    os.close(leader)
    os.close(follower)
    text = screen.decode()
    assert "printed meanwhile\r\n" in text
    assert "interrupted True True" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back
    assert text.rindex("\x1b[?25h") < text.index("interrupted")
