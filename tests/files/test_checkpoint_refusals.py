"""Checkpoints that are damaged, of another run, or in the way of one."""

import errno
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.callbacks import Callback, Checkpoint, TrainingState
from eigenmlp.files import checkpoints
from places import SUPPORT
from resumable_run import (
    EPOCHS,
    VALIDATION,
    PowerCut,
    PowerCutError,
    X,
    Y,
    broken_off,
    names,
    network,
    stopping,
    train,
)


def flip_a_bit(path: Path, place: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 4
    path.write_bytes(content)


DAMAGE: list[Callable[[Path], object]] = [
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"\0" * 5000),
    lambda path: path.write_bytes(path.read_bytes()[:-1]),
    lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    *[lambda path, place=place: flip_a_bit(path, place) for place in (0, 0.002, 0.02, 0.3, 1)],
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_newest_falls_back_to_the_one_before(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    whole = train()
    broken_off(tmp_path)
    damage(tmp_path / "epoch-00000005.checkpoint")
    with pytest.warns(RuntimeWarning, match=r"00000005.*going on .* after 4 epochs"):
        resumed = train(Checkpoint(tmp_path), resume_from=tmp_path)
    assert resumed[0].tobytes() == whole[0].tobytes()


def test_a_damaged_later_one_is_not_kept_in_a_sound_ones_place(tmp_path: Path) -> None:
    broken_off(tmp_path, after=6)
    flip_a_bit(tmp_path / "epoch-00000006.checkpoint", 0.5)
    (tmp_path / "epoch-00000006.checkpoint").rename(tmp_path / "epoch-00000009.checkpoint")
    with pytest.warns(RuntimeWarning, match="00000009"), pytest.raises(PowerCutError):
        train(Checkpoint(tmp_path, keep=1), PowerCut(7), resume_from=tmp_path)
    assert names(tmp_path) == ["epoch-00000007.checkpoint", "epoch-00000009.checkpoint"]


def test_none_left_is_an_error_that_names_the_damage(tmp_path: Path) -> None:
    broken_off(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(b"eigenmlp checkpoint 1\nbad\n{}")
    with pytest.raises(em.CheckpointError, match=r"none of the 2 .*00000005.*SHA-256"):
        train(resume_from=tmp_path)


def test_a_newer_version_is_named(tmp_path: Path) -> None:
    broken_off(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes().replace(b"checkpoint 1\n", b"checkpoint 7\n"))
    with pytest.raises(em.CheckpointError, match="of version 7, but this eigenmlp reads version 1"):
        train(resume_from=tmp_path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"batch_size": 31}, "batch_size was 32, is 31"),
        ({"l2": 0.5}, "l2 was 0.0, is 0.5"),
        ({"rng": 3}, "rng was 2, is 3"),
        ({"learning_rate": 0.02}, r"was exponential\(initial=0.02, gamma=0.9\), is constant\(v"),
        ({"optimizer": em.optimizers.SGD()}, r"optimizer was Adam\(.*\), is SGD\("),
        ({"network": em.Network([6, 11, 3])}, r"network was Network\(\[6, 10, 3\], .*\[6, 11, 3\]"),
        ({"X": X + 1}, r"X was float64 of shape \(150, 6\) with SHA-256 .*, is float64 of"),
        ({"X": X.astype("f4")}, "X was float64 .*, is float32 of"),
        ({"y": np.roll(Y, 1)}, "y was int64 of shape .*, is int64 of"),
        ({"sample_weight": np.ones(150)}, "weights was None, is float64 of shape"),
        ({"validation_data": None}, "X_val was float64 .*, is not there; y_val"),
        ({"metrics": ["f1_macro"]}, r"metrics was \[\], is \['f1_macro'\]"),
        ({"callbacks": [stopping()]}, r"callbacks\[0\] was not there, is EarlyStopping\("),
    ],
)
def test_another_run_is_refused_by_name_and_changes_nothing(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    broken_off(tmp_path)
    given = {"network": network(), **changes}
    before = given["network"].get_flat_parameters()
    with pytest.raises(em.CheckpointError, match=told):
        train(resume_from=tmp_path, **given)
    assert (given["network"].get_flat_parameters() == before).all()


def test_functions_of_one_name_are_told_apart_by_their_rates(tmp_path: Path) -> None:
    broken_off(tmp_path, learning_rate=lambda epoch: 0.02 * 0.9**epoch)
    with pytest.raises(em.CheckpointError, match=r"rate of epoch 4 was 0\.0131\d*, is 0\.0081"):
        train(learning_rate=lambda epoch: 0.02 * 0.8**epoch, resume_from=tmp_path)


def test_fewer_epochs_than_are_done_are_refused(tmp_path: Path) -> None:
    broken_off(tmp_path)
    with pytest.raises(ValueError, match=r"epochs=4, but the run in .* has finished 5"):
        train(epochs=4, resume_from=tmp_path)


@pytest.mark.parametrize("made", [True, False])
def test_nothing_to_resume_from_is_an_error(tmp_path: Path, made: bool) -> None:
    folder = tmp_path / "typo"
    if made:
        folder.mkdir()
    with pytest.raises(FileNotFoundError, match="has no checkpoints"):
        train(Checkpoint(tmp_path / "run"), resume_from=folder)


def test_a_folder_of_another_run_is_not_written_to(tmp_path: Path) -> None:
    broken_off(tmp_path)
    before = names(tmp_path)
    with pytest.raises(em.CheckpointError, match="has checkpoints of another training run"):
        train(Checkpoint(tmp_path))
    assert names(tmp_path) == before


def test_two_runs_at_once_dont_share_a_folder(tmp_path: Path) -> None:
    class Second(Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            with pytest.raises(OSError, match="another training run, or another Checkpoint"):
                train(Checkpoint(tmp_path), epochs=1, resume_from=tmp_path)

    train(Checkpoint(tmp_path), Second(), epochs=2)


def test_every_and_keep(tmp_path: Path) -> None:
    train(Checkpoint(tmp_path, every=5, keep=3), epochs=22)
    assert names(tmp_path) == [f"epoch-{n:08}.checkpoint" for n in (15, 20, 22)]


def test_what_a_killed_process_left_is_swept_up(tmp_path: Path) -> None:
    broken_off(tmp_path)
    (tmp_path / ".epoch-00000006.checkpoint.abcd.part").write_bytes(b"half")
    (tmp_path / "mine.part").write_bytes(b"")
    train(Checkpoint(tmp_path), resume_from=tmp_path)
    assert [name for name in names(tmp_path) if "part" in name] == ["mine.part"]


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"folder": 3}, TypeError, "folder=3 is not a path"),
        ({"every": 0}, ValueError, "every=0 is less than 1"),
        ({"keep": 1.5}, TypeError, r"keep=1\.5 is not an integer"),
    ],
)
def test_arguments_are_checked(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        Checkpoint(**{"folder": tmp_path, **options})


def test_a_file_in_the_folders_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="no checkpoint can be written"):
        train(Checkpoint(tmp_path / "file" / "run"))


