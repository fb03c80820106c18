"""Finished runs on disk: each a folder that appears whole or not at all."""

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from eigenmlp.errors import EigenmlpError
from eigenmlp.files.atomic import sync
from eigenmlp.sweeps.data import Data
from eigenmlp.sweeps.finished import FinishedRun, outcome_of, why_stale
from eigenmlp.sweeps.results import Outcome
from eigenmlp.sweeps.specs import RunSpec

__all__ = ["Stale", "Store"]

# What else we put beside the runs. Other hidden files there, such as .gitignore, are the user's.
_OURS = (".new-*", ".old-*", ".board.npy")


@dataclass(frozen=True)
class Stale:
    """A folder that is in the run's place but does not hold that run, and why."""

    reason: str


class Store:
    """The runs of a sweep in a folder, made where there is none.

    Parameters
    ----------
    folder : path-like
        It holds a folder for each run.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> data = em.sweeps.Data(train=(X[:80], y[:80]), validation=(X[80:], y[80:]))
    >>> spec = em.sweeps.RunSpec(name="small", hidden_layers=(4,), epochs=3)
    >>> finished = em.sweeps.run_spec(spec, data)  # anywhere
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     em.sweeps.Store(folder).add(finished).n_epochs
    3
    """

    def __init__(self, folder: str | Path) -> None:
        self.runs = Path(folder)

    def folder(self, spec: RunSpec) -> Path:
        """Return where a run lies, or will."""
        return self.runs / f"{spec.name}-seed{spec.seed}"

    def prepare(self) -> None:
        """Create the folder of the runs and clear away what a killed sweep left half-written."""
        self.runs.mkdir(parents=True, exist_ok=True)
        for pattern in _OURS:
            for leftover in self.runs.glob(pattern):
                _remove(leftover)

    def load(self, spec: RunSpec, data: Data) -> Outcome | Stale | None:
        """Read a run back; None if there is none, `Stale` if the folder holds something else."""
        folder = self.folder(spec)
        if not folder.exists():
            return None
        try:
            files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
            reason = why_stale(files, spec, data)
            return outcome_of(files, spec, folder) if reason is None else Stale(reason)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            return Stale(f"it is damaged ({error})")

    def add(self, finished: FinishedRun) -> Outcome:
        """Write a run, in one step for whoever looks, in the place of one of its name and seed.

        Raises
        ------
        OSError
            If it can't be written. What was there is then as it was.
        EigenmlpError
            If another process removes what is being written.
        """
        self.runs.mkdir(parents=True, exist_ok=True)
        hidden = self.runs / f".new-{uuid.uuid4().hex}"
        hidden.mkdir()
        try:
            for name, content in finished.files.items():
                (hidden / name).write_bytes(content)
                sync(hidden / name)
            sync(hidden)
            _refuse_incomplete(hidden, finished)
            self._replace(hidden, self.folder(finished.spec))
        except FileNotFoundError as error:
            _remove(hidden)
            raise EigenmlpError(
                f"files of {finished.spec.name} were removed while they were written ({error}); "
                "give each sweep a folder of its own"
            ) from error
        except BaseException:
            _remove(hidden)
            raise
        return outcome_of(finished.files, finished.spec, self.folder(finished.spec))

    def _replace(self, new: Path, place: Path) -> None:
        outdated = self.runs / f".old-{uuid.uuid4().hex}"
        if place.exists():
            place.rename(outdated)
        new.rename(place)
        sync(self.runs)
        _remove(outdated)


def _refuse_incomplete(folder: Path, finished: FinishedRun) -> None:
    # Another sweep may have taken it for what a killed one left, and cleared it away.
    if {path.name for path in folder.iterdir()} != finished.files.keys():
        raise FileNotFoundError("some are missing")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
