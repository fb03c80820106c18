"""What users do to checkpoints without meaning harm."""

import copy
import functools
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp import checkpoints
from eigenmlp.callbacks import Callback, Checkpoint, CSVLogger, TrainingState
from eigenmlp.checkpoints import Snapshot
from resumable_run import EPOCHS, PowerCut, PowerCutError, X, Y, broken_off, columns, network, train


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class AtEpoch(Callback):
    """Does something after an epoch."""

    def __init__(self, epoch: int, act: Any) -> None:
        self.epoch, self.act = epoch, act

    def on_epoch_end(self, state: TrainingState) -> Any:
        return self.act() if state.epoch == self.epoch else None


def test_a_relative_folder_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = tmp_path / "a", tmp_path / "b"
    ours.mkdir()
    broken_off(theirs / "run", after=2)
    monkeypatch.chdir(ours)
    train(Checkpoint("run"), AtEpoch(3, lambda: os.chdir(theirs)))
    assert names(theirs / "run") == ["epoch-00000001.checkpoint", "epoch-00000002.checkpoint"]
    assert names(ours / "run") == ["epoch-00000011.checkpoint", "epoch-00000012.checkpoint"]


def test_another_folder_in_its_place_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def replace() -> None:
        shutil.rmtree(folder)
        broken_off(folder, after=2)

    with pytest.raises(OSError, match="the folder is gone, or another is in its place"):
        train(Checkpoint(folder), AtEpoch(3, replace))
    assert names(folder) == ["epoch-00000001.checkpoint", "epoch-00000002.checkpoint"]


def test_a_copy_closes_nothing_of_others(tmp_path: Path) -> None:
    checkpoint, copies = Checkpoint(tmp_path / "run"), list[Checkpoint]()
    train(checkpoint, AtEpoch(1, lambda: copies.append(copy.deepcopy(checkpoint))))
    with Path(__file__).open("rb") as file:
        train(copies[0], resume_from=tmp_path / "run")
        assert file.read(3) == b'"""'


def test_a_refused_run_leaves_the_log_of_the_other(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    train(CSVLogger(log), Checkpoint(tmp_path / "run"))
    before = log.read_bytes()
    with pytest.raises(em.CheckpointError):
        train(CSVLogger(log), Checkpoint(tmp_path / "run"))
    with pytest.raises(em.CheckpointError):
        train(CSVLogger(log), resume_from=tmp_path / "run", l2=0.5)
    assert log.read_bytes() == before


@dataclass
class Seen(Callback):
    """A representation that shows what is remembered."""

    seen: int = 0

    def on_epoch_end(self, state: TrainingState) -> None:
        self.seen += 1

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state: Any) -> None:
        self.seen = state["seen"]


def test_a_callback_may_show_what_it_remembers(tmp_path: Path) -> None:
    broken_off(tmp_path, Seen())
    seen = Seen()
    train(seen, resume_from=tmp_path)
    assert seen.seen == EPOCHS


class ReducedOnPlateau(Callback):
    """A callback that is the schedule as well."""

    def __init__(self) -> None:
        self.rate = 0.1

    def __call__(self, epoch: int) -> float:
        return self.rate

    def on_epoch_end(self, state: TrainingState) -> None:
        self.rate *= 0.5

    def state_dict(self) -> dict[str, Any]:
        return {"rate": self.rate}

    def load_state_dict(self, state: Any) -> None:
        self.rate = state["rate"]


def test_a_callback_may_be_the_schedule(tmp_path: Path) -> None:
    def options() -> dict[str, Any]:
        return {"learning_rate": ReducedOnPlateau()}

    first, second, third = options(), options(), options()
    whole = train(first["learning_rate"], **first)
    broken_off(tmp_path, second["learning_rate"], **second)
    resumed = train(third["learning_rate"], resume_from=tmp_path, **third)
    assert columns(resumed[1]) == columns(whole[1])


