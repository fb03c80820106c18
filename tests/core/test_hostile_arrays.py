"""Arrays that would break index arithmetic, or change while they are used: no crash, ever."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import sparse

import eigenmlp as em

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def sparse_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file of more than 2^33 bytes, nearly all of them holes."""
    path = tmp_path_factory.mktemp("sparse") / "rows"
    with path.open("wb") as file:
        try:
            file.truncate(2**34)
        except OSError as error:
            pytest.skip(f"no sparse file: {error}")
    yield path
    path.unlink()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("backwards", [False, True])
def test_rows_further_apart_than_32_bits_count(
    sparse_file: Path, dtype: type, backwards: bool
) -> None:
    stride = 2**31 + 8 * np.dtype(dtype).itemsize
    mapped = np.memmap(sparse_file, dtype=np.uint8, mode="r+")
    start: NDArray[Any] = mapped[: 2**33 + 4096].view(dtype)
    far = np.lib.stride_tricks.as_strided(start, (4, 5), (stride, np.dtype(dtype).itemsize))
    near: NDArray[Any] = RNG.integers(0, 200, (4, 5)).astype(dtype)
    far[...] = near
    if backwards:
        far, near = far[::-1], near[::-1]

    def trained(rows: NDArray[Any]) -> em.Network:
        net = em.Network([5, 9, 3], input_scale=0.01, rng=0)
        em.train(net, rows, [0, 1, 2, 1], epochs=3, batch_size=3, rng=0)
        return net

    net = trained(near)
    assert np.array_equal(trained(far).get_flat_parameters(), net.get_flat_parameters())
    assert np.array_equal(net.predict_proba(far), net.predict_proba(near))
    assert net.evaluate(far, [0, 1, 2, 1]) == net.evaluate(near, [0, 1, 2, 1])


def test_more_elements_than_32_bits_count(sparse_file: Path) -> None:
    mapped = np.memmap(sparse_file, dtype=np.uint8, mode="r+", shape=(2**34 // 2**16, 2**16))
    mapped[-3:] = 7
    assert mapped.size > 2**33
    net = em.Network([2**16, 2], input_scale=1e-3, rng=0)
    expected = net.predict_proba(np.full((1, 2**16), 7, dtype=np.uint8))
    assert np.array_equal(net.predict_proba(mapped[-3:]), expected.repeat(3, axis=0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("kind", ["huge", "subnormal", "constant"])
def test_extreme_values_are_finite_or_reported(dtype: Any, normalization: Any, kind: str) -> None:
    info = np.finfo(dtype)
    value = {"huge": info.max, "subnormal": info.smallest_subnormal, "constant": 1.0}[kind]
    X = np.full((6, 3), value, dtype=dtype)
    y = [0, 1, 0, 1, 1, 1]
    net = em.Network([3, 4, 2], dtype=dtype, normalization=normalization, rng=0)
    if kind == "huge":
        with pytest.raises(em.TrainingDivergedError):
            em.train(net, X, y, epochs=2, rng=0)
        with pytest.raises(ArithmeticError, match="numbers overflow"):
            net.predict_proba(X)
    else:
        em.train(net, X, y, epochs=2, rng=0)
        assert np.isfinite(net.predict_proba(X)).all()
    assert np.isfinite(net.get_flat_parameters()).all()


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_one_class(normalization: Any, n_outputs: int) -> None:
    net = em.Network([3, 4, n_outputs], normalization=normalization, rng=0)
    X = RNG.standard_normal((9, 3))
    em.train(net, X, np.zeros(9, dtype=int), epochs=40, learning_rate=0.1, rng=0)
    assert (net.predict(X) == 0).all()


class Lying:
    """Says that it is an array, and gives something else."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (np.zeros((2, 3), "m8[s]"), TypeError),
        (np.zeros((2, 3), "V4"), TypeError),
        (np.zeros((2, 3), "S3"), TypeError),
        ({1, 2}, ValueError),
        (iter([1]), ValueError),
        (Lying(3), ValueError),
        (Lying(KeyError("x")), KeyError),
    ],
)
def test_what_is_no_array_of_numbers(rows: Any, error: type[Exception]) -> None:
    net = em.Network([3, 2], rng=0)
    with pytest.raises(error):
        net.predict(rows)
    with pytest.raises(error):
        em.train(net, rows, [0, 1])
    net.predict([[1, 2, 3]])


WRONG_NUMBERS: dict[str, list[Any]] = {
    "f": [np.nan, np.inf, -np.inf, 1e308, -1, 0],
    "i": [-1, 4, 500, 2**62, -(2**62)],
}


def test_arrays_that_another_thread_changes_all_the_time() -> None:
    """Wrong results or errors, as it happens; but whatever is an index was copied, then checked."""
    X = np.ones((500, 12))
    y = np.zeros(500, dtype=np.int64)
    weights = np.ones(500)
    order = np.arange(500)
    arrays = (X, y, weights, order)
    done = threading.Event()

    def vandalize() -> None:
        rng = np.random.default_rng(1)
        while not done.is_set():
            array = arrays[rng.integers(4)]
            wrong = WRONG_NUMBERS[array.dtype.kind]
            array[rng.integers(len(array))] = wrong[rng.integers(len(wrong))]

    def repair() -> None:
        X[:], y[:], weights[:], order[:] = 1, 0, 1, np.arange(500)

    uses: list[Callable[[em.Network], object]] = [
        lambda net: em.train(
            net, X, y, epochs=3, sample_weight=weights, shuffle=lambda _: order, n_threads=2
        ),
        lambda net: em.train(net, X, y, epochs=3, rng=0, validation_data=(X, y, weights)),
        lambda net: net.predict(X, n_threads=2),
        lambda net: net.evaluate(X, y, sample_weight=weights),
    ]
    ends: Counter[str] = Counter()
    vandal = threading.Thread(target=vandalize)
    vandal.start()
    try:
        for i in itertools.count():
            # A busy machine may let the other thread in late.
            if i >= 200 and ends["ValueError"]:
                break
            net = em.Network([12, 9, 4], rng=0)
            repair()
            try:
                uses[i % len(uses)](net)
                ends["well"] += 1
            except (ValueError, ArithmeticError) as error:
                ends[type(error).__name__] += 1
            assert np.isfinite(net.get_flat_parameters()).all()
    finally:
        done.set()
        vandal.join()


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
@pytest.mark.parametrize("index", [-1, 4, 10**9])
def test_sparse_matrices_whose_indices_lie(kind: Any, index: int) -> None:
    X = kind(np.eye(4))
    model = em.MLPClassifier(hidden_layer_sizes=(3,), tol=9, n_iter_no_change=1).fit(X, [0, 1] * 2)
    X.indices[2] = index
    for use in (model.predict, model.predict_proba, lambda X: model.fit(X, [0, 1] * 2)):
        with pytest.raises(ValueError, match="indices must be"):
            use(X)
