"""Names of classes and inputs go along, wherever the other side has a place for them."""

import json
import re
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest

import eigenmlp as em

NAMES = ["age", 'a "b", c', "*/ int x; /*", "back\\slash\\", "line\nbreak", "größe", "what??/"]
FRAME = pd.DataFrame(np.random.default_rng(0).normal(size=(20, len(NAMES))), columns=NAMES)
LABELS = np.array(["no", "yes"])[np.arange(20) % 2]


@pytest.fixture(params=["network", "classifier"])
def model(request: pytest.FixtureRequest) -> Any:
    if request.param == "network":
        network = em.Network([len(NAMES), 3, 2], rng=0)
        network.feature_names = NAMES
        return network
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return em.MLPClassifier((3,), solver="lbfgs", max_iter=5).fit(FRAME, LABELS)


def test_onnx_keeps_them_in_its_metadata(model: Any, tmp_path: Path) -> None:
    em.export.to_onnx(model, tmp_path / "model.onnx")
    props = {p.key: json.loads(p.value) for p in onnx.load(tmp_path / "model.onnx").metadata_props}
    expected: dict[str, Any] = {"feature_names": NAMES}
    if not isinstance(model, em.Network):
        expected["classes"] = ["no", "yes"]
    assert props == expected
    em.export.to_onnx(em.Network([2, 2], rng=0), tmp_path / "model.onnx")
    assert not onnx.load(tmp_path / "model.onnx").metadata_props


def test_c_says_which_number_is_which(model: Any, tmp_path: Path) -> None:
    done = em.export.to_c(model, tmp_path)
    text = done.header.read_text(encoding="utf-8")
    told = re.findall(r"^ \* x\[(\d+)\] is (.*)$", text, re.MULTILINE)
    assert [int(place) for place, _ in told] == list(range(len(NAMES)))
    assert [json.loads(name) for _, name in told] == NAMES
    assert "größe" in text
    command = ["cc", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-c", "model.c"]
    subprocess.run([*command, "-o", "model.o"], cwd=tmp_path, check=True)
    other = em.export.to_c(em.Network([2, 2], rng=0), tmp_path / "other").header.read_text()
    assert "x[0] is" not in other
