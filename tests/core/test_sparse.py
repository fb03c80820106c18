"""Sparse inputs: the bits of dense ones, whatever they are made of, and refusals by place."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import sparse

import eigenmlp as em
import reference_mlp
from eigenmlp.errors import CheckpointError
from same_bits import EVERY_RULE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SHAPES = [[300, 7, 3], [37, 130, 20, 4], [50, 3], [1, 2]]
DENSITIES = [0.0, 0.001, 0.05, 0.5, 1.0]
KINDS = [
    *(sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.csc_matrix, sparse.coo_array),
    *(sparse.coo_matrix, sparse.lil_array, sparse.dok_array, sparse.bsr_array),
]


def thin(
    n: int, n_features: int, density: float, dtype: str = "float32", seed: int = 0
) -> NDArray[Any]:
    """Return rows of which so much is not zero, and of every seventh nothing."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, n_features))
    X = np.where(rng.random((n, n_features)) < density, values, 0).astype(dtype)
    X[::7] = 0
    return X


def labels(n: int, n_classes: int) -> NDArray[np.int64]:
    return np.random.default_rng(1).integers(0, n_classes, n)


def trained(
    sizes: list[int], X: Any, y: Any, network: dict[str, Any] | None = None, **options: Any
) -> tuple[NDArray[Any], em.History]:
    net = em.Network(sizes, rng=1, **(network or {}))
    options = {"batch_size": 50, "epochs": 2, "learning_rate": 0.01, "rng": 3, **options}
    history = em.train(net, X, y, **options)
    return net.get_flat_parameters(), history


def assert_same(dense: tuple[NDArray[Any], em.History], other: Any) -> None:
    assert dense[0].tobytes() == other[0].tobytes()
    for name in {*dense[1]} - {"seconds"}:
        assert dense[1][name] == other[1][name], name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_training_has_the_dense_bits(sizes: list[int], density: float, dtype: str) -> None:
    X, y = thin(130, sizes[0], density, dtype), labels(130, sizes[-1])
    S, network = sparse.csr_array(X), {"dtype": dtype}
    threads = [1, 2, 3, 5]
    for i, rule in enumerate(EVERY_RULE.values()):
        penalized: dict[str, Any] = {"l2": 0.01, "penalized_loss": True}
        for options in ({}, penalized):
            dense = trained(sizes, X, y, network, optimizer=rule, n_threads=1, **options)
            n_threads = threads[i % 4]
            assert_same(
                dense, trained(sizes, S, y, network, optimizer=rule, n_threads=n_threads, **options)
            )
    settings: list[dict[str, Any]] = [
        {"clip_value": 0.001},
        {"clip_norm": 0.1},
        {"clip_norm": 0.1, "clip_value": 0.01, "l2": 0.01, "l2_biases": True},
        {"batch_size": None, "l2": 0.01, "l2_divided": True, "penalized_loss": True},
        {"batch_size": 1, "epochs": 1},
        {"rate_factors": {0: 0.3, "biases": 2.0}, "validation_data": "same"},
        {"sample_weight": np.arange(130) % 3 + 0.5, "evaluate_train": True},
    ]
    for i, options in enumerate(settings):
        given = [
            {name: (inputs, y) if value == "same" else value for name, value in options.items()}
            if "validation_data" in options
            else options
            for inputs in (X, S)
        ]
        dense = trained(sizes, X, y, network, n_threads=1, **given[0])
        assert_same(dense, trained(sizes, S, y, network, n_threads=threads[i % 4], **given[1]))


