"""Finished runs on disk: each a folder that appears whole or not at all.

A run's folder holds::

    config.json                    spec, data set, version of eigenmlp and of this layout
    history.csv                    one row per epoch
    metrics.json                   scores at both moments, best epoch, seconds
    last.safetensors               network of the last epoch; best.safetensors: of the best one
    test_outputs_last.npy    (n_test, n_outputs); …_best.npy likewise
    checksums.json                 SHA-256 of every file above

A run that diverged has config.json, history.csv, failure.json and checksums.json.
"""

import csv
import dataclasses
import hashlib
import importlib.metadata
import json
import math
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eigenmlp.errors import EigenmlpError
from eigenmlp.files.atomic import sync
from eigenmlp.history import History
from eigenmlp.network import Network
from eigenmlp.sweeps.results import Metrics, RunFailure, RunResult
from eigenmlp.sweeps.specs import RunSpec

__all__ = ["Moment", "Outcome", "Stale", "Store"]

Outcome = RunResult | RunFailure

_LAYOUT = 1
# What else we put beside the runs. Other hidden files there, such as .gitignore, are the user's.
_OURS = (".new-*", ".old-*", ".board.npy")
_FAILURE_FILES = {"config.json", "history.csv", "failure.json"}
_RESULT_FILES = {
    "config.json",
    "history.csv",
    "metrics.json",
    *(f"{moment}.safetensors" for moment in ("last", "best")),
    *(f"test_outputs_{moment}.npy" for moment in ("last", "best")),
}


@dataclass(frozen=True)
class Moment:
    """A network at one moment of its training, and what it scored then."""

    parameters: np.ndarray
    metrics: Metrics
    test_outputs: np.ndarray


@dataclass(frozen=True)
class Stale:
    """A folder that is in the run's place but does not hold that run, and why."""

    reason: str


class Store:
    """The runs of one sweep, under `output`/runs.

    Parameters
    ----------
    output : Path
        Folder of the sweep.
    fingerprint : str
        What the data set hashes to; runs on other data do not count.
    """

    def __init__(self, output: Path, fingerprint: str) -> None:
        self.runs = output / "runs"
        self._fingerprint = fingerprint

    def folder(self, spec: RunSpec) -> Path:
        """Return where a run lies, or will."""
        return self.runs / f"{spec.name}-seed{spec.seed}"

    def prepare(self) -> None:
        """Create the folder of the runs and clear away what a killed sweep left half-written."""
        self.runs.mkdir(parents=True, exist_ok=True)
        for pattern in _OURS:
            for leftover in self.runs.glob(pattern):
                _remove(leftover)

    def load(self, spec: RunSpec) -> Outcome | Stale | None:
        """Read a run back; None if there is none, `Stale` if the folder holds something else."""
        folder = self.folder(spec)
        if not folder.exists():
            return None
        try:
            reason = self._why_stale(folder, spec)
            if reason is not None:
                return Stale(reason)
            if (folder / "failure.json").exists():
                return _read_failure(folder, spec)
            return _read_result(folder, spec)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            return Stale(f"it is damaged ({error})")

    def save_result(
        self,
        spec: RunSpec,
        network: Network,
        history: History,
        *,
        best_epoch: int,
        seconds: float,
        last: Moment,
        best: Moment,
    ) -> None:
        """Write a finished run, in one step for whoever looks; `network` ends as `best`."""
        with self._new_folder(spec, history) as folder:
            for name, moment in (("last", last), ("best", best)):
                network.set_flat_parameters(moment.parameters)
                network.save(folder / f"{name}.safetensors")
                np.save(folder / f"test_outputs_{name}.npy", moment.test_outputs)
            metrics = {
                "best_epoch": best_epoch,
                "seconds": seconds,
                "last": _plain(last.metrics),
                "best": _plain(best.metrics),
            }
            _write_json(folder / "metrics.json", metrics)

    def save_failure(self, spec: RunSpec, history: History, message: str) -> None:
        """Write a run that diverged, in one step for whoever looks."""
        with self._new_folder(spec, history) as folder:
            _write_json(folder / "failure.json", {"message": message})

    def _config(self, spec: RunSpec) -> dict[str, Any]:
        return {
            "layout": _LAYOUT,
            "eigenmlp": importlib.metadata.version("eigenmlp"),
            "data": self._fingerprint,
            "spec": spec.to_dict(),
        }

    def _why_stale(self, folder: Path, spec: RunSpec) -> str | None:
        checksums = json.loads((folder / "checksums.json").read_text("utf-8"))
        if checksums.keys() not in (_RESULT_FILES, _FAILURE_FILES):
            return f"it lists the files {sorted(checksums)}"
        for name, checksum in checksums.items():
            if _sha256(folder / name) != checksum:
                return f"{name} is not as it was written"
        config = json.loads((folder / "config.json").read_text("utf-8"))
        wanted = self._config(spec)
        for key, meaning in (
            ("layout", "it is laid out as version {} lays out runs"),
            ("eigenmlp", "it was trained by eigenmlp {}"),
            ("data", "it was trained on other data"),
        ):
            if config[key] != wanted[key]:
                return meaning.format(config[key])
        if not type(spec).from_dict(config["spec"]).same_run(spec):
            return "its specification has changed"
        return None

    @contextmanager
    def _new_folder(self, spec: RunSpec, history: History) -> Iterator[Path]:
        """Yield a hidden folder; once it is filled and safe on disk, it takes the run's place."""
        hidden = self.runs / f".new-{uuid.uuid4().hex}"
        hidden.mkdir()
        try:
            yield hidden
            _write_json(hidden / "config.json", self._config(spec))
            _write_history(hidden / "history.csv", history)
            checksums = {path.name: _sha256(path) for path in sorted(hidden.iterdir())}
            _refuse_incomplete(checksums, spec)
            _write_json(hidden / "checksums.json", checksums)
            for path in hidden.iterdir():
                sync(path)
            sync(hidden)
            self._replace(hidden, self.folder(spec))
        except BaseException:
            _remove(hidden)
            raise

    def _replace(self, new: Path, place: Path) -> None:
        outdated = self.runs / f".old-{uuid.uuid4().hex}"
        if place.exists():
            place.rename(outdated)
        new.rename(place)
        sync(self.runs)
        _remove(outdated)


