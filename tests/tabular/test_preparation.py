"""What a network reads of a table: scikit-learn's numbers where it has such, and nothing unseen."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import issparse
from sklearn.preprocessing import OneHotEncoder, RobustScaler

import eigenmlp as em
from eigenmlp.tabular import preparation as preparation_module
from eigenmlp.tabular.columns import chosen_by, columns_of
from eigenmlp.tabular.preparation import CategoryFeatures, NumberFeatures, Preparation, learnt_from

NAN = float("nan")


def learn(table: Any, *, max_categories: int = 32) -> Preparation:
    columns, named = columns_of(table, categorical=chosen_by(()))
    return learnt_from(columns, named=named, max_categories=max_categories)


def features(preparation: Preparation, table: Any) -> np.ndarray:
    columns, named = columns_of(table, categorical=preparation.categories_of)
    prepared = preparation.features(columns, named=named, owner="TabularClassifier")
    return prepared.toarray() if issparse(prepared) else np.asarray(prepared)


@given(st.lists(st.floats(-1e6, 1e6) | st.just(NAN), min_size=5, max_size=40))
def test_numbers_are_scaled_robustly_and_clipped_smoothly(values: list[float]) -> None:
    table = {"x": np.array(values)}
    found = features(learn(table), table)
    gaps = np.isnan(table["x"])
    there = table["x"][~gaps]
    assert len(found) == len(values)
    if len(there) and np.subtract(*np.quantile(there, [0.75, 0.25])) > 1e-9:
        scaled = RobustScaler().fit_transform(there[:, None])[:, 0]
        wanted = scaled / np.sqrt(1 + (scaled / 3) ** 2)
        np.testing.assert_allclose(found[~gaps, 0], wanted, rtol=1e-5, atol=1e-6)
    assert np.abs(found).max() <= 3
    assert not found[gaps, 0].any()
    if gaps.any():
        np.testing.assert_array_equal(found[:, 1], gaps)


def borders_of(preparation: Preparation) -> tuple[float, ...]:
    (column,) = preparation.columns
    assert isinstance(column, NumberFeatures)
    return column.borders


def test_numbers_that_hardly_vary() -> None:
    mostly = np.r_[np.zeros(20), 4.0]
    assert features(learn({"x": mostly}), {"x": [4.0]})[0, 0] == pytest.approx(
        2 / np.sqrt(1 + 4 / 9)
    )
    constant = learn({"x": np.full(5, 7.0)})
    assert borders_of(constant) == ()
    far = learn({"x": np.full(5, -1e308)})
    assert features(far, {"x": [1e308, -1e308]}).tolist() == [[0], [0]]
    assert features(constant, {"x": [7.0, 8.0, 1e300]}).tolist() == [[0], [0], [0]]


@given(st.lists(st.integers(-9, 9) | st.floats(-1e6, 1e6), min_size=2, max_size=130), st.data())
def test_parts_are_those_of_interpolation(values: list[float], data: st.DataObject) -> None:
    preparation = learn({"x": np.array(values, dtype=np.float64)})
    borders = np.array(borders_of(preparation))
    n_parts = max(len(values) // 50, 2)
    ranks = [math.ceil(len(values) * part / n_parts) for part in range(1, n_parts + 1)]
    distinct = np.unique([min(values), *(sorted(values)[rank - 1] for rank in ranks)])
    np.testing.assert_array_equal(borders, distinct if len(distinct) > 2 else [])
    anywhere = st.floats(-2e6, 2e6) | st.sampled_from(values)
    asked = np.array([*data.draw(st.lists(anywhere, min_size=1)), NAN])
    parts = features(preparation, {"x": asked})[:, 1:]
    wanted = np.zeros((len(asked), max(len(borders) - 1, 0)))
    for place in range(wanted.shape[1]):
        ramp = np.interp(asked[:-1], borders[place : place + 2], [-0.25, 0.25])
        wanted[:-1, place] = ramp / np.sqrt(wanted.shape[1])
    np.testing.assert_allclose(parts, wanted, rtol=1e-5, atol=1e-6)


def test_parts_are_named_by_their_borders_and_are_16_at_most() -> None:
    few = learn({"x": [0.5, 1, 2, 2.5]})
    assert few.feature_names == ["x", "x from 0.5 to 1.0", "x from 1.0 to 2.5"]
    many = learn({"x": np.arange(5000.0)})
    assert len(borders_of(many)) == 16 + 1
    assert len(set(many.feature_names)) == 1 + 16


@pytest.mark.parametrize("value", [1e308, -1e308, 1e-308])
def test_numbers_of_any_size(value: float) -> None:
    preparation = learn({"x": [0.0, 1.0, 2.0, value]})
    found = features(preparation, {"x": [value, -value, 1e308]})
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 3


def test_categories_are_one_hot_as_scikit_learn_has_them() -> None:
    rng = np.random.default_rng(0)
    words = rng.choice(["a", "b", "c", "d"], (50, 2)).astype(object)
    found = features(learn(words), words)
    np.testing.assert_array_equal(found, OneHotEncoder(sparse_output=False).fit_transform(words))


def test_two_categories_are_plus_and_minus_one() -> None:
    preparation = learn({"x": ["no", "yes", None]})
    assert features(preparation, {"x": ["yes", "no", None, "maybe"]}).ravel().tolist() == [
        1, -1, 0, 0,
    ]  # fmt: skip
    assert preparation.feature_names == ["x=yes"]


def test_rare_categories_count_as_one() -> None:
    words = ["a"] * 9 + ["b"] * 5 + ["c"] * 2 + ["d", "e"]
    preparation = learn({"x": words}, max_categories=3)
    assert preparation.columns == (CategoryFeatures("x", ("a", "b"), ("c", "d", "e")),)
    assert preparation.feature_names == ["x=a", "x=b", "x is rare"]
    found = features(preparation, {"x": ["a", "b", "d", "z", None]})
    assert found.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    theirs = OneHotEncoder(max_categories=3, sparse_output=False)
    theirs.fit(np.array(words, dtype=object)[:, None])
    wanted = theirs.transform(np.array([["a"], ["b"], ["d"]], dtype=object))
    np.testing.assert_array_equal(found[:3], wanted)


def test_columns_go_by_names_in_any_order() -> None:
    table = {"a": [1.0, 2.0, 3.0], "b": ["x", "y", "z"]}
    preparation = learn(table)
    wanted = features(preparation, table)
    np.testing.assert_array_equal(features(preparation, dict(reversed(table.items()))), wanted)
    with pytest.warns(UserWarning, match="columns that were not there in training.*'c'"):
        found = features(preparation, {"c": [0, 0, 0], **table})
    np.testing.assert_array_equal(found, wanted)
    with pytest.raises(ValueError, match=r"lacks 1 of the 2 columns of training: 'b'; it has 'a'"):
        features(preparation, {"a": [1.0]})
    with pytest.warns(UserWarning, match="X does not have valid feature names, but TabularCl"):
        features(preparation, np.array([[1.0, "x"]], dtype=object))
    with pytest.raises(ValueError, match="X has 3 features, but TabularClassifier is expecting 2"):
        features(preparation, np.zeros((1, 3)))


def test_words_where_training_had_numbers_are_named_with_their_rows() -> None:
    preparation = learn({"a": [1.0, 2.0], "b": [3, 4], "c": ["u", "v"]})
    with pytest.raises(
        ValueError,
        match=r"column 'a' holds 'one' in row 1, 'two' in row 2 \(.*; column 'b' holds 'x' in",
    ):
        features(preparation, {"a": ["one", "two"], "b": [None, "x"], "c": ["u", "v"]})
    gaps = {"a": [None], "b": [3], "c": [None]}
    assert features(preparation, gaps).shape == (1, len(preparation.feature_names))


def test_numbers_where_training_had_words_are_their_texts() -> None:
    preparation = learn({"code": ["1", "2", "3"]})
    assert features(preparation, {"code": [2.0, 3]}).tolist() == [[0, 1, 0], [0, 0, 1]]
    with pytest.warns(UserWarning, match="column 'code' has '7', '8', none of which was there in"):
        assert not features(preparation, {"code": [7, 8]}).any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features(preparation, {"code": [7, 1]})


def test_a_column_of_gaps_alone_is_none_of_words() -> None:
    preparation = learn({"a": [None, None], "b": [1.0, 2.0]})
    assert preparation.columns[0] == NumberFeatures("a", None, 0.0, True)
    assert features(preparation, {"a": [None, None], "b": [1.0, 2.0]})[:, :2].tolist() == [
        [0, 1],
        [0, 1],
    ]
    assert preparation.numbers() == {"b"}


@pytest.mark.parametrize("later", [[None, 3.0], [None, "three"], [None, True]])
def test_what_comes_after_gaps_alone_is_told_and_read_as_gaps(later: list[Any]) -> None:
    preparation = learn({"a": [None, None], "b": [1.0, 2.0]})
    told = (
        rf"column 'a' holds {str(later[1])!r} in row 2 \(.*held nothing but gaps in training: its"
    )
    with pytest.warns(UserWarning, match=told):
        found = features(preparation, {"a": later, "b": [1.0, 2.0]})
    wanted = features(preparation, {"a": [None, None], "b": [1.0, 2.0]})
    assert found.tolist() == wanted.tolist()
    with warnings.catch_warnings():  # a column of zeros had values
        warnings.simplefilter("error")
        features(learn({"a": [None, 0.0]}), {"a": [3.0, None]})


def test_many_categories_are_sparse_and_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    table = {
        "city": np.array([f"c{i}" for i in rng.integers(0, 300, 900)], dtype=object),
        "size": np.where(rng.random(900) < 0.1, NAN, rng.random(900)),
        "open": np.array([None, "yes", "no"], dtype=object)[rng.integers(0, 3, 900)],
    }
    y = np.where((table["size"] > 0.5) ^ (rng.random(900) < 0.1), "dear", "cheap")

    def outputs() -> tuple[Any, np.ndarray]:
        model = em.TabularClassifier(
            (16,), max_iter=3, max_categories=1000, random_state=0, validation_fraction=0.3
        ).fit(table, y)
        columns, _ = columns_of(table, categorical=model._preparation.categories_of)
        prepared = model._preparation.features(columns, named=True, owner="")
        return prepared, model.predict_proba(table)

    sparsely, expected = outputs()
    monkeypatch.setattr(preparation_module, "_FEWEST_SPARSE", 10**9)
    dense, found = outputs()
    assert issparse(sparsely)
    assert sparsely.dtype == dense.dtype == np.float32
    np.testing.assert_array_equal(sparsely.toarray(), dense)
    assert found.tobytes() == expected.tobytes()
