"""What the array gate lets in, converts and refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import eigenmlp as em

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

X = np.random.default_rng(0).integers(0, 200, (12, 6)).astype(np.float64)
Y = np.arange(12) % 3


@pytest.fixture(scope="module")
def net() -> em.Network:
    return em.Network([6, 5, 3], dtype="float64", input_scale=0.01, rng=0)


def misaligned(array: NDArray[np.float64]) -> NDArray[np.float64]:
    memory = np.zeros(array.nbytes + 1, dtype=np.uint8)
    out = memory[1:].view(np.float64).reshape(array.shape)
    out[...] = array
    assert not out.flags.aligned
    return out


def read_only(array: NDArray[np.float64]) -> NDArray[np.float64]:
    out = array.copy()
    out.setflags(write=False)
    return out


def field_of_a_record(array: NDArray[np.float64]) -> NDArray[np.float64]:
    records = np.zeros(len(array), dtype=[("tag", "u1"), ("values", "f8", (array.shape[1],))])
    records["values"] = array
    return records["values"]


SAME_ROWS: dict[str, Callable[[NDArray[np.float64]], Any]] = {
    "list": lambda a: a.tolist(),
    "float16": lambda a: a.astype(np.float16),
    "float32": lambda a: a.astype(np.float32),
    "uint8": lambda a: a.astype(np.uint8),
    "int64": lambda a: a.astype(np.int64),
    "big-endian": lambda a: a.astype(">f8"),
    "big-endian integers": lambda a: a.astype(">i2"),
    "column-major": np.asfortranarray,
    "read-only": read_only,
    "misaligned": misaligned,
    "rows backwards twice": lambda a: a[::-1].copy()[::-1],
    "columns backwards twice": lambda a: a[:, ::-1].copy()[:, ::-1],
    "every other row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "every other column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "wider rows": lambda a: np.pad(a, ((0, 0), (2, 3)))[:, 2:-3],
    "broadcast": lambda a: np.broadcast_to(a, (1, *a.shape))[0],
    "field of a record": field_of_a_record,
}


@pytest.mark.parametrize("kind", SAME_ROWS)
def test_the_same_rows_however_they_lie(net: em.Network, kind: str) -> None:
    expected = net.predict_proba(X)
    other = SAME_ROWS[kind](X)
    assert np.array_equal(net.predict_proba(other), expected)
    assert net.evaluate(other, Y) == net.evaluate(X, Y)


def test_memory_mapped(net: em.Network, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.array_equal(net.predict_proba(mapped), net.predict_proba(X))


def test_repeated_row_by_zero_stride(net: em.Network) -> None:
    repeated = np.broadcast_to(X[0], (5, 6))
    assert np.array_equal(net.predict_proba(repeated), net.predict_proba(X[:1]).repeat(5, axis=0))


REFUSED_X: dict[str, tuple[Any, type[Exception], str]] = {
    "one sample flat": (
        X[0],
        ValueError,
        r"got shape \(6,\); for one sample pass X.reshape\(1, -1\)",
    ),
    "images": (X.reshape(12, 2, 3), ValueError, r"flatten it with X.reshape\(len\(X\), -1\)"),
    "scalar": (3.0, ValueError, r"must have 2 dimensions, .* got shape \(\)"),
    "no rows": (X[:0], ValueError, r"X has no rows: shape \(0, 6\)"),
    "other width": (X[:, :5], ValueError, "X has 5 features a row, but the network's input has 6"),
    "complex": (X.astype(complex), TypeError, "must hold real numbers, got dtype complex128"),
    "objects": (X.astype(object), TypeError, "got dtype object; convert it first"),
    "text": (X.astype(str), TypeError, "got dtype <U"),
    "dates": (X.astype("datetime64[s]"), TypeError, r"got dtype datetime64\[s\]"),
    "long double": (X.astype(np.longdouble), TypeError, "got dtype float128"),
    "ragged": ([[1.0] * 6, [2.0]], ValueError, "X can't be read as one array"),
    "records": (np.zeros((3, 6), dtype=[("a", "f8")]), TypeError, "must hold real numbers"),
    "None": (None, ValueError, "must have 2 dimensions"),
    "masked": (np.ma.masked_less(X, 9), TypeError, r"X is a masked array, .* fill it first"),
}


@pytest.mark.parametrize("kind", REFUSED_X)
def test_refused_rows(net: em.Network, kind: str) -> None:
    rows, error, message = REFUSED_X[kind]
    with pytest.raises(error, match=message):
        net.predict_proba(rows)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_values_that_are_not_finite(net: em.Network, value: float, dtype: type) -> None:
    bad: NDArray[np.float64] = X.astype(dtype)
    bad[7, 2] = value
    with pytest.raises(ValueError, match=rf"X\[7, 2\] is {value}, .* remove or impute"):
        net.predict(bad)


def test_values_beyond_float32() -> None:
    single = em.Network([6, 3], rng=0)
    bad = X.copy()
    bad[3, 1] = 1e300
    with pytest.raises(ValueError, match=r"X\[3, 1\] is 1e\+300, which a network of float32"):
        single.predict(bad)


REFUSED_Y: dict[str, tuple[Any, type[Exception], str]] = {
    "shorter": (Y[:-1], ValueError, "X has 12 rows, but y has 11 labels"),
    "one-hot": (np.eye(3)[Y], ValueError, r"got shape \(12, 3\); from one-hot rows take y.argmax"),
    "floats": (Y.astype(float), TypeError, "must hold integer class indices, got dtype float64"),
    "text": (Y.astype(str), TypeError, "numpy.unique"),
    "too large": (
        np.where(Y == 2, 3, Y),
        ValueError,
        r"y\[2\] is 3, but the network has 3 classes, 0 to 2",
    ),
    "negative": (Y - 1, ValueError, r"y\[0\] is -1, but the network has 3 classes"),
    "huge": (np.full(12, 2**64 - 1, dtype=np.uint64), ValueError, rf"y\[0\] is {2**64 - 1}"),
    "None": (None, TypeError, "y is None; pass"),
}


@pytest.mark.parametrize("kind", REFUSED_Y)
def test_refused_labels(net: em.Network, kind: str) -> None:
    labels, error, message = REFUSED_Y[kind]
    with pytest.raises(error, match=message):
        net.evaluate(X, labels)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.uint64, ">i4"])
def test_labels_of_any_integer_type(net: em.Network, dtype: Any) -> None:
    assert net.evaluate(X, Y.astype(dtype)) == net.evaluate(X, Y)


def test_boolean_labels_and_inputs() -> None:
    net = em.Network([2, 2], rng=0)
    rows = np.array([[True, False], [False, True]])
    assert np.array_equal(net.predict_proba(rows), net.predict_proba(rows.astype(float)))
    assert net.evaluate(rows, np.array([False, True])) == net.evaluate(rows, [0, 1])


def test_labels_changed_after_the_check_do_no_harm() -> None:
    """Labels are copied at the gate: what a callback does to the array can't lead out of bounds."""
    labels = Y.copy()

    class Vandal(em.callbacks.Callback):
        def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
            labels[:] = 10**9

    net = em.Network([6, 3], input_scale=0.01, rng=0)
    history = em.train(net, X, labels, epochs=5, callbacks=[Vandal()], rng=0)
    assert np.isfinite(history["train_loss"]).all()


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.float32, np.float64]),
        st.tuples(st.integers(1, 70), st.just(6)),
        elements=st.integers(0, 255),
    )
)
def test_any_rows_give_probabilities(rows: NDArray[Any]) -> None:
    net = em.Network([6, 9, 3], input_scale=1 / 255, rng=0)
    p = net.predict_proba(rows)
    assert p.shape == (len(rows), 3)
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert (p >= 0).all()
    # A row has the same bits alone as among others.
    assert np.array_equal(net.predict_proba(rows[-1:]), p[-1:])
