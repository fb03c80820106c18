"""Files are whole or not there, whatever they are called and whoever is killed."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import eigenmlp as em
from eigenmlp.callbacks import Checkpoint
from eigenmlp.files import atomic
from eigenmlp.files.atomic import sweep, write_atomically
from resumable_run import names

LONG = "x" * 250
# Dies, or waits, at the call that is named; with files that have no name yet, or without.
CODE = r"""
import os, signal, sys
import eigenmlp as em
from eigenmlp.files import atomic
path, call, named, act = sys.argv[1:]
if named == "named":
    atomic._nameless = lambda folder: None
before = getattr(os, call)
def dies(*arguments, **options):
    if act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    print("here", flush=True)
    sys.stdin.readline()
    setattr(os, call, before)
    return before(*arguments, **options)
setattr(os, call, dies)
em.Network([3, 2], rng=0).save(path)
"""


def start(path: Path, call: str, named: str, act: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CODE, str(path), call, named, act]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def parts(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize("name", ["model.safetensors", LONG, "é" * 127])
@pytest.mark.parametrize(
    ("call", "named", "left"),
    [("fsync", "nameless", 0), ("replace", "nameless", 1), ("fsync", "named", 1)],
)
def test_a_killed_save_leaves_nothing_for_long(
    tmp_path: Path, name: str, call: str, named: str, left: int
) -> None:
    path = tmp_path / name
    em.Network([5, 2], rng=0).save(path)
    process = start(path, call, named, "kill")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(parts(tmp_path)) <= left
    assert em.load_network(path).layer_sizes == (5, 2)
    write_atomically(tmp_path / "another", b"")
    assert names(tmp_path) == sorted([name, "another"])


@pytest.mark.parametrize(
    ("call", "named"), [("fsync", "nameless"), ("replace", "nameless"), ("fsync", "named")]
)
def test_a_living_process_keeps_its_file(tmp_path: Path, call: str, named: str) -> None:
    path = tmp_path / "model.safetensors"
    process = start(path, call, named, "wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    write_atomically(tmp_path / "another", b"")
    em.Network([5, 2], rng=0).save(path)
    process.communicate("\n")
    assert process.returncode == 0
    assert em.load_network(path).layer_sizes == (3, 2)
    assert parts(tmp_path) == []


def test_a_file_that_is_swept_before_it_is_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = atomic._lock
    calls: list[int] = []

    def late(descriptor: int) -> None:
        if not calls:
            sweep(tmp_path)
            assert parts(tmp_path) == []
        calls.append(descriptor)
        lock(descriptor)

    monkeypatch.setattr(atomic, "_nameless", lambda _: None)
    monkeypatch.setattr(atomic, "_lock", late)
    write_atomically(tmp_path / "file", b"whole")
    assert len(calls) == 2
    assert (tmp_path / "file").read_bytes() == b"whole"


@pytest.mark.parametrize("nameless", [True, False])
def test_nothing_but_temporary_files_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nameless: bool
) -> None:
    if not nameless:
        monkeypatch.setattr(atomic, "_nameless", lambda _: None)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "mine.part").write_bytes(b"")
    (folder / ".eigenmlp-mine.part").write_bytes(b"")
    (folder / ".model.safetensors.0123abcd.part").write_bytes(b"")
    (folder / ".eigenmlp-0000000000000000.part").symlink_to(elsewhere)
    (folder / ".eigenmlp-0000000000000001.part").mkdir()
    os.mkfifo(folder / ".eigenmlp-0000000000000002.part")
    before = names(folder)
    (folder / ".eigenmlp-0000000000000003.part").write_bytes(b"of a dead process")
    em.Network([3, 2]).save(folder / "model")
    assert names(folder) == [*before, "model"]
    assert elsewhere.read_bytes() == b"mine"


@pytest.mark.parametrize("nameless", [True, False])
def test_an_error_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nameless: bool
) -> None:
    if not nameless:
        monkeypatch.setattr(atomic, "_nameless", lambda _: None)
    path = tmp_path / "file"
    write_atomically(path, b"old")
    path.chmod(0o640)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device", "what")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=f"No space left on device: '{path}'"):
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_where_no_file_may_get_its_name_late_it_has_one_from_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_arguments: object, **_options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", forbidden)
    write_atomically(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert names(tmp_path) == ["file"]


def test_a_new_file_has_the_rights_that_the_process_gives(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_atomically(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("name", [LONG, "é" * 127, "x" * 255])
@pytest.mark.parametrize("nameless", [True, False])
def test_the_longest_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, nameless: bool
) -> None:
    if not nameless:
        monkeypatch.setattr(atomic, "_nameless", lambda _: None)
    net = em.Network([3, 2], rng=0)
    net.save(tmp_path / name)
    net.save(tmp_path / name)
    assert em.load_network(tmp_path / name).layer_sizes == (3, 2)
    assert names(tmp_path) == [name]
    with pytest.raises(OSError, match="File name too long"):
        net.save(tmp_path / f"{'x' * 256}")


def test_links_are_followed_unless_they_lead_nowhere(tmp_path: Path) -> None:
    net = em.Network([3, 2], rng=0)
    (tmp_path / "link").symlink_to("target")
    net.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert em.load_network(tmp_path / "target").layer_sizes == (3, 2)
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match=r"links lead in a circle.*/a'"):
        net.save(tmp_path / "a")
    assert (tmp_path / "a").is_symlink()


def test_a_killed_checkpoint_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".eigenmlp-0000000000000003.part").write_bytes(b"of a dead process")
    options: dict[str, Any] = {"epochs": 1, "callbacks": [Checkpoint(tmp_path)]}
    em.train(em.Network([1, 2]), [[1.0]], [0], **options)
    assert names(tmp_path) == ["epoch-00000001.checkpoint"]
