"""Events for TensorBoard, as its own reader reads them."""

import math
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

import eigenmlp as em
from eigenmlp.callbacks import Callback, TensorBoardLogger, TrainingState
from scripted_run import drive, losses


def shown(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by tag, as TensorBoard shows a folder."""
    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    reader.Reload()
    return {
        tag: [(event.step, event.value) for event in reader.Scalars(tag)]
        for tag in reader.Tags()["scalars"]
    }


def values(folder: Path, tag: str) -> list[float]:
    return [value for _, value in shown(folder)[tag]]


def test_every_column_is_a_scalar(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "first"
    state = drive(
        TensorBoardLogger(folder), losses(0.1, math.pi, 1e-30, math.nan, -math.inf, 1e300)
    )
    read = shown(folder)
    assert list(read) == list(state.history)
    for column, recorded in state.history.items():
        with np.errstate(over="ignore"):
            expected = np.array(recorded, dtype=np.float32)
        assert [step for step, _ in read[column]] == list(range(6))
        np.testing.assert_array_equal([value for _, value in read[column]], expected)


def test_training_is_logged(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), rng.integers(0, 2, 50)
    logger = TensorBoardLogger(tmp_path)
    history = em.train(em.Network([3, 2], rng=0), X, y, epochs=4, callbacks=[logger], rng=0)
    np.testing.assert_allclose(values(tmp_path, "train_loss"), history["train_loss"], rtol=1e-7)


def test_each_epoch_is_on_disk_when_it_ends(tmp_path: Path) -> None:
    counts = []

    class Reader(TensorBoardLogger):
        def on_epoch_end(self, state: TrainingState) -> None:
            super().on_epoch_end(state)
            counts.append(len(shown(tmp_path)["val_loss"]))

    drive(Reader(tmp_path), losses(3, 2, 1), error=KeyboardInterrupt())
    assert counts == [1, 2, 3]


def test_a_later_run_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path)
    for script in ((9, 9, 9, 9, 9), (3, 2, 1), (8,), (5, 4)):
        drive(logger, losses(*script), error=KeyboardInterrupt())
        assert values(tmp_path, "val_loss") == list(script)
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("folder", ["first", "second"])
def test_a_resumed_run_begins_with_the_epochs_behind_it(folder: str, tmp_path: Path) -> None:
    drive(TensorBoardLogger(tmp_path / "first"), losses(3, 2, 7, 7), error=KeyboardInterrupt())
    drive(TensorBoardLogger(tmp_path / folder), losses(1, 0), earlier=losses(3, 2))
    assert shown(tmp_path / folder)["val_loss"] == [(0, 3), (1, 2), (2, 1), (3, 0)]


def test_a_run_of_no_epochs_clears_the_view(tmp_path: Path) -> None:
    drive(TensorBoardLogger(tmp_path), losses(1))
    drive(TensorBoardLogger(tmp_path), [])
    assert values(tmp_path, "val_loss") == []


def test_nothing_is_held_afterwards(tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    for error in (None, KeyboardInterrupt()):
        drive(TensorBoardLogger(tmp_path), losses(2, 1), error=error)
        assert not [link for link in Path("/dev/fd").iterdir() if str(tmp_path) in target(link)]
    assert set(threading.enumerate()) == threads


def target(link: Path) -> str:
    return str(link.readlink()) if link.is_symlink() else ""


def test_events_hold_times_and_a_known_version(tmp_path: Path) -> None:
    drive(TensorBoardLogger(tmp_path), losses(2, 1))
    (path,) = tmp_path.iterdir()
    events = list(EventFileLoader(str(path)).Load())
    assert events[0].file_version == "brain.Event:2"
    times = [event.wall_time for event in events]
    assert sorted(times) == times
    assert times[0] > 1.7e9


@pytest.mark.parametrize(
    ("name", "error"), [("file", FileExistsError), ("file/inside", NotADirectoryError)]
)
def test_tensorboard_logger_says_why_it_cannot_write(
    tmp_path: Path, name: str, error: type[OSError]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(error, match=r"TensorBoardLogger cannot write its events .*; pass a folder"):
        drive(TensorBoardLogger(tmp_path / name), losses(1))


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tensorboardX.record_writer.open", full_device, raising=False)
    with pytest.raises(OSError, match=r"cannot write its events \(No space left.*; make room"):
        drive(TensorBoardLogger(tmp_path), losses(1))


def full_device(_path: str, mode: str) -> object:
    return Path("/dev/full").open(mode)


def test_tensorboard_logger_refuses_misuse(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r'folder=3 is not a path; pass the name of one, "runs/'):
        TensorBoardLogger(3)  # type: ignore[arg-type]
    logger = TensorBoardLogger(tmp_path)
    assert repr(logger) == f"TensorBoardLogger('{tmp_path}')"
    with pytest.raises(RuntimeError, match="before on_train_begin"):
        logger.on_epoch_end(drive(Callback(), losses(1)))


def test_a_missing_package_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("tensorboardX")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r'needs tensorboardX.*pip install "eigenmlp\[log\]"'):
        drive(TensorBoardLogger(tmp_path), losses(1))


def test_neither_torch_nor_tensorflow_is_imported(tmp_path: Path) -> None:
    code = f"""
import sys
import numpy as np
import eigenmlp as em
assert "tensorboardX" not in sys.modules
logger = em.callbacks.TensorBoardLogger({str(tmp_path)!r})
em.train(em.Network([2, 2]), np.eye(2), [0, 1], epochs=1, callbacks=[logger])
assert "tensorboardX" in sys.modules
assert not {{"torch", "tensorflow", "tensorboard"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
