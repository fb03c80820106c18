"""The contract of docs/same-bits.md: the same bits for any number of threads, on every FMA core."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import eigenmlp as em
import same_bits
from eigenmlp import _processor
from eigenmlp.network import architecture
from places import SUPPORT

SCRIPT = SUPPORT / "same_bits.py"
LEVELS = _processor.supported_levels()


@functools.cache
def digests(level: str, n_threads: int) -> dict[str, str]:
    result = subprocess.run(
        [sys.executable, str(SCRIPT), str(n_threads)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "EIGENMLP_ISA": level},
    )
    hashes: dict[str, str] = json.loads(result.stdout)
    assert len(set(hashes.values())) == len(hashes) > 70
    return hashes


@pytest.mark.parametrize("n_threads", [1, 2, 3, 5])
@pytest.mark.parametrize("level", LEVELS)
def test_any_number_of_threads_in_any_process(level: str, n_threads: int) -> None:
    assert digests.__wrapped__(level, n_threads) == digests(level, 1)


@pytest.mark.skipif("v4" not in LEVELS, reason="this processor has no AVX-512")
def test_avx2_and_avx512() -> None:
    assert digests("v4", 2) == digests("v3", 1)


def test_the_digests_cover_every_operation() -> None:
    nets = [em.Network(case.sizes, **case.network) for case in same_bits.CASES.values()]
    losses = [
        em.losses.loss_for(case.training.get("loss"), net.output)
        for case, net in zip(same_bits.CASES.values(), nets, strict=True)
    ]
    assert {name for net in nets for name in net.activations} == {*architecture.ACTIVATIONS}
    assert {net.output for net in nets} == {*architecture.OUTPUTS}
    assert {kind for net in nets for kind in net.normalizations} == {*architecture.NORMALIZATIONS}
    assert {type(loss) for loss in losses} == {*em.losses.Loss.__subclasses__()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [[7, 5], [784, 100, 80, 49], [33, 70, 129, 3]])
def test_a_row_alone_and_among_others(sizes: list[int], dtype: str) -> None:
    net = em.Network(sizes, dtype=dtype, rng=0)
    X = np.random.default_rng(0).standard_normal((70, sizes[0]))
    together = net.predict_proba(X)
    for n_threads in (1, 2, 3):
        alone = [net.predict_proba(X[i : i + 1], n_threads=n_threads) for i in range(len(X))]
        assert np.concatenate(alone).tobytes() == together.tobytes()
    assert [int(net.predict(X[i : i + 1])[0]) for i in range(5)] == list(net.predict(X[:5]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", architecture.ACTIVATIONS)
@pytest.mark.parametrize("normalization", architecture.NORMALIZATIONS)
@pytest.mark.parametrize("output", architecture.OUTPUTS)
def test_a_row_alone_and_among_others_through_every_operation(
    output: str, normalization: str | None, activation: str, dtype: str
) -> None:
    net = em.Network(
        [9, 33, 17, 3], activation=activation, normalization=normalization, output=output,
        dropout=0.5, dtype=dtype, rng=0,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    # Statistics other than 0 and 1, and gains other than 1.
    values = net.get_flat_parameters()
    net.set_flat_parameters(values + rng.uniform(0, 0.3, len(values)))
    X = rng.standard_normal((35, 9))
    together = net.predict_outputs(X, n_threads=2)
    alone = [net.predict_outputs(X[i : i + 1], n_threads=1 + i % 3) for i in range(len(X))]
    assert np.concatenate(alone).tobytes() == together.tobytes()
    alone = [net.predict(X[i : i + 1]) for i in range(len(X))]
    assert np.concatenate(alone).tobytes() == net.predict(X).tobytes()


@pytest.mark.parametrize(
    ("dtype", "logit"), [("float32", -87.4), ("float32", -88.0), ("float64", -708.6)]
)
def test_a_subnormal_probability_alone_and_among_others(dtype: str, logit: float) -> None:
    net = em.Network([1, 2], dtype=dtype)
    net.set_parameters([[[0, 1]]], [[0, 0]])
    X = np.array([[logit], [logit]])
    together = net.predict_proba(X)
    assert together[0, 1] == 0
    assert net.predict_proba(X[:1]).tobytes() == together[:1].tobytes()


def test_a_subnormal_input_alone_and_among_others() -> None:
    net = em.Network([1, 2], input_scale=1e30)
    net.set_parameters([[[0, 1e10]]], [[0, 0]])
    X = np.full((2, 1), 1e-39, dtype=np.float32)
    assert net.predict_proba(X[:1]).tobytes() == net.predict_proba(X)[:1].tobytes()


@pytest.mark.parametrize("n_samples", [1, 7, 8, 9, 15, 16, 17, 33])
def test_what_fills_a_vector_up_stays_out_of_gradients(n_samples: int) -> None:
    # A sample of zeros, to pad with, would overflow here; those of the batch don't.
    net = em.Network([1, 1, 2])
    net.set_parameters([[[-1e20]], [[1e20, 0]]], [[1e20], [0, 0]])
    X, y = np.full((n_samples, 1), 2.0), np.zeros(n_samples, dtype=int)
    loss, gradient = net.loss_and_gradient(X, y)
    assert loss == pytest.approx(np.log(2))
    assert np.isfinite(gradient).all()