def test_two_checkpoints_keep_one_run(tmp_path: Path) -> None:
    def both() -> list[Callback]:
        return [Checkpoint(tmp_path / "a"), Checkpoint(tmp_path / "b", every=2, keep=9)]

    with pytest.raises(PowerCutError):
        train(*both(), PowerCut(5), resume_from=tmp_path / "a")
    resumed = train(*both(), resume_from=tmp_path / "a")
    assert resumed[0].tobytes() == train()[0].tobytes()
    assert len(names(tmp_path / "b")) == 6
    with pytest.raises(em.CheckpointError, match="another training run"):
        train(*both(), l2=0.5, resume_from=tmp_path / "c")


def test_an_error_at_the_beginning_lets_go_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / ".epoch-1.checkpoint.x.part").mkdir()
    with pytest.raises(OSError, match="part"):
        train(Checkpoint(tmp_path))
    (tmp_path / ".epoch-1.checkpoint.x.part").rmdir()
    train(Checkpoint(tmp_path))


def test_an_error_at_the_end_of_another_callback_lets_go_of_the_folder(tmp_path: Path) -> None:
    class Rude(PowerCut):
        def on_train_error(self, state: TrainingState, error: BaseException) -> None:
            raise ArithmeticError

    with pytest.raises(PowerCutError) as caught:
        train(Rude(2), Checkpoint(tmp_path))
    assert "ArithmeticError" in caught.value.__notes__[0]
    train(Checkpoint(tmp_path), resume_from=tmp_path)


def test_a_child_doesnt_keep_the_folder(tmp_path: Path) -> None:
    children = []

    def fork() -> None:
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)

    try:
        with pytest.raises(PowerCutError):
            train(Checkpoint(tmp_path), AtEpoch(2, fork), PowerCut(4))
        train(Checkpoint(tmp_path), resume_from=tmp_path)
    finally:
        os.kill(children[0], signal.SIGKILL)
        os.waitpid(children[0], 0)


