"""Inside a folder of checkpoints nothing is followed, and no pipe is waited for."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import eigenmlp as em
from eigenmlp import MLPClassifier
from eigenmlp.callbacks import Checkpoint
from eigenmlp.cli import app
from eigenmlp.files import checkpoints
from resumable_run import EPOCHS, AtEpoch, broken_off, columns, names, train


def link_to_file(path: Path, elsewhere: Path) -> None:
    path.symlink_to(elsewhere / "precious")


def link_to_folder(path: Path, elsewhere: Path) -> None:
    path.symlink_to(elsewhere)


def link_to_nothing(path: Path, elsewhere: Path) -> None:
    path.symlink_to(elsewhere / "nothing")


def link_to_itself(path: Path, elsewhere: Path) -> None:  # noqa: ARG001
    path.symlink_to(path.name)


def link_to_checkpoint(path: Path, elsewhere: Path) -> None:
    path.symlink_to(elsewhere / "checkpoint")


def link_to_device(path: Path, elsewhere: Path) -> None:  # noqa: ARG001
    path.symlink_to("/dev/zero")


def pipe(path: Path, elsewhere: Path) -> None:  # noqa: ARG001
    os.mkfifo(path)


KINDS = [
    link_to_file, link_to_folder, link_to_nothing, link_to_itself, link_to_checkpoint,
    link_to_device, pipe,
]  # fmt: skip
LATER, EARLIER = "epoch-00000009.checkpoint", "epoch-00000001.checkpoint"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return a folder with a file, and a checkpoint of the same run."""
    folder = tmp_path / "elsewhere"
    broken_off(folder)
    (folder / "epoch-00000005.checkpoint").rename(folder / "checkpoint")
    (folder / "epoch-00000004.checkpoint").unlink()
    (folder / "precious").write_bytes(b"precious")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", [LATER, EARLIER])
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_refused_before_it_begins(
    tmp_path: Path, elsewhere: Path, kind: Any, name: str
) -> None:
    before = content(elsewhere)
    for folder, options in ((tmp_path / "new", {}), (tmp_path / "old", {"resume": True})):
        folder.mkdir()
        if options:
            broken_off(folder)
            (folder / name).unlink(missing_ok=True)
        kind(folder / name, elsewhere)
        listed, net = names(folder), em.Network([6, 10, 3], rng=5)
        parameters = net.get_flat_parameters()
        for callbacks in ([Checkpoint(folder)], []):
            if not (callbacks or options):
                continue
            resume: dict[str, Any] = {"resume_from": folder} if options else {}
            with pytest.raises(em.CheckpointError, match=f"{name} is a .*; remove it, or choose"):
                train(*callbacks, network=net, **resume)
        assert names(folder) == listed
        assert np.array_equal(net.get_flat_parameters(), parameters)
    assert content(elsewhere) == before
    # It has let go of the folder.
    (tmp_path / "new" / name).unlink()
    train(Checkpoint(tmp_path / "new"))


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_in_mid_run_is_not_followed(tmp_path: Path, elsewhere: Path, kind: Any) -> None:
    before = content(elsewhere)
    with pytest.raises(OSError, match=r"no checkpoint can be written.*is not a regular file"):
        train(
            Checkpoint(tmp_path / "run"),
            AtEpoch(3, lambda: kind(tmp_path / "run" / LATER, elsewhere)),
        )
    assert content(elsewhere) == before
    assert checkpoints.read(tmp_path / "run" / "epoch-00000008.checkpoint").n_epochs == 8


def test_an_old_one_is_removed_and_not_what_a_link_in_its_place_leads_to(
    tmp_path: Path, elsewhere: Path
) -> None:
    before = content(elsewhere)

    def exchange() -> None:
        path = tmp_path / "run" / "epoch-00000003.checkpoint"
        path.unlink()
        path.symlink_to(elsewhere / "precious")

    train(Checkpoint(tmp_path / "run"), AtEpoch(3, exchange))
    assert content(elsewhere) == before
    assert (tmp_path / "run" / "epoch-00000003.checkpoint").is_symlink()


def test_a_folder_in_the_place_of_one_to_be_written(tmp_path: Path) -> None:
    (tmp_path / LATER).mkdir()
    with pytest.raises(em.CheckpointError, match=f"{LATER} is a folder, .*; remove it"):
        train(Checkpoint(tmp_path))
    train(Checkpoint(tmp_path), epochs=8)


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    broken_off(link)
    parameters, history = train(Checkpoint(link), resume_from=link)
    expected, whole = train()
    assert np.array_equal(parameters, expected)
    assert columns(history) == columns(whole)
    assert names(real) == ["epoch-00000011.checkpoint", "epoch-00000012.checkpoint"]


def test_a_folder_that_is_a_circle_of_links(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="no checkpoint can be written"):
        train(Checkpoint(tmp_path / "a"))
    with pytest.raises(FileNotFoundError, match="has no checkpoints"):
        train(Checkpoint(tmp_path / "c"), resume_from=tmp_path / "a")


def test_temporary_files_that_were_made_up_are_not_followed(
    tmp_path: Path, elsewhere: Path
) -> None:
    before = content(elsewhere)
    (tmp_path / "run").mkdir()
    for name in (".epoch-00000009.checkpoint.x.part", ".eigenmlp-0000000000000000.part"):
        (tmp_path / "run" / name).symlink_to(elsewhere / "precious")
    train(Checkpoint(tmp_path / "run"))
    assert content(elsewhere) == before


def test_a_hard_link_keeps_the_other_file(tmp_path: Path) -> None:
    broken_off(tmp_path / "run")
    kept = tmp_path / "kept"
    kept.hardlink_to(tmp_path / "run" / "epoch-00000005.checkpoint")
    before = kept.read_bytes()
    train(Checkpoint(tmp_path / "run"), resume_from=tmp_path / "run")
    assert kept.read_bytes() == before


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_an_estimator_is_refused_and_stays_as_it_was(
    tmp_path: Path, elsewhere: Path, kind: Any
) -> None:
    model = MLPClassifier((3,), max_iter=EPOCHS, random_state=0).fit(np.eye(4), [0, 1, 0, 1])
    before = model.coefs_[0].copy()
    (tmp_path / "run").mkdir()
    kind(tmp_path / "run" / LATER, elsewhere)
    model.set_params(callbacks=[Checkpoint(tmp_path / "run")])
    for options in ({}, {"resume_from": tmp_path / "run"}):
        with pytest.raises(em.CheckpointError, match=LATER):
            model.fit(np.eye(4), [1, 1, 0, 1], **options)
        assert np.array_equal(model.coefs_[0], before)


@pytest.mark.parametrize("kind", KINDS)
def test_inspect_follows_what_is_named_and_nothing_else(
    tmp_path: Path, elsewhere: Path, kind: Any
) -> None:
    kind(tmp_path / LATER, elsewhere)
    listed = CliRunner().invoke(app, ["inspect", str(tmp_path)])
    assert listed.exit_code == 1
    assert "nothing but files is read" in " ".join(listed.output.split())
    alone = CliRunner().invoke(app, ["inspect", str(tmp_path / LATER)])
    assert alone.exit_code == (0 if kind is link_to_checkpoint else 1)
