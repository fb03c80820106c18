"""What users do to folders of checkpoints without meaning harm."""

import copy
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

import eigenmlp as em
from eigenmlp.callbacks import Callback, Checkpoint, CSVLogger, TrainingState
from resumable_run import (
    EPOCHS,
    AtEpoch,
    PowerCut,
    PowerCutError,
    broken_off,
    names,
    train,
)


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


@pytest.mark.parametrize(("folder", "error"), [(5, TypeError), (b"x", TypeError), ("", ValueError)])
def test_what_is_no_folder_is_named(folder: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="resume_from="):
        train(resume_from=folder)
    with pytest.raises(error, match="folder="):
        Checkpoint(folder)
