"""Files that earlier versions of the format have left: they load, and predict what they did."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.network.model_file import FORMAT_VERSION
from places import DATA

FOLDER = DATA / "model_files"
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("v*/*.safetensors"))


def record_of(name: str) -> dict[str, Any]:
    path = FOLDER / name
    records = json.loads((path.parent / "predictions.json").read_text(encoding="utf-8"))
    record: dict[str, Any] = records[path.stem]
    return record


def test_every_version_has_left_files() -> None:
    versions = {int(name[1 : name.index("/")]) for name in FILES}
    # The first that a release has written is 3.
    assert versions == set(range(3, FORMAT_VERSION + 1))
    assert len(FILES) == 10


@pytest.mark.parametrize("name", FILES)
def test_they_predict_what_they_did(name: str) -> None:
    model, record = em.load_model(FOLDER / name), record_of(name)
    assert repr(model) == record["repr"]
    network = em.load_network(FOLDER / name)
    X = np.array(record["X"], network.dtype)
    tolerance = 1e-6 if network.dtype == np.float32 else 1e-12
    assert np.allclose(values_of(model, X), record["values"], rtol=0, atol=tolerance)
    predicted: Any = model.predict(X)
    if predicted.dtype.kind == "f":
        assert np.allclose(predicted, record["predict"], rtol=0, atol=tolerance)
    else:
        assert predicted.tolist() == record["predict"]


def values_of(model: Any, X: Any) -> Any:
    if isinstance(model, em.Network):
        return model.predict_outputs(X)
    return model.predict_proba(X) if isinstance(model, em.MLPClassifier) else model.predict(X)