@pytest.mark.parametrize(
    ("network", "loss"),
    [
        ({"normalization": "batch", "dropout": 0.3}, None),
        ({"normalization": "layer", "activation": "gelu"}, None),
        ({"activation": "tanh", "output": "logistic"}, None),
        ({"activation": "identity", "output": "identity"}, "huber"),
        ({"output": "exponential", "input_scale": 0.5}, "poisson"),
    ],
)
def test_layers_of_every_kind_have_the_dense_bits(network: dict[str, Any], loss: Any) -> None:
    X = thin(700, 90, 0.05)
    y = labels(700, 3)
    target = y if network.get("output", "softmax") == "softmax" else np.eye(3)[y]
    for batch_size in (64, None):
        options = {"loss": loss, "batch_size": batch_size}
        dense = trained([90, 33, 17, 3], X, target, network, n_threads=1, **options)
        S = sparse.csr_array(X)
        assert_same(dense, trained([90, 33, 17, 3], S, target, network, n_threads=2, **options))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_predictions_have_the_dense_bits(sizes: list[int], density: float, dtype: str) -> None:
    X, y = thin(333, sizes[0], density, dtype), labels(333, sizes[-1])
    S = sparse.csr_array(X)
    net = em.Network(sizes, dtype=dtype, rng=1)
    for n_threads in (1, 2, 3, 5):
        for rows in (slice(None), slice(8, 9), slice(8, 12)):
            expected = net.predict_proba(X[rows], n_threads=n_threads)
            assert net.predict_proba(S[rows], n_threads=n_threads).tobytes() == expected.tobytes()
        assert (net.predict(S, n_threads=n_threads) == net.predict(X)).all()
    assert net.evaluate(S, y) == net.evaluate(X, y)
    weighted: dict[str, Any] = {"l2": 0.1, "sample_weight": np.arange(333) % 4}
    for options in ({}, weighted):
        loss, gradient = net.loss_and_gradient(X, y, n_threads=1, **options)
        found = net.loss_and_gradient(S, y, n_threads=3, **options)
        assert found[0] == loss
        assert (found[1] == gradient).all()


def test_weights_in_either_order_are_up_to_date() -> None:
    """A prediction of few rows, of many, dense and sparse, after each change of the weights."""
    X, y = thin(300, 200, 0.05), labels(300, 3)
    S = sparse.csr_array(X)
    net, same = em.Network([200, 9, 3], rng=0), em.Network([200, 9, 3], rng=0)
    adam, other = em.optimizers.Adam(), em.optimizers.Adam()
    for inputs in (S, X, S, S, X):
        em.train(net, inputs, y, epochs=1, rng=0, optimizer=adam)
        em.train(same, X, y, epochs=1, rng=0, optimizer=other)
        for rows in (slice(0, 1), slice(None)):
            expected = same.predict_proba(X[rows])
            for asked in (S[rows], X[rows]):
                assert (net.predict_proba(asked) == expected).all()
        net.set_flat_parameters(net.get_flat_parameters() * 1.01)
        same.set_flat_parameters(same.get_flat_parameters() * 1.01)


