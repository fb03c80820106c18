"""A study so small that its runs take milliseconds, for the tests of the runner and the store."""

import csv
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from eigenmlp.optimizers import SGD
from eigenmlp.study.data import StudyData, make_study_data
from eigenmlp.sweeps import Data, RunSpec

TINY = RunSpec(
    name="tiny",
    label="Tiny",
    hidden_layers=(6, 5),
    optimizer=SGD(),
    learning_rate=0.5,
    batch_size=16,
    epochs=8,
    evaluate_train=True,
)


def tiny_spec(name: str = "tiny", **changes: Any) -> RunSpec:
    """Return the tiny run under a name, with some fields changed."""
    return dataclasses.replace(TINY, name=name, **changes)


def tiny_data(n_samples: int = 120, seed: int = 0) -> StudyData:
    """Return three classes of 4 × 4 images: a bright row, a bright column, or neither."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n_samples)
    images = rng.integers(0, 120, size=(n_samples, 4, 4))
    images[y == 0, 1, :] += 100
    images[y == 1, :, 2] += 100
    return make_study_data(
        images.reshape(n_samples, 16).astype(np.uint8),
        y,
        name="tiny",
        description="Rows and columns.",
        class_names=("row", "column", "neither"),
        image_shape=(4, 4),
        input_scale=1 / 255,
        unlabelled=images[:7].reshape(7, 16).astype(np.uint8),
    )


def tiny_runs_data() -> Data:
    """Return the tiny images as the data of a sweep."""
    return tiny_data().for_runs


def content(folder: Path) -> dict[str, str]:
    """Hash everything in a run's folder that training decides: all but how long it took."""
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        if path.name == "history.csv":
            rows = list(csv.DictReader(data.decode().splitlines()))
            data = repr([{**row, "seconds": ""} for row in rows]).encode()
        elif path.name == "metrics.json":
            lines = [line for line in data.splitlines() if b'"seconds"' not in line]
            data = b"\n".join(lines)
        elif path.name == "config.json":
            config = json.loads(data)
            del config["place"]
            data = json.dumps(config).encode()
        elif path.name == "checksums.json":
            continue
        found[path.name] = hashlib.sha256(data).hexdigest()
    return found
