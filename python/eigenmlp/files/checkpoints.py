"""Checkpoints on disk: one file each, that is whole or not there, and tells if it is damaged.

A file has two lines, the format's name with its version and the SHA-256 of all that follows, then a
line of JSON, the record, and after it the arrays in the safetensors format. Reading one runs no
code from it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenmlp.common.arguments import whole_number
from eigenmlp.common.words import shown
from eigenmlp.errors import CheckpointError
from eigenmlp.files.atomic import mode_of, write_atomically
from eigenmlp.files.safetensors import deserialized, serialized

if TYPE_CHECKING:
    from collections.abc import Container

    from numpy.typing import NDArray

__all__ = [
    "FORMAT",
    "Snapshot",
    "files_in",
    "folder_of",
    "newest",
    "path_of",
    "read",
    "refuse_others",
    "write",
]

# What every checkpoint begins with; the version of the format follows.
FORMAT = b"eigenmlp checkpoint "
_VERSION = b"1"
_NAME = re.compile(r"epoch-(\d{8,})\.checkpoint")


class _NewerVersionError(CheckpointError):
    """A checkpoint is not damaged, but can't be read by this version."""


@dataclass(frozen=True)
class Snapshot:
    """A training run at the end of an epoch: all that the rest of it follows from.

    Attributes
    ----------
    n_epochs : int
        Epochs finished.
    record : dict
        What JSON can hold of it.
    arrays : dict of str to array
        The rest.
    """

    n_epochs: int
    record: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def folder_of(name: str, value: object) -> Path:
    """Return an argument that names a folder as a path.

    Raises
    ------
    TypeError, ValueError
        If it is not a path, or an empty one.
    """
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f'{name}={shown(value)} is not a path; pass a folder, "checkpoints"')
    if not os.fspath(value):
        raise ValueError(f'{name}={shown(value)} names no folder; pass one, "checkpoints"')
    return Path(value)


def path_of(folder: Path, n_epochs: int) -> Path:
    """Name the file of the checkpoint after `n_epochs` epochs."""
    return folder / f"epoch-{n_epochs:08}.checkpoint"


def files_in(folder: Path) -> dict[int, Path]:
    """List a folder's checkpoints by the number of finished epochs, rising.

    Files alone: what a link of such a name leads to is none.
    """
    return {
        n_epochs: path
        for n_epochs, path in _named_in(folder).items()
        if stat.S_ISREG(mode_of(path) or 0)
    }


def refuse_others(folder: Path, written: Container[int] = ()) -> None:
    """Refuse a folder where something else has the name of a checkpoint.

    Parameters
    ----------
    folder : Path
        The folder.
    written : container of int, default=()
        The epochs that are to be written: their names must not be those of folders, either. Other
        folders do no harm.

    Raises
    ------
    CheckpointError
        If a link, a pipe or the like has such a name.
    """
    for n_epochs, path in _named_in(folder).items():
        mode = mode_of(path)
        if mode is None or stat.S_ISREG(mode) or (stat.S_ISDIR(mode) and n_epochs not in written):
            continue
        if stat.S_ISLNK(mode):
            what = f"is a link to {os.fspath(path.readlink())!r}"
            remedy = "; if it leads to a checkpoint that you want, copy the file into its place"
        else:
            what = "is a folder" if stat.S_ISDIR(mode) else "is a device, a pipe or a socket"
            remedy = ""
        raise CheckpointError(
            f"{path} {what}, and among checkpoints nothing but files is read or replaced; remove "
            f"it, or choose another folder{remedy}"
        )


def _named_in(folder: Path) -> dict[int, Path]:
    """List all that is named as a checkpoint, by the number of finished epochs, rising."""
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        named = _NAME.fullmatch(path.name)
        if named and path == path_of(folder, int(named[1])):
            found[int(named[1])] = path
    return dict(sorted(found.items()))


def write(folder: Path, snapshot: Snapshot) -> None:
    """Write a checkpoint into a folder, whole or not at all.

    Raises
    ------
    OSError
        If it can't be written, or its name is that of a link or a folder. What is there, and what a
        link leads to, is as it was.
    """
    record = {"n_epochs": snapshot.n_epochs, **snapshot.record}
    body = json.dumps(record).encode() + b"\n" + serialized(snapshot.arrays, {})
    lines = [FORMAT + _VERSION, hashlib.sha256(body).hexdigest().encode(), body]
    write_atomically(path_of(folder, snapshot.n_epochs), b"\n".join(lines), follow=False)


def read(path: Path, *, follow: bool = False) -> Snapshot:
    """Read a checkpoint.

    Parameters
    ----------
    path : Path
        The file.
    follow : bool, default=False
        Whether the path may be a link.

    Raises
    ------
    CheckpointError
        If the file isn't one, is of a newer format, or is damaged.
    OSError
        If it can't be read.
    """
    name, _, rest = _content(path, follow=follow).partition(b"\n")
    if not name.startswith(FORMAT):
        raise CheckpointError(f"{path} is not a checkpoint of eigenmlp, or it is damaged")
    if name != FORMAT + _VERSION:
        version = name.removeprefix(FORMAT)[:20].decode(errors="replace")
        raise _NewerVersionError(
            f"{path} is a checkpoint of version {version}, but this eigenmlp reads version "
            f"{_VERSION.decode()}; a newer eigenmlp may read it"
        )
    digest, _, body = rest.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise CheckpointError(f"{path} is damaged: its content doesn't have the SHA-256 it names")
    text, _, tensors = body.partition(b"\n")
    try:
        record = json.loads(text)
        arrays = deserialized(tensors)
        n_epochs = whole_number(
            "n_epochs", record.pop("n_epochs"), minimum=1, remedy="it counts epochs"
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} holds no training run: {error!r}") from error
    return Snapshot(n_epochs, record, arrays)


def _content(path: Path, *, follow: bool) -> bytes:
    # A pipe that is opened so doesn't wait for one who writes.
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise CheckpointError(f"{path} is not a file, so that it can't be a checkpoint")
        return file.read()


def newest(folder: Path) -> tuple[Snapshot | None, list[str]]:
    """Read the newest checkpoint of a folder that isn't damaged.

    Returns
    -------
    snapshot : Snapshot or None
        None if the folder has no checkpoints, or isn't there.
    damage : list of str
        What is wrong with each newer one.

    Raises
    ------
    CheckpointError
        If all are damaged, or the newest that isn't is of a newer format, or a link, a pipe or the
        like has a checkpoint's name.
    """
    refuse_others(folder)
    files = list(files_in(folder).values())
    damage: list[str] = []
    for path in reversed(files):
        try:
            snapshot = read(path)
        except _NewerVersionError:
            raise
        except (CheckpointError, OSError) as error:
            damage.append(str(error))
            continue
        if path == path_of(folder, snapshot.n_epochs):
            return snapshot, damage
        damage.append(f"{path} is that of another epoch, {snapshot.n_epochs}")
    if damage:
        raise CheckpointError(
            f"none of the {len(files)} checkpoints in {folder} can be read; the newest: {damage[0]}"
        )
    return None, damage