def test_the_reference_of_numpy() -> None:
    X, y = thin(60, 40, 0.1, "float64"), labels(60, 3)
    net = em.Network([40, 12, 3], dtype="float64", rng=0)
    weights = [w.astype(float) for w in net.weights]
    biases = [b.astype(float) for b in net.biases]
    rule = reference_mlp.Adam()
    for step in range(6):
        rows = slice(20 * (step % 3), 20 * (step % 3) + 20)
        _, _, dw, db = reference_mlp.loss_and_gradients(X[rows], y[rows], weights, biases, l2=0.1)
        rule.step([*weights, *biases], [*dw, *db], 0.01)
    em.train(
        net, sparse.csr_array(X), y, optimizer=em.optimizers.Adam(), learning_rate=0.01, l2=0.1,
        batch_size=20, epochs=2, shuffle=False,
    )  # fmt: skip
    for found, expected in zip([*net.weights, *net.biases], [*weights, *biases], strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32", "float64"])
def test_every_format_and_type(kind: Any, dtype: str) -> None:
    X = (thin(60, 20, 0.2) * 3).round().clip(0, 200).astype(dtype)
    S = kind(X)
    y = labels(60, 3)
    assert_same(trained([20, 5, 3], X, y), trained([20, 5, 3], S, y))
    net = em.Network([20, 5, 3], rng=0)
    assert (net.predict_proba(S) == net.predict_proba(X)).all()


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_places_of_either_size_and_rows_in_any_order(index: Any) -> None:
    X = thin(60, 20, 0.2)
    S = sparse.csr_array(X)
    # Each row's columns backwards, and every value in two halves.
    order = np.concatenate(
        [np.arange(S.indptr[i], S.indptr[i + 1])[::-1].repeat(2) for i in range(60)]
    )
    places = S.indices[order].astype(index), (2 * S.indptr).astype(index)
    messy = sparse.csr_array((S.data[order] / 2, *places), shape=X.shape)
    messy.indices, messy.indptr = places
    assert messy.indices.dtype == index
    before = [part.copy() for part in (messy.data, messy.indices, messy.indptr)]
    net = em.Network([20, 5, 3], rng=0)
    assert (net.predict_proba(messy) == net.predict_proba(X)).all()
    for part, was in zip((messy.data, messy.indices, messy.indptr), before, strict=True):
        assert (part == was).all()


def test_a_memory_map_is_read_where_it_lies(tmp_path: Path) -> None:
    X = thin(60, 20, 0.2)
    S = sparse.csr_array(X)
    for name in ("data", "indices", "indptr"):
        np.save(tmp_path / f"{name}.npy", getattr(S, name))
    mapped = [
        np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("data", "indices", "indptr")
    ]
    y = labels(60, 3)
    of_map = sparse.csr_array(tuple(mapped), shape=X.shape)
    assert_same(trained([20, 5, 3], X, y), trained([20, 5, 3], of_map, y))


def broken(**parts: Any) -> sparse.csr_array:
    X = sparse.csr_array(np.eye(4, 6))
    for name, values in parts.items():
        setattr(X, name, np.array(values, dtype=getattr(X, name).dtype))
    return X


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (broken(indices=[0, 1, 6, 3]), "row 2 of X has a number in column 6, but its indices must"),
        (broken(indices=[0, -1, 2, 3]), "row 1 of X has a number in column -1, but its indices"),
        (broken(indptr=[1, 1, 2, 3, 4]), "indptr of X must have a number for each row"),
        (broken(indptr=[0, 3, 2, 3, 4]), "never fall"),
        (broken(indptr=[0, 1, 2, 3, 9]), "end with the number of indices, here 4"),
        (broken(indptr=[0, 1, 2, 3]), "and one more"),
        (broken(data=[1, 1, np.nan, 1]), r"X\[2, 2\] is nan"),
        (broken(data=[1, 1, 1, 1e300]), r"X\[3, 3\] is 1e\+300, which a network of float32"),
        (broken(data=[1, 1, 1]), "end with the number of indices, here 3"),
        (sparse.csr_array(np.eye(4)), "X has 4 features a row, but the network's input has 6"),
        (sparse.csr_array((0, 6)), "X has no rows"),
        (sparse.csr_array(np.eye(4, 6) * 1j), "X must hold real numbers"),
        (sparse.coo_array(np.ones(6)), "X must have 2 dimensions"),
    ],
)
def test_places_that_lie_are_refused(X: Any, message: str) -> None:
    net = em.Network([6, 5, 4], rng=0)
    before = net.get_flat_parameters()
    for use in (net.predict, lambda X: em.train(net, X, [0, 1, 2, 3])):
        with pytest.raises((ValueError, TypeError), match=message):
            use(X)
    assert (net.get_flat_parameters() == before).all()


@pytest.mark.parametrize("kind", [sparse.csc_array, sparse.coo_array, sparse.bsr_array])
def test_places_of_other_formats_that_lie_are_refused(kind: Any) -> None:
    X = kind(np.eye(4, 6))
    (X.coords[0] if kind is sparse.coo_array else X.indices)[1] = 100
    net = em.Network([6, 5, 4], rng=0)
    for use in (net.predict, lambda X: em.MLPClassifier().fit(X, [0, 1, 2, 3])):
        with pytest.raises(ValueError, match=r"X .*ind.*must be"):
            use(X)


