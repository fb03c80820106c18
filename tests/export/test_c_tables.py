"""Models for tables as C: a table's own columns go in, and what Python predicts comes out."""

import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

import eigenmlp as em
from c_program import COMPILER, Answer, answer
from exported_tables import CLASSES, NAN, SMALL, STRANGE, TABLE, N, stirred

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


def codes_of(header: str) -> dict[int, dict[str, int]]:
    """Read from the header's comment which number stands for which category, for each column."""
    codes: dict[int, dict[str, int]] = {}
    place = -1
    for line in header.splitlines():
        if column := re.match(r" \* x\[(\d+)\] is ", line):
            place = int(column[1])
        elif code := re.match(r" \*     (\d+) for (.*)", line):
            codes.setdefault(place, {})[json.loads(code[2])] = int(code[1])
    return codes


def rows_of(table: Mapping[str, Any], codes: dict[int, dict[str, int]]) -> NDArray[np.float64]:
    columns = []
    for place, cells in enumerate(table.values()):
        if place in codes:
            texts = [str(int(c)) if isinstance(c, float) else str(c) for c in cells]
            columns.append([codes[place].get(text, -1) for text in texts])
        else:
            columns.append(list(cells))
    return np.array(columns, np.float64).T


def check(model: Any, table: Any, folder: Path, **arguments: Any) -> Answer:
    header = em.export.to_c(model, folder, **arguments).header.read_text()
    got = answer(model, rows_of(table, codes_of(header)), folder, **arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of words that training hadn't
        predicted = model.predict(table)
        expected = model.predict_proba(table) if hasattr(model, "classes_") else predicted
    assert got.outputs.dtype == np.float64
    if "int8" not in arguments:
        expected = expected.reshape(len(expected), -1)
        # Sums of float32 in another order, in the unit of the targets.
        within = 1e-5 * max(1, float(expected.std()))
        np.testing.assert_allclose(got.outputs, expected, rtol=1e-5, atol=within)
        if hasattr(model, "classes_"):
            assert np.array_equal(model.classes_[got.classes.astype(int)], predicted)
    return got


@needs_compiler
@pytest.mark.parametrize("n_estimators", [1, 3])
@pytest.mark.parametrize("labels", ["words", "booleans", "one"])
def test_classifiers(tmp_path: Path, labels: str, n_estimators: int) -> None:
    y = {"words": CLASSES, "booleans": TABLE["lift"], "one": np.full(N, 7)}[labels]
    model = stirred(em.TabularClassifier(**SMALL, n_estimators=n_estimators).fit(TABLE, y))
    for table in (TABLE, STRANGE):
        check(model, table, tmp_path)
    header = (tmp_path / "model.h").read_text()
    assert f"#define MODEL_N_CLASSES {len(model.classes_)} /* classes */" in header


@needs_compiler
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("n_estimators", [1, 2])
def test_regressors(tmp_path: Path, loss: str, n_outputs: int, n_estimators: int) -> None:
    y = np.stack([TABLE["year"] * 50_000, np.arange(N)], axis=1)[:, -n_outputs:]
    model = em.TabularRegressor(loss, **SMALL, n_estimators=n_estimators)
    model.fit(TABLE, y if n_outputs > 1 else y.ravel())
    if loss != "poisson":  # whose exponentials would overflow
        stirred(model)
    for table in (TABLE, STRANGE):
        check(model, table, tmp_path)


@needs_compiler
@pytest.mark.parametrize("columns", [["x", "year"], ["town"], ["pair"], ["constant", "street"]])
def test_some_kinds_of_columns_alone(tmp_path: Path, columns: list[str]) -> None:
    table = {name: TABLE[name] for name in columns}
    model = em.TabularRegressor(hidden_layer_sizes=(), max_iter=1).fit(table, TABLE["year"])
    check(stirred(model), table, tmp_path)


@needs_compiler
def test_columns_of_gaps_and_words_that_are_hard_to_write(tmp_path: Path) -> None:
    words = ["*/ int x;", "a\nb", 'ü \\ "q"', "??/"]
    table = {
        "*/ \n": np.array(words)[np.arange(N) % 4],
        "gaps": np.full(N, NAN),
        "none": pd.Series(pd.Categorical([None] * N)),
    }
    model = em.TabularRegressor(hidden_layer_sizes=(3,), max_iter=1).fit(table, TABLE["year"])
    header = em.export.to_c(stirred(model), tmp_path).header.read_text()
    assert set(codes_of(header)[0]) == set(words)
    none = np.full((N, 1), -1.0)
    rows = rows_of({name: table[name] for name in list(table)[:2]}, codes_of(header))
    got = answer(model, np.concatenate([rows, none], axis=1), tmp_path)
    np.testing.assert_allclose(got.outputs[:, 0], model.predict(table), rtol=1e-5)


@needs_compiler
def test_memory_is_never_left_nor_read_unwritten(tmp_path: Path) -> None:
    model = stirred(em.TabularClassifier(**SMALL, n_estimators=2).fit(TABLE, CLASSES))
    header = em.export.to_c(model, tmp_path).header.read_text()
    rows = rows_of(STRANGE, codes_of(header))
    options = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
    plain = answer(model, rows, tmp_path)
    watched = answer(model, rows, tmp_path, options=options)
    np.testing.assert_allclose(watched.outputs, plain.outputs, rtol=1e-6)


@needs_compiler
def test_8_bits_and_what_they_cost(tmp_path: Path) -> None:
    model = stirred(em.TabularClassifier(**SMALL, n_estimators=2).fit(TABLE, CLASSES))
    cost = em.export.to_c(model, tmp_path, int8=True, X=TABLE, y=CLASSES)
    got = check(model, TABLE, tmp_path, int8=True)
    difference = np.abs(got.outputs - model.predict_proba(TABLE)).max()
    assert cost.largest_difference == pytest.approx(difference, rel=1e-4)
    assert difference > 1e-4
    assert cost.score == model.score(TABLE, CLASSES)
    assert cost.int8_score == np.mean(model.classes_[got.classes.astype(int)] == CLASSES)
    weights = sum(weight.size for network in model.networks_ for weight in network.weights)
    others = sum(bias.size for network in model.networks_ for bias in network.biases)
    assert cost.table_bytes == weights + 2 * 4 * others  # biases, and a factor for each


def test_what_the_header_says(tmp_path: Path) -> None:
    table = {"size": [60.0, NAN, 80.0] * 10, "town": ["Ulm", "Bonn", "Köln"] * 10}
    model = em.TabularRegressor(hidden_layer_sizes=(4,), max_iter=1, n_estimators=2)
    model.fit(table, range(30))
    header = em.export.to_c(model, tmp_path, name="rent").header.read_text()
    for line in (
        " * A TabularRegressor with 2 networks of 5-4-1 units, weights of float32, in C99.",
        " *     double x[RENT_N_INPUTS] = {0};",
        ' * x[0] is "size"\n * x[1] is "town"\n *     0 for "Bonn"\n *     1 for "Köln"\n',
        "#define RENT_N_INPUTS 2 /* columns of the table */",
        "#define RENT_SCRATCH 10 /*",
        "#define RENT_TABLE_BYTES 248 /*",
        "void rent_predict(const double *x, double *outputs, float *scratch);",
    ):
        assert line in header
    with pytest.raises(NotFittedError):
        em.export.to_c(em.TabularClassifier(), tmp_path)
