"""Models for tables as ONNX: a table's own columns go in, and what Python predicts comes out."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator
from sklearn.exceptions import NotFittedError

import eigenmlp as em
from exported_tables import CLASSES, NAN, RNG, SMALL, STRANGE, TABLE, N, stirred

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def text(cell: Any) -> str:
    if cell is None or cell != cell:  # noqa: PLR0124  a NaN
        return ""
    return str(cell) if isinstance(cell, (str, bool, np.bool_)) else f"{cell:g}"


def fed(table: Mapping[str, Any], described: list[tuple[str, str]]) -> dict[str, NDArray[Any]]:
    """Return the inputs that the documentation asks for."""
    inputs = {}
    for (name, kind), cells in zip(described, table.values(), strict=True):
        if kind == "tensor(double)":
            inputs[name] = np.array(cells, np.float64)[:, None]
        else:
            assert kind == "tensor(string)"
            inputs[name] = np.array([text(cell) for cell in list(cells)], object)[:, None]
    return inputs


def run(path: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    described = [(one.name, one.type) for one in session.get_inputs()]
    assert all(one.shape == ["N", 1] for one in session.get_inputs())
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(None, fed(table, described)), strict=True))


def assert_same(model: Any, table: Any, found: Mapping[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of words that training hadn't
        predicted: Any = model.predict(table)
        expected = model.predict_proba(table) if "label" in found else predicted
    if "label" in found:
        assert list(found) == ["label", "probabilities"]
        assert np.array_equal(found["label"], predicted)
        values = found["probabilities"]
    else:
        assert list(found) == ["variable"]
        values, expected = found["variable"], expected.reshape(len(expected), -1)
    assert values.dtype == np.float64
    assert values.shape == expected.shape
    # Sums of float32 in another order, in the unit of the targets.
    within = 1e-5 * max(1, float(expected.std()))
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=within)


def test_inputs_are_the_columns(tmp_path: Path) -> None:
    model = em.TabularClassifier(**SMALL).fit(TABLE, CLASSES)
    em.export.to_onnx(model, tmp_path / "model.onnx")
    proto = onnx.load(tmp_path / "model.onnx")
    assert [(one.domain, one.version) for one in proto.opset_import] == [
        ("", 17),
        ("ai.onnx.ml", 3),
    ]
    known = {prop.key: json.loads(prop.value) for prop in proto.metadata_props}
    assert known == {"classes": ["one", "três", "zwei"], "feature_names": list(TABLE)}
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    kinds = {one.name: one.type for one in session.get_inputs()}
    numbers = dict.fromkeys(["x", "year", "account", "constant"], "tensor(double)")
    words = dict.fromkeys(["town", "pair", "street", "lift", "zip"], "tensor(string)")
    assert kinds == numbers | words
    described = [(one.name, one.type, one.shape) for one in session.get_outputs()]
    assert described == [
        ("label", "tensor(string)", ["N"]),
        ("probabilities", "tensor(double)", ["N", 3]),
    ]


@pytest.mark.parametrize("n_estimators", [1, 3])
@pytest.mark.parametrize("labels", ["words", "numbers", "booleans", "one"])
def test_classifiers(tmp_path: Path, labels: str, n_estimators: int) -> None:
    y = {
        "words": CLASSES,
        "numbers": TABLE["year"] % 4 + 5,
        "booleans": TABLE["lift"],
        "one": np.full(N, 7),
    }[labels]
    model = stirred(em.TabularClassifier(**SMALL, n_estimators=n_estimators).fit(TABLE, y))
    em.export.to_onnx(model, tmp_path / "model.onnx")
    for table in (TABLE, STRANGE, {name: cells[:1] for name, cells in TABLE.items()}):
        assert_same(model, table, run(tmp_path / "model.onnx", table))
    spread = np.ptp(model.predict_proba(TABLE), axis=0).min()
    assert labels == "one" or spread > 0.1  # or else nothing was compared


@pytest.mark.parametrize("loss", ["squared_error", "quantile", "poisson"])
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("n_estimators", [1, 2])
def test_regressors(tmp_path: Path, loss: str, n_outputs: int, n_estimators: int) -> None:
    y = np.stack([TABLE["year"] * 50_000, RNG.integers(0, 9, N)], axis=1)[:, -n_outputs:]
    model = em.TabularRegressor(loss, **SMALL, n_estimators=n_estimators)
    model.fit(TABLE, y if n_outputs > 1 else y.ravel())
    if loss != "poisson":  # whose exponentials would overflow
        stirred(model)
    em.export.to_onnx(model, tmp_path / "model.onnx")
    for table in (TABLE, STRANGE, {name: cells[-1:] for name, cells in TABLE.items()}):
        assert_same(model, table, run(tmp_path / "model.onnx", table))


def test_the_reference_evaluator_agrees(tmp_path: Path) -> None:
    model = stirred(em.TabularRegressor(**SMALL).fit(TABLE, TABLE["year"]))
    em.export.to_onnx(model, tmp_path / "model.onnx")
    kinds = ["tensor(double)"] * 4 + ["tensor(string)"] * 5
    inputs = fed(STRANGE, list(zip(TABLE, kinds, strict=True)))
    (found,) = ReferenceEvaluator(str(tmp_path / "model.onnx")).run(None, inputs)
    assert_same(model, STRANGE, {"variable": found})


def test_a_file_is_as_the_model(tmp_path: Path) -> None:
    model = em.TabularClassifier(**SMALL, n_estimators=2).fit(TABLE, CLASSES)
    model.save(tmp_path / "model.safetensors")
    em.export.to_onnx(model, tmp_path / "one.onnx")
    em.export.to_onnx(em.load_model(tmp_path / "model.safetensors"), tmp_path / "two.onnx")
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


def test_names_of_any_kind(tmp_path: Path) -> None:
    cells = np.random.default_rng(0).normal(size=(6, N))
    names = ["label", "größe (m²)", "", "sub_1", "number_0", "probabilities"]
    table = dict(zip(names, cells, strict=True))
    model = stirred(em.TabularClassifier((4,), max_iter=1, random_state=0).fit(table, CLASSES))
    em.export.to_onnx(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    given_names = [one.name for one in session.get_inputs()]
    assert given_names == ["label", "größe (m²)", "column 3", "sub_1", "number_0", "probabilities"]
    found = run(tmp_path / "model.onnx", table)
    assert list(found) == ["label_", "probabilities_"]
    assert_same(model, table, {name.rstrip("_"): values for name, values in found.items()})


def test_columns_without_names_and_columns_of_gaps(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {0: TABLE["x"], 1: np.full(N, NAN), 2: pd.Categorical([None] * N), 3: TABLE["town"]}
    )
    model = stirred(
        em.TabularRegressor(hidden_layer_sizes=(4,), max_iter=1).fit(table, TABLE["year"])
    )
    em.export.to_onnx(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    places = [one.name for one in session.get_inputs()]
    assert places == ["column 1", "column 2", "column 3", "column 4"]
    found = run(tmp_path / "model.onnx", {str(name): table[name] for name in table})
    assert_same(model, table, found)


def test_the_empty_text_may_be_a_category(tmp_path: Path) -> None:
    table = {"word": ["", "a", "b"] * 20}
    model = stirred(
        em.TabularRegressor(hidden_layer_sizes=(4,), max_iter=1).fit(table, [0.0, 1.0, 2.0] * 20)
    )
    em.export.to_onnx(model, tmp_path / "model.onnx")
    assert_same(model, table, run(tmp_path / "model.onnx", table))
    # A gap is then any word that training hadn't.
    gap = run(tmp_path / "model.onnx", {"word": ["?"]})
    assert_same(model, {"word": [None]}, gap)


NUMBERS = st.floats(allow_infinity=False) | st.floats(-100, 100) | st.integers(-(2**53), 2**53)
WORDS = st.sampled_from(["a", "b", "ü", ""]) | st.text(st.characters(exclude_categories=["Cs"]))


@st.composite
def tables(draw: st.DrawFn, kinds: list[bool], n_rows: int) -> dict[str, list[Any]]:
    return {
        f"c{place}": draw(
            st.lists(NUMBERS if is_number else WORDS, min_size=n_rows, max_size=n_rows)
        )
        for place, is_number in enumerate(kinds)
    }


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_table(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.booleans(), min_size=1, max_size=4))
    learnt = data.draw(tables(kinds, 12))
    model = em.TabularRegressor(
        hidden_layer_sizes=(4,),
        max_iter=1,
        max_categories=data.draw(st.integers(2, 5)),
        validation_fraction=0,
    )
    model.fit(learnt, np.arange(12.0))
    stirred(model)
    with tempfile.TemporaryDirectory() as folder:
        em.export.to_onnx(model, Path(folder) / "model.onnx")
        for table in (learnt, data.draw(tables(kinds, 3))):
            assert_same(model, table, run(Path(folder) / "model.onnx", table))


def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    with pytest.raises(NotFittedError):
        em.export.to_onnx(em.TabularRegressor(), path)
    model = em.TabularRegressor(hidden_layer_sizes=(4,), max_iter=1, n_estimators=3).fit(
        {"x": [1.0, 2.0] * 5}, range(10)
    )
    with pytest.raises(
        TypeError, match=r"rows that it has prepared; em\.export\.to_onnx and to_c write"
    ):
        em.export.to_torch_state_dict(model)
    monkeypatch.setattr("eigenmlp.export.onnx_file._MOST_BYTES", 155)
    with pytest.raises(ValueError, match="parameters take 156 bytes, but an ONNX file holds less"):
        em.export.to_onnx(model, path)
    assert not list(tmp_path.iterdir())
