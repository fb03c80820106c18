"""A run as files in memory: what travels from where it was trained to where it is kept.

They are::

    config.json                    spec, data, version of eigenmlp and of this layout, place
    history.csv                    one row per epoch
    metrics.json                   scores at both moments, best epoch, seconds
    last.safetensors               network of the last epoch; best.safetensors: of the best one
    test_outputs_last.npy    (n_test, n_outputs); …_best.npy likewise; if there are test data
    checksums.json                 SHA-256 of every file above

A run that failed has config.json, history.csv, failure.json and checksums.json.
"""

import csv
import dataclasses
import hashlib
import io
import json
import math
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eigenmlp._native import instruction_set
from eigenmlp.common.version import __version__
from eigenmlp.history import History
from eigenmlp.network import Network
from eigenmlp.sweeps.data import Data
from eigenmlp.sweeps.results import Metrics, Outcome, Place, RunFailure, RunResult
from eigenmlp.sweeps.specs import RunSpec

__all__ = ["FinishedRun", "Moment", "failed_run", "finished_run", "outcome_of", "why_stale"]

_LAYOUT = 1
_FAILURE_FILES = {"config.json", "history.csv", "failure.json"}
_RESULT_FILES = {
    "config.json",
    "history.csv",
    "metrics.json",
    *(f"{moment}.safetensors" for moment in ("last", "best")),
}
_TEST_FILES = {f"test_outputs_{moment}.npy" for moment in ("last", "best")}


@dataclass(frozen=True)
class Moment:
    """A network at one moment of its training, and what it scored then."""

    parameters: np.ndarray
    metrics: Metrics
    test_outputs: np.ndarray | None


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A run that has ended, wherever it was trained: picklable, and without a path.

    Parameters
    ----------
    spec : RunSpec
        What was run.
    files : dict of str to bytes
        What `eigenmlp.sweeps.Store` keeps of it, by name.
    """

    spec: RunSpec
    files: Mapping[str, bytes]

    def __repr__(self) -> str:
        size = sum(map(len, self.files.values()))
        failed = ", failed" if self.failed else ""
        return f"FinishedRun({self.spec.name!r}, seed {self.spec.seed}{failed}, {size:,} bytes)"

    @property
    def failed(self) -> bool:
        """Whether the run has no result."""
        return "failure.json" in self.files


def finished_run(
    spec: RunSpec,
    data: Data,
    network: Network,
    history: History,
    *,
    best_epoch: int,
    seconds: float,
    last: Moment,
    best: Moment,
) -> FinishedRun:
    """Return a run of a result; `network` ends as `best`."""
    files: dict[str, bytes] = {}
    for name, moment in (("last", last), ("best", best)):
        network.set_flat_parameters(moment.parameters)
        files[f"{name}.safetensors"] = network._file()
        if moment.test_outputs is not None:
            file = io.BytesIO()
            np.save(file, moment.test_outputs)
            files[f"test_outputs_{name}.npy"] = file.getvalue()
    files["metrics.json"] = _json(
        {
            "best_epoch": best_epoch,
            "seconds": seconds,
            "last": _plain(last.metrics),
            "best": _plain(best.metrics),
        }
    )
    return _with_config(spec, data, history, files)


def failed_run(
    spec: RunSpec, data: Data, history: History, *, kind: str, message: str
) -> FinishedRun:
    """Return a run without a result."""
    failure = _json({"kind": kind, "message": message})
    return _with_config(spec, data, history, {"failure.json": failure})


def why_stale(files: Mapping[str, bytes], spec: RunSpec, data: Data) -> str | None:
    """Say why files are not of this run on these data; None if they are.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        If they are damaged.
    """
    checksums = json.loads(files["checksums.json"])
    if checksums.keys() - _TEST_FILES not in (_RESULT_FILES, _FAILURE_FILES):
        return f"it lists the files {sorted(checksums)}"
    for name, checksum in checksums.items():
        if hashlib.sha256(files[name]).hexdigest() != checksum:
            return f"{name} is not as it was written"
    config = json.loads(files["config.json"])
    wanted = _config(spec, data)
    for key, meaning in (
        ("layout", "it is laid out as version {} lays out runs"),
        ("eigenmlp", "it was trained by eigenmlp {}"),
        ("data", "it was trained on other data"),
    ):
        if config[key] != wanted[key]:
            return meaning.format(config[key])
    if not type(spec).from_dict(config["spec"]).same_run(spec):
        return "its specification has changed"
    if "failure.json" in files and json.loads(files["failure.json"])["kind"] != "diverged":
        return "it failed by an error that may not come again"
    return None


def outcome_of(files: Mapping[str, bytes], spec: RunSpec, folder: Path) -> Outcome:
    """Return what files say of a run.

    Raises
    ------
    ValueError, KeyError, TypeError
        If they are damaged.
    """
    history = _history(files["history.csv"])
    if "failure.json" in files:
        return RunFailure(spec=spec, history=history, **json.loads(files["failure.json"]))
    metrics = json.loads(files["metrics.json"])
    outputs = {
        name.removesuffix(".npy"): np.load(io.BytesIO(files[name])) if name in files else None
        for name in _TEST_FILES
    }
    return RunResult(
        spec=spec,
        history=history,
        best_epoch=metrics["best_epoch"],
        last=_metrics(metrics["last"]),
        best=_metrics(metrics["best"]),
        seconds=metrics["seconds"],
        place=Place(**json.loads(files["config.json"])["place"]),
        folder=folder,
        checksums=json.loads(files["checksums.json"]),
        **outputs,
    )


def _config(spec: RunSpec, data: Data) -> dict[str, Any]:
    return {
        "layout": _LAYOUT,
        "eigenmlp": __version__,
        "data": data.fingerprint,
        "spec": spec.to_dict(),
    }


def _with_config(
    spec: RunSpec, data: Data, history: History, files: dict[str, bytes]
) -> FinishedRun:
    place = Place(host=socket.gethostname(), instruction_set=instruction_set())
    files["config.json"] = _json({**_config(spec, data), "place": dataclasses.asdict(place)})
    files["history.csv"] = _csv(history)
    checksums = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    files["checksums.json"] = _json(checksums)
    return FinishedRun(spec=spec, files=files)


def _metrics(data: dict[str, Any]) -> Metrics:
    numbers: dict[str, Any] = {
        name: math.nan if value is None else value for name, value in data.items()
    }
    recall = tuple(math.nan if share is None else share for share in data["test_recall"])
    named = {k: math.nan if value is None else value for k, value in data["named"].items()}
    further = {name: tuple(values) for name, values in data["further"].items()}
    return Metrics(**{**numbers, "test_recall": recall, "named": named, "further": further})


def _plain(metrics: Metrics) -> dict[str, Any]:
    """Return metrics as JSON knows them: nothing, not NaN, where there is no such score."""

    def number(value: Any) -> Any:
        return None if isinstance(value, float) and math.isnan(value) else value

    return {
        **{name: number(value) for name, value in dataclasses.asdict(metrics).items()},
        "test_recall": [*map(number, metrics.test_recall)],
        "named": {name: number(value) for name, value in metrics.named.items()},
    }


def _json(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _csv(history: History) -> bytes:
    # repr writes the shortest text that reads back as the same float.
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(history)
    for row in zip(*history.values(), strict=True):
        writer.writerow(map(repr, row))
    return text.getvalue().encode()


def _history(content: bytes) -> History:
    columns, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
    history = History()
    for row in rows:
        history.append(**dict(zip(columns, map(float, row), strict=True)))
    return history