def _refuse_incomplete(files: Collection[str], spec: RunSpec) -> None:
    # The sweep that this process works for may have been killed, and the next one clears away.
    if set(files) not in (_RESULT_FILES, _FAILURE_FILES):
        raise EigenmlpError(f"files of {spec.name} were removed while they were written")


def _read_result(folder: Path, spec: RunSpec) -> RunResult:
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    return RunResult(
        spec=spec,
        history=_read_history(folder / "history.csv"),
        best_epoch=metrics["best_epoch"],
        last=_metrics(metrics["last"]),
        best=_metrics(metrics["best"]),
        seconds=metrics["seconds"],
        test_outputs_last=np.load(folder / "test_outputs_last.npy"),
        test_outputs_best=np.load(folder / "test_outputs_best.npy"),
        folder=folder,
    )


def _read_failure(folder: Path, spec: RunSpec) -> RunFailure:
    failure = json.loads((folder / "failure.json").read_text("utf-8"))
    history = _read_history(folder / "history.csv")
    return RunFailure(spec=spec, message=failure["message"], history=history)


def _metrics(data: dict[str, Any]) -> Metrics:
    numbers: dict[str, Any] = {
        name: math.nan if value is None else value for name, value in data.items()
    }
    recall = tuple(math.nan if share is None else share for share in data["test_recall"])
    further = {name: tuple(values) for name, values in data["further"].items()}
    return Metrics(**{**numbers, "test_recall": recall, "further": further})


def _plain(metrics: Metrics) -> dict[str, Any]:
    """Return metrics as JSON knows them: nothing, not NaN, where there is no such score."""

    def number(value: Any) -> Any:
        return None if isinstance(value, float) and math.isnan(value) else value

    plain = {name: number(value) for name, value in dataclasses.asdict(metrics).items()}
    return {**plain, "test_recall": [*map(number, metrics.test_recall)]}


def _write_json(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def _write_history(path: Path, history: History) -> None:
    # repr writes the shortest text that reads back as the same float.
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(history)
        for row in zip(*history.values(), strict=True):
            writer.writerow(map(repr, row))


def _read_history(path: Path) -> History:
    with path.open(encoding="utf-8", newline="") as file:
        columns, *rows = csv.reader(file)
    history = History()
    for row in rows:
        history.append(**dict(zip(columns, map(float, row), strict=True)))
    return history


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