def test_a_folder_removed_in_mid_run_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    class Remove(Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            if state.epoch == 3:
                shutil.rmtree(folder)

    with pytest.raises(FileNotFoundError, match="no checkpoint can be written"):
        train(Checkpoint(folder), Remove())


def test_a_full_disk_ends_training_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    whole = train()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"No space left on device.*earlier ones are intact"):
            train(Checkpoint(folder))
    assert names(folder) == ["epoch-00000002.checkpoint", "epoch-00000003.checkpoint"]
    resumed = train(Checkpoint(folder), resume_from=folder)
    assert resumed[0].tobytes() == whole[0].tobytes()


SMALL_FILES = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from resumable_run import Checkpoint, train
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    train(Checkpoint(sys.argv[1]))
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="the system has no such limit")
def test_a_file_too_large_for_the_system_is_an_error(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        SMALL_FILES,
        str(tmp_path),
        str(SUPPORT),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "no checkpoint can be written (File too large)" in done.stdout
    assert names(tmp_path) == []


def test_a_callback_that_raises_keeps_the_checkpoint_and_is_heard(tmp_path: Path) -> None:
    with pytest.raises(PowerCutError):
        train(Checkpoint(tmp_path), PowerCut(3))
    assert checkpoints.read(tmp_path / "epoch-00000003.checkpoint").n_epochs == 3


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"[]",
        b'{"n_epochs": 1}',
        b'{"n_epochs": 1, "fingerprint": {}}',
        b"[" * 100_000,
        b'{"n_epochs": "many", "fingerprint": {}}',
    ],
)
def test_a_record_made_up_is_refused(tmp_path: Path, record: bytes) -> None:
    """Its checksum may be right."""
    import hashlib

    import safetensors.numpy

    body = record + b"\n" + safetensors.numpy.save({"parameters": np.zeros(3)})
    head = b"eigenmlp checkpoint 1\n" + hashlib.sha256(body).hexdigest().encode() + b"\n"
    (tmp_path / "epoch-00000001.checkpoint").write_bytes(head + body)
    with pytest.raises(em.CheckpointError):
        em.train(network(), X, Y, validation_data=VALIDATION, epochs=EPOCHS, resume_from=tmp_path)