def test_sparse_targets_are_refused_in_words() -> None:
    with pytest.raises(TypeError, match=r"y is sparse; pass y.toarray\(\)"):
        em.train(em.Network([4, 3, 2], rng=0), np.eye(4), sparse.csr_array(np.eye(4)))


def test_parts_of_sparse_data() -> None:
    X, y = sparse.csr_array(thin(50, 9, 0.3)), labels(50, 2)
    parts = em.datasets.split(X, y, (0.8, 0.2), rng=0)
    assert [len(part) for part in parts] == [40, 10]


def test_places_that_another_thread_changes_all_the_time() -> None:
    X = sparse.csr_array(thin(200, 12, 0.5))
    y = labels(200, 3)
    good = X.indices.copy(), X.indptr.copy()
    done = threading.Event()

    def vandalize() -> None:
        rng = np.random.default_rng(1)
        wild = np.array([-(2**31), -1, 5, 12, 10**6, 2**31 - 1])
        while not done.is_set():
            places = (X.indices, X.indptr)[rng.integers(2)]
            places[rng.integers(len(places))] = rng.choice(wild)

    vandal = threading.Thread(target=vandalize)
    vandal.start()
    try:
        for i in range(150):
            net = em.Network([12, 9, 3], rng=0)
            X.indices[:], X.indptr[:] = good
            try:
                if i % 2:
                    em.train(net, X, y, epochs=3, rng=0, n_threads=2)
                else:
                    net.predict(X, n_threads=2)
            except ValueError:
                pass
            assert np.isfinite(net.get_flat_parameters()).all()
    finally:
        done.set()
        vandal.join()


def test_a_run_that_resumes_has_the_same_bits(tmp_path: Path) -> None:
    X, y = thin(130, 40, 0.1), labels(130, 3)
    S = sparse.csr_array(X)

    def run(epochs: int, data: Any, resume: bool) -> tuple[NDArray[Any], em.History]:
        folder = tmp_path / "run"
        return trained(
            [40, 9, 3], data, y, epochs=epochs, optimizer=em.optimizers.Adam(),
            callbacks=[em.callbacks.Checkpoint(folder)], resume_from=folder if resume else None,
        )  # fmt: skip

    run(3, S, resume=False)
    resumed = run(6, S, resume=True)
    assert_same(trained([40, 9, 3], X, y, epochs=6, optimizer=em.optimizers.Adam()), resumed)
    S.data[0] += 1
    with pytest.raises(CheckpointError, match="X"):
        run(8, S, resume=True)


def test_batches_and_mixed_validation_data() -> None:
    X, y = thin(100, 30, 0.1), labels(100, 3)
    S = sparse.csr_array(X)
    net, other = em.Network([30, 5, 3], rng=0), em.Network([30, 5, 3], rng=0)
    em.train(net, [(X[:60], y[:60]), (X[60:], y[60:])], epochs=2, validation_data=(X, y))
    em.train(other, [(S[:60], y[:60]), (X[60:], y[60:])], epochs=2, validation_data=(S, y))
    assert (net.get_flat_parameters() == other.get_flat_parameters()).all()


MEMORY = """
import resource
import sys

import numpy as np
from scipy import sparse

import eigenmlp as em

n, n_features = 5000, 100_000
rng = np.random.default_rng(0)
X = sparse.random_array((n, n_features), density=0.001, format="csr", rng=rng, dtype=np.float32)
y = rng.integers(0, 2, n)
model = em.MLPClassifier((16,), max_iter=1)
em.MLPClassifier((2,), max_iter=1).fit(X[:100, :50], y[:100])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model.fit(X, y)
model.predict(X)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units elsewhere")
def test_memory_is_that_of_the_parameters() -> None:
    """In MB: dense rows would take 2,000, a copy of the weights takes 6.4."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEMORY], check=True, capture_output=True, text=True
    )
    assert float(ended.stdout) < 130
