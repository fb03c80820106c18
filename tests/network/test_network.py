"""The network: making, reading, setting, predicting, copying."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eigenmlp as em
import reference_mlp
from eigenmlp.network.initializers import INITIALIZERS


def test_properties() -> None:
    net = em.Network(
        [784, 100, 80, 49], dtype="float32", init="he_normal", input_scale=1 / 255, rng=0
    )
    assert net.layer_sizes == (784, 100, 80, 49)
    assert net.dtype == np.float32
    assert net.input_scale == 1 / 255
    assert net.n_parameters == 784 * 100 + 100 + 100 * 80 + 80 + 80 * 49 + 49
    assert [w.shape for w in net.weights] == [(784, 100), (100, 80), (80, 49)]
    assert [b.shape for b in net.biases] == [(100,), (80,), (49,)]
    assert repr(net) == f"Network([784, 100, 80, 49], dtype='float32', input_scale={1 / 255!r})"


def test_parameters_are_copies() -> None:
    net = em.Network([3, 2], rng=0)
    before = net.get_flat_parameters()
    net.weights[0][...] = 7
    net.biases[0][...] = 7
    net.get_flat_parameters()[...] = 7
    assert np.array_equal(net.get_flat_parameters(), before)


@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=5),
    dtype=st.sampled_from(["float32", "float64"]),
    init=st.sampled_from([*INITIALIZERS]),
    seed=st.integers(0, 2**32),
)
def test_any_architecture(sizes: list[int], dtype: str, init: str, seed: int) -> None:
    net = em.Network(sizes, dtype=dtype, init=init, rng=seed)
    other = em.Network(sizes, dtype=dtype, init=init, rng=seed + 1)
    other.set_parameters(net.weights, net.biases)
    assert np.array_equal(other.get_flat_parameters(), net.get_flat_parameters())
    X = np.random.default_rng(seed).normal(size=(5, sizes[0]))
    expected, _ = reference_mlp.probabilities(
        X, [w.astype(float) for w in net.weights], [b.astype(float) for b in net.biases]
    )
    tolerance = 1e-4 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(net.predict_proba(X), expected, rtol=tolerance, atol=tolerance)
    assert net.predict_proba(X).dtype == dtype
    assert np.array_equal(net.predict(X), net.predict_proba(X).argmax(axis=1))


@pytest.mark.parametrize(
    ("init", "variance", "bound"),
    [
        ("he_normal", 2 / 300, np.inf),
        ("he_uniform", 2 / 300, (6 / 300) ** 0.5),
        ("glorot_uniform", 2 / 500, (6 / 500) ** 0.5),
        ("torch_linear", 1 / 900, 300**-0.5),
        ("lecun_normal", 1 / 300, np.inf),
        (["lecun_normal", "zeros"], 1 / 300, np.inf),
    ],
)
def test_initial_distributions(init: str | list[str], variance: float, bound: float) -> None:
    net = em.Network([300, 200, 5], init=init, rng=1)
    weights = net.weights[0].astype(float)
    # 60,000 draws: four standard errors of the variance, for the normal distribution the largest.
    assert weights.var() == pytest.approx(variance, rel=4 * (2 / weights.size) ** 0.5)
    assert abs(weights.mean()) < 4 * (variance / weights.size) ** 0.5
    assert np.abs(weights).max() <= bound
    biases = np.concatenate(net.biases)
    if init == "torch_linear":
        assert 0 < np.abs(biases[:200]).max() <= 300**-0.5
        assert 0 < np.abs(biases[200:]).max() <= 200**-0.5
    else:
        assert not biases.any()


def test_same_seed_same_bits() -> None:
    def bits(rng: Any) -> bytes:
        return em.Network([9, 8, 7], rng=rng).get_flat_parameters().tobytes()

    assert bits(5) == bits(5) == bits(np.random.default_rng(5))
    assert bits(5) != bits(6)
    assert bits(None) != bits(None)


def test_input_scale_is_part_of_the_model() -> None:
    X = np.random.default_rng(0).integers(0, 256, (40, 9)).astype(np.uint8)
    y = np.arange(40) % 4
    scaled = em.Network([9, 6, 4], input_scale=1 / 256, rng=0)
    plain = em.Network([9, 6, 4], rng=0)
    rows = X.astype(np.float32) / 256  # exact in binary
    assert np.array_equal(scaled.predict_proba(X), plain.predict_proba(rows))
    em.train(scaled, X, y, epochs=3, rng=1)
    em.train(plain, rows, y, epochs=3, rng=1)
    assert np.array_equal(scaled.get_flat_parameters(), plain.get_flat_parameters())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"layer_sizes": [3]}, ValueError, r"layer_sizes=\[3\] has fewer than 2 sizes"),
        ({"layer_sizes": []}, ValueError, "fewer than 2"),
        ({"layer_sizes": [3, 0]}, ValueError, r"layer_sizes\[1\]=0 is less than 1"),
        ({"layer_sizes": [3, 2.5]}, TypeError, r"layer_sizes\[1\]=2.5 is not an integer"),
        ({"layer_sizes": [3, True]}, TypeError, r"layer_sizes\[1\]=True is not an integer"),
        ({"layer_sizes": "34"}, TypeError, "layer_sizes='34' is not a sequence"),
        ({"layer_sizes": 3}, TypeError, "layer_sizes=3 is not a sequence"),
        ({"dtype": "float16"}, ValueError, 'dtype=float16 is not supported; use "float32"'),
        ({"dtype": "int"}, ValueError, "dtype=int64 is not supported"),
        ({"dtype": "single precision"}, ValueError, "dtype='single precision' is not supported"),
        (
            {"init": "zeros"},
            ValueError,
            "init='zeros' is unknown; use one of he_normal, he_uniform",
        ),
        (
            {"layer_sizes": [3, 4, 2], "init": ["zeros", "zeros"]},
            ValueError,
            'use one of .*; "zeros" is for the last layer',
        ),
        ({"init": ["he_normal"] * 3}, ValueError, "3 names for 1 layers of weights"),
        ({"init": 3}, TypeError, "init=3 is neither a name nor a list of them"),
        ({"input_scale": 0}, ValueError, "input_scale=0.0 must be finite and not 0"),
        ({"input_scale": np.nan}, ValueError, "input_scale=nan must be finite"),
        ({"input_scale": 1e-60}, ValueError, "input_scale=1e-60 is 0.0 in float32; use float64"),
        ({"input_scale": 1e60}, ValueError, "input_scale=1e.60 is inf in float32"),
        ({"input_scale": "1"}, TypeError, "input_scale='1' is not a number"),
        ({"rng": -1}, ValueError, "expected non-negative integer"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        em.Network(**{"layer_sizes": [3, 2], **arguments})


@pytest.mark.parametrize("size", [10**7, 10**15, 10**30])
def test_a_network_beyond_memory(size: int) -> None:
    with pytest.raises(MemoryError, match="not enough memory for the core's arrays"):
        em.Network([size, size])


def test_more_threads_than_anyone_has() -> None:
    net = em.Network([3, 2], rng=0)
    assert net.predict([[1, 2, 3]], n_threads=10**30) == net.predict([[1, 2, 3]])


@pytest.mark.parametrize(
    ("weights", "biases", "error", "message"),
    [
        ([], [], ValueError, "has 2 layers, but weights has 0 arrays"),
        ([np.zeros((3, 4)), np.zeros((4, 2))], [np.zeros(4)], ValueError, "biases has 1 arrays"),
        ([np.zeros((4, 3)), np.zeros((4, 2))], [np.zeros(4), np.zeros(2)], ValueError,
         r"weights\[0\] has shape \(4, 3\), but \(3, 4\) is needed"),
        ([np.zeros((3, 4)), np.zeros((4, 2))], [np.zeros(4), np.zeros(3)], ValueError,
         r"biases\[1\] has shape \(3,\), but \(2,\)"),
        ([np.zeros((3, 4)), np.full((4, 2), np.nan)], [np.zeros(4), np.zeros(2)], ValueError,
         r"weights\[1\] holds NaN, infinity or a value beyond float32"),
        ([np.full((3, 4), 1e300), np.zeros((4, 2))], [np.zeros(4), np.zeros(2)], ValueError,
         r"weights\[0\] holds NaN, infinity"),
        ([np.zeros((3, 4), complex), np.zeros((4, 2))], [np.zeros(4), np.zeros(2)], TypeError,
         "must hold real numbers, got dtype complex128"),
    ],
)  # fmt: skip
def test_bad_parameters_change_nothing(
    weights: list[Any], biases: list[Any], error: type[Exception], message: str
) -> None:
    net = em.Network([3, 4, 2], rng=0)
    before = net.get_flat_parameters()
    with pytest.raises(error, match=message):
        net.set_parameters(weights, biases)
    assert np.array_equal(net.get_flat_parameters(), before)


def test_bad_flat_parameters() -> None:
    net = em.Network([3, 2], rng=0)
    with pytest.raises(ValueError, match=r"flat has shape \(7,\), but \(8,\) is needed"):
        net.set_flat_parameters(np.zeros(7))
    with pytest.raises(ValueError, match="flat holds NaN"):
        net.set_flat_parameters(np.full(8, np.nan))


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0, ValueError, "n_threads=0 is less than 1; pass 1 or more, or None"),
        (1.5, TypeError, "n_threads=1.5 is not an integer"),
    ],
)
def test_bad_thread_counts(value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        em.Network([3, 2], rng=0).predict([[1, 2, 3]], n_threads=value)


def test_split_finds_every_number_once() -> None:
    kinds = ["batch", None, "layer", "batch"]
    net = em.Network([3, 4, 2, 5, 3, 2], normalization=kinds, rng=0)
    flat = net.get_flat_parameters()
    flat[:] = np.arange(len(flat))
    layers = net.split(flat)
    assert sorted(np.hstack([a.ravel() for layer in layers for a in layer.values()])) == list(flat)
    net.set_flat_parameters(flat)
    copies: dict[str, Any] = {
        "weight": net.weights,
        "bias": net.biases,
        "gain": net.gains,
        "shift": net.shifts,
        "running_mean": net.running_means,
        "running_variance": net.running_variances,
    }
    for name, arrays in copies.items():
        for layer, array in zip(layers, arrays, strict=False):
            assert (array is None) == (name not in layer)
            if array is not None:
                np.testing.assert_array_equal(array, layer[name])
    trainable = net.split(flat[: net.n_parameters])
    assert [list(layer)[2:] for layer in trainable] == [
        [] if kind is None else ["gain", "shift"] for kind in [*kinds, None]
    ]
    layers[0]["gain"][...] = -1
    assert (flat == -1).sum() == 4


def test_split_refuses_what_is_of_another_size() -> None:
    net = em.Network([3, 4, 2], normalization="batch", rng=0)
    with pytest.raises(ValueError, match=r"shape \(35,\), but \(34,\) or \(42,\) is needed"):
        net.split(np.zeros(35))
    with pytest.raises(ValueError, match=r"flat has shape \(1, 34\), but"):
        net.split(np.zeros((1, 34)))
    with pytest.raises(TypeError, match="flat is a list, not a NumPy array"):
        net.split([0.0] * 34)  # type: ignore[arg-type]


def test_bad_penalty() -> None:
    net = em.Network([3, 2], rng=0)
    for value in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"l2=.* must be finite and >= 0"):
            net.loss_and_gradient([[1, 2, 3]], [0], l2=value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [[2, 2], [2, 3, 2]])
def test_numbers_that_overflow_on_their_way(sizes: list[int], dtype: str) -> None:
    net = em.Network(sizes, dtype=dtype, rng=0)
    huge = np.sqrt(float(np.finfo(dtype).max))
    net.set_parameters([np.sign(w) * huge for w in net.weights], net.biases)
    X = np.array([[0, 0], [huge, huge], [1, 1]]) * 10
    for predict in (net.predict, net.predict_proba):
        with pytest.raises(ArithmeticError, match=f"row 1 has no finite outputs: .* {dtype}"):
            predict(X)
    for score in (net.evaluate, net.loss_and_gradient):
        with pytest.raises(ArithmeticError, match=r"the loss is (nan|inf)"):
            score(X, [0, 0, 1])


@pytest.mark.parametrize(("dtype", "large"), [("float32", 1e20), ("float64", 1e160)])
def test_a_layers_variance_that_overflows(dtype: str, large: float) -> None:
    """Its outputs would be finite, and the same for all rows."""
    net = em.Network([4, 5, 3], normalization="layer", dtype=dtype, rng=0)
    X = np.random.default_rng(0).normal(size=(20, 4))
    assert np.isfinite(net.predict_proba(X)).all()
    for rows in (X, X[:1]):
        with pytest.raises(ArithmeticError, match="row 0 has no finite outputs"):
            net.predict_proba(rows * large)
    with pytest.raises(em.TrainingDivergedError):
        em.train(net, X * large, np.arange(20) % 3, epochs=1)


def test_one_class_and_one_sample() -> None:
    net = em.Network([3, 4, 1], rng=0)
    assert net.predict_proba([[1, 2, 3]]) == 1
    assert net.evaluate([[1, 2, 3]], [0]) == em.Evaluation(loss=0, accuracy=1)
    history = em.train(net, [[1, 2, 3]], [0], epochs=2, rng=0)
    assert history["train_loss"] == [0, 0]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])  # noqa: S301
def test_copies_are_independent(copied: Any) -> None:
    net = em.Network([3, 4, 2], dtype="float64", input_scale=0.5, rng=0)
    twin = copied(net)
    assert repr(twin) == repr(net)
    assert np.array_equal(twin.get_flat_parameters(), net.get_flat_parameters())
    em.train(twin, [[1, 2, 3]], [0], epochs=1)
    assert not np.array_equal(twin.get_flat_parameters(), net.get_flat_parameters())


def test_threads_change_no_bit() -> None:
    rng = np.random.default_rng(0)
    net = em.Network([40, 30, 7], rng=0)
    X, y = rng.normal(size=(1000, 40)), rng.integers(0, 7, 1000)
    one = net.predict_proba(X, n_threads=1)
    for n_threads in (2, 3, 5, None):
        assert np.array_equal(net.predict_proba(X, n_threads=n_threads), one)
        assert net.evaluate(X, y, n_threads=n_threads) == net.evaluate(X, y, n_threads=1)


def test_one_network_used_by_several_python_threads() -> None:
    """Predicting while another thread trains sees some finished epoch's parameters, whole."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 10)), rng.integers(0, 3, 200)
    net = em.Network([10, 20, 3], rng=0)
    sums: list[bool] = []

    def predict() -> None:
        while trainer.is_alive():
            sums.append(bool(np.allclose(net.predict_proba(X).sum(axis=1), 1)))

    trainer = threading.Thread(target=lambda: em.train(net, X, y, epochs=100, rng=0))
    readers = [threading.Thread(target=predict) for _ in range(3)]
    for thread in (trainer, *readers):
        thread.start()
    for thread in (trainer, *readers):
        thread.join()
    assert all(sums)
    alone = em.Network([10, 20, 3], rng=0)
    em.train(alone, X, y, epochs=100, rng=0)
    assert np.array_equal(alone.get_flat_parameters(), net.get_flat_parameters())
