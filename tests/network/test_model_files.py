"""Model files: round trips, atomic writing, and files that are damaged or from elsewhere."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import eigenmlp as em
from architectures import GRID, made

if TYPE_CHECKING:
    from pathlib import Path


@given(
    sizes=st.lists(st.integers(1, 20), min_size=2, max_size=5),
    dtype=st.sampled_from(["float32", "float64"]),
    scale=st.floats(1e-6, 1e6),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_round_trip(tmp_path: Path, sizes: list[int], dtype: str, scale: float) -> None:
    net = em.Network(sizes, dtype=dtype, input_scale=scale, init="torch_linear", rng=0)
    path = tmp_path / "net.safetensors"
    net.save(path)
    loaded = em.load_network(str(path))
    assert repr(loaded) == repr(net)
    assert np.array_equal(loaded.get_flat_parameters(), net.get_flat_parameters())


def test_what_the_file_holds(tmp_path: Path) -> None:
    net = em.Network([4, 3, 2], input_scale=0.5, rng=0)
    net.save(tmp_path / "net.safetensors")
    arrays = safetensors.numpy.load_file(tmp_path / "net.safetensors")
    assert sorted(arrays) == [
        "layers.0.bias",
        "layers.0.weight",
        "layers.1.bias",
        "layers.1.weight",
    ]
    assert np.array_equal(arrays["layers.0.weight"], net.weights[0])
    with safetensors.safe_open(tmp_path / "net.safetensors", framework="numpy") as file:
        header = json.loads(file.metadata()["eigenmlp"])
    assert header["layer_sizes"] == [4, 3, 2]
    assert header["format_version"] == 3
    assert header["library_version"] == em.__version__
    assert header["input_scale"] == 0.5


def test_saving_replaces_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.safetensors"
    old = em.Network([4, 3], rng=0)
    old.save(path)
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        em.Network([4, 3], rng=1).save(path)
    assert np.array_equal(em.load_network(path).get_flat_parameters(), old.get_flat_parameters())
    assert list(tmp_path.iterdir()) == [path]


def test_saving_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        em.Network([2, 2], rng=0).save(tmp_path / "missing" / "net.safetensors")


def test_saving_over_what_is_not_a_file(tmp_path: Path) -> None:
    net = em.Network([2, 2], rng=0)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe):
        with pytest.raises(OSError, match="exists and is not a regular file"):
            net.save(path)
    assert pipe.is_fifo()


def test_saving_keeps_the_permissions(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    em.Network([2, 2], rng=0).save(path)
    path.chmod(0o600)
    em.Network([2, 2], rng=1).save(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_saving_through_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target.safetensors", tmp_path / "link.safetensors"
    link.symlink_to(target)
    em.Network([2, 2], rng=0).save(link)
    em.Network([2, 3], rng=0).save(link)
    assert link.is_symlink()
    assert em.load_network(target).layer_sizes == (2, 3)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no model file"):
        em.load_network(tmp_path / "net.safetensors")


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_cut_short(tmp_path: Path, length: int) -> None:
    path = tmp_path / "net.safetensors"
    em.Network([4, 3], rng=0).save(path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(em.ModelFileError, match="is not a readable safetensors file"):
        em.load_network(path)


def test_a_safetensors_file_of_another_kind(tmp_path: Path) -> None:
    safetensors.numpy.save_file({"w": np.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(
        em.ModelFileError, match="is a safetensors file, but not a model of eigenmlp"
    ):
        em.load_network(tmp_path / "other.safetensors")


HEADER = {
    "format_version": 3,
    "library_version": "0",
    "layer_sizes": [4, 3],
    "activations": [],
    "dropouts": [],
    "normalizations": [],
    "output": "softmax",
    "dtype": "float32",
    "input_scale": 1.0,
    "dropout_seed": 0,
}
ARRAYS = {
    "layers.0.weight": np.zeros((4, 3), np.float32),
    "layers.0.bias": np.zeros(3, np.float32),
}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{", "metadata can't be read"),
        ("[]", "metadata can't be read"),
        ("{}", "metadata can't be read"),
        ({"format_version": 4}, "has format version 4, but this eigenmlp reads 3; a newer eige"),
        ({"format_version": 2}, "has format version 2, but this eigenmlp reads 3; no released one"),
        ({"format_version": True}, "has format version True, but this eigenmlp reads 3; a newer"),
        ({"library_version": 1}, "its 'eigenmlp' metadata names no library_version"),
        ({"layer_sizes": [4]}, r"describes no network: layer_sizes=\[4\] has fewer than 2"),
        ({"layer_sizes": [4, -3]}, r"layer_sizes\[1\]=-3 is less than 1"),
        ({"layer_sizes": [4, "3"]}, r"layer_sizes\[1\]='3' is not an integer"),
        ({"layer_sizes": None}, "None is not a list"),
        (
            {
                "layer_sizes": [4, 5, 3],
                "activations": ["relu"],
                "dropouts": [0.0],
                "normalizations": [None],
            },
            "missing or unexpected: layers.1.bias, layers.1.weight",
        ),
        ({"layer_sizes": [4, 5, 3]}, r"activation=\[\] has 0 entries, but there are 1 hidden"),
        ({"activations": "relu"}, "'relu' is not a list"),
        (
            {
                "layer_sizes": [4, 5, 3],
                "activations": ["swish"],
                "dropouts": [0.0],
                "normalizations": [None],
            },
            "activation='swish' is unknown",
        ),
        ({"output": "sigmoid"}, "output='sigmoid' is unknown"),
        ({"dropout_seed": -1}, "dropout_seed=-1 is less than 0"),
        ({"dropout_seed": 2**64}, "dropout_seed=18446744073709551616 is beyond 64 bits"),
        ({"layer_sizes": [10**12, 10**12]}, "needs F32 of shape"),
        ({"dtype": "float64"}, r"needs F64 of shape \(4, 3\)"),
        ({"dtype": "object"}, 'dtype=object is not supported; use "float32" or "float64"'),
        ({"input_scale": "1"}, "input_scale='1' is not a number"),
        ({"input_scale": 0}, "input_scale=0.0 must be finite and not 0"),
    ],
)
def test_headers_that_contradict(tmp_path: Path, header: Any, message: str) -> None:
    text = header if isinstance(header, str) else json.dumps(HEADER | header)
    safetensors.numpy.save_file(ARRAYS, tmp_path / "net.safetensors", metadata={"eigenmlp": text})
    with pytest.raises(em.ModelFileError, match=message):
        em.load_network(tmp_path / "net.safetensors")


@pytest.mark.parametrize("index", range(len(GRID)))
def test_round_trip_of_the_grid(tmp_path: Path, index: int) -> None:
    net = made(GRID[index], index)
    net.save(tmp_path / "net.safetensors")
    loaded = em.load_network(tmp_path / "net.safetensors")
    assert repr(loaded) == repr(net)
    assert np.array_equal(loaded.get_flat_parameters(), net.get_flat_parameters())
    # The library that the format is of reads the same numbers.
    arrays = safetensors.numpy.load_file(tmp_path / "net.safetensors")
    for layer, weight in enumerate(net.weights):
        assert np.array_equal(arrays[f"layers.{layer}.weight"], weight)


@pytest.mark.parametrize("output", ["softmax", "logistic", "identity", "exponential"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_round_trip_of_every_part(tmp_path: Path, output: str, dtype: str) -> None:
    net = em.Network(
        [5, 4, 3, 6, 2],
        activation=["tanh", "gelu", "identity"],
        normalization=["batch", None, "layer"],
        dropout=[0.5, 0.0, 0.25],
        output=output,
        dtype=dtype,
        rng=0,
    )
    rng = np.random.default_rng(1)
    X = rng.normal(size=(30, 5))
    y = rng.integers(0, 2, 30 if output == "softmax" else (30, 2))
    em.train(net, X, y, epochs=2, rng=0)
    net.save(tmp_path / "net.safetensors")
    loaded = em.load_network(tmp_path / "net.safetensors")
    assert repr(loaded) == repr(net)
    assert loaded.dropout_seed == net.dropout_seed > 0
    assert np.array_equal(loaded.get_flat_parameters(), net.get_flat_parameters())
    assert np.array_equal(loaded.predict_outputs(X), net.predict_outputs(X))


def test_parameters_that_are_not_finite(tmp_path: Path) -> None:
    arrays = ARRAYS | {"layers.0.bias": np.array([0, np.nan, 0], np.float32)}
    safetensors.numpy.save_file(
        arrays, tmp_path / "net.safetensors", metadata={"eigenmlp": json.dumps(HEADER)}
    )
    with pytest.raises(em.ModelFileError, match=r"layers.0.bias holds NaN"):
        em.load_network(tmp_path / "net.safetensors")