def test_one_object_keeps_one_run_at_a_time(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    with pytest.raises(RuntimeError, match="is in use by a training run already"):
        train(checkpoint, AtEpoch(1, lambda: train(checkpoint)))
    train(checkpoint, resume_from=tmp_path)


def test_half_a_memory_is_refused(tmp_path: Path) -> None:
    class Half(Callback):
        def state_dict(self) -> dict[str, Any]:
            return {"n": 1}

    with pytest.raises(TypeError, match="Half overrides one of state_dict and load_state_dict"):
        train(Half(), Checkpoint(tmp_path))


@pytest.mark.parametrize(
    "memory",
    [
        {"x": (1, 2)},
        {"x": {1: 2}},
        {"x": {3}},
        {"x": np.float32(1)},
        {"x": [np.zeros(2)]},
        {"x": np.ma.masked_array([1.0, 2.0], [True, False])},
        {"x": np.array(["a"])},
        {1: 2},
        [],
        None,
    ],
)
def test_a_memory_that_would_come_back_changed_is_refused(tmp_path: Path, memory: Any) -> None:
    class Odd(Seen):
        def state_dict(self) -> Any:
            return memory

    with pytest.raises(TypeError, match=r"Odd\(seen=1\).state_dict\(\)"):
        train(Odd(), Checkpoint(tmp_path))


def test_memories_come_back_as_they_were(tmp_path: Path) -> None:
    memory: dict[str, Any] = {
        "a": [1, 2.5, None, True, "é", {"b": [float("inf")]}],
        "scalar": np.array(3.0),
        "big": np.arange(3, dtype=">i2"),
        "strided": np.arange(8)[::-2],
        "empty": np.zeros((0, 2), "f2"),
    }
    back: dict[str, Any] = {}

    class Keeps(Seen):
        def state_dict(self) -> dict[str, Any]:
            return memory

        def load_state_dict(self, state: Any) -> None:
            back.update(state)

    broken_off(tmp_path, Keeps())
    train(Keeps(), resume_from=tmp_path)
    assert back["a"] == memory["a"]
    for name in ("scalar", "big", "strided", "empty"):
        assert back[name].shape == memory[name].shape
        assert (back[name] == memory[name]).all()


def test_a_stop_holds_as_long_as_its_callback_is_there(tmp_path: Path) -> None:
    train(AtEpoch(3, lambda: True), Checkpoint(tmp_path))
    with pytest.warns(RuntimeWarning, match=r"AtEpoch.* stopped this run after epoch 3"):
        _, history = train(AtEpoch(3, lambda: True), resume_from=tmp_path)
    assert history.n_epochs == 4
    resumed = train(resume_from=tmp_path)
    assert resumed[0].tobytes() == train()[0].tobytes()


def test_a_file_of_another_epochs_name_is_damage(tmp_path: Path) -> None:
    broken_off(tmp_path)
    shutil.copy(tmp_path / "epoch-00000004.checkpoint", tmp_path / "epoch-00000099.checkpoint")
    (tmp_path / "epoch-00000098.checkpoint").mkdir()
    with pytest.warns(RuntimeWarning, match="00000099.* is that of another epoch, 4"):
        _, history = train(Checkpoint(tmp_path), resume_from=tmp_path)
    assert history.n_epochs == EPOCHS


def test_a_newer_format_is_not_passed_over(tmp_path: Path) -> None:
    broken_off(tmp_path)
    newest = tmp_path / "epoch-00000005.checkpoint"
    newest.write_bytes(newest.read_bytes().replace(b"checkpoint 1\n", b"checkpoint 2\n"))
    with pytest.raises(em.CheckpointError, match="of version 2"):
        train(Checkpoint(tmp_path), resume_from=tmp_path)
    assert newest.exists()


def order_of(rows: np.ndarray, epoch: int) -> np.ndarray:
    return np.roll(rows, epoch)


def test_arguments_of_functions_are_compared_in_full(tmp_path: Path) -> None:
    rows, others = np.arange(150).repeat(20), np.arange(150).repeat(20)
    others[1500] = 3
    broken_off(tmp_path, shuffle=functools.partial(order_of, rows))
    with pytest.raises(em.CheckpointError, match=r"shuffle was partial of .*order_of with"):
        train(shuffle=functools.partial(order_of, others), resume_from=tmp_path)
    train(shuffle=functools.partial(order_of, rows.copy()), resume_from=tmp_path)


def test_keywords_of_functions_are_compared_too(tmp_path: Path) -> None:
    broken_off(tmp_path, learning_rate=functools.partial(rate_of, last=0.3))
    with pytest.raises(em.CheckpointError, match=r"'last': 0.3.*'last': 0.4"):
        train(learning_rate=functools.partial(rate_of, last=0.4), resume_from=tmp_path)


def rate_of(epoch: int, last: float) -> float:
    return last if epoch == EPOCHS - 1 else 0.01


class Forgets(Seen):
    def load_state_dict(self, state: Any) -> None:
        raise KeyError("seen")


def without_moments(path: Path) -> None:
    found = checkpoints.read(path)
    arrays = {**found.arrays, "moments.1": -found.arrays["moments.1"]}
    checkpoints.write(path.parent, Snapshot(found.n_epochs, found.record, arrays))


@pytest.mark.parametrize("contradicts", [True, False])
def test_what_cant_be_taken_back_changes_nothing(tmp_path: Path, contradicts: bool) -> None:
    broken_off(tmp_path, Forgets(), rng=np.random.default_rng(2))
    if contradicts:
        without_moments(tmp_path / "epoch-00000005.checkpoint")
    net, adam, generator = network(), em.optimizers.Adam(), np.random.default_rng(2)
    em.train(net, X, Y, optimizer=adam, epochs=1)
    before, memory = net.get_flat_parameters(), adam.state_dict(net)
    with pytest.raises(
        em.CheckpointError, match="contradicts itself" if contradicts else "Forgets"
    ):
        train(Forgets(), network=net, optimizer=adam, rng=generator, resume_from=tmp_path)
    assert (net.get_flat_parameters() == before).all()
    assert adam.state_dict(net)["clock"] == memory["clock"]
    assert (adam.state_dict(net)["moments"][0] == memory["moments"][0]).all()
    assert generator.integers(1000) == np.random.default_rng(2).integers(1000)


@pytest.mark.parametrize(("folder", "error"), [(5, TypeError), (b"x", TypeError), ("", ValueError)])
def test_what_is_no_folder_is_named(folder: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="resume_from="):
        train(resume_from=folder)
    with pytest.raises(error, match="folder="):
        Checkpoint(folder)
