"""The contract of docs/same-bits.md: the same bits for any number of threads, on every FMA core."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp import _processor

SCRIPT = Path(__file__).with_name("same_bits.py")
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
    assert len(set(hashes.values())) == len(hashes) > 20
    return hashes


@pytest.mark.parametrize("n_threads", [1, 2, 3, 5])
@pytest.mark.parametrize("level", LEVELS)
def test_any_number_of_threads_in_any_process(level: str, n_threads: int) -> None:
    digests.cache_clear()
    assert digests(level, n_threads) == digests(level, 1)


@pytest.mark.skipif("v4" not in LEVELS, reason="this processor has no AVX-512")
def test_avx2_and_avx512() -> None:
    assert digests("v4", 2) == digests("v3", 1)


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
