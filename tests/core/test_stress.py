"""Threads that train, ask, save, load and destroy networks in any order."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

import eigenmlp as em

if TYPE_CHECKING:
    from pathlib import Path

N_CALLERS = 8
N_NETWORKS = 20
N_USES = 40

X = np.random.default_rng(0).standard_normal((120, 7)).astype(np.float32)
Y = np.arange(120) % 3


class Caller(threading.Thread):
    """Uses networks that all callers share, in an order of its own."""

    def __init__(self, seed: int, networks: list[em.Network], folder: Path) -> None:
        super().__init__()
        self.rng = np.random.default_rng(seed)
        self.networks = networks
        self.folder = folder
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for _ in range(N_USES):
                self.use(int(self.rng.integers(N_NETWORKS)))
        except BaseException as error:  # noqa: BLE001 the test shows it
            self.error = error

    def use(self, place: int) -> None:
        network = self.networks[place]
        n_threads = int(self.rng.integers(1, 4))
        match self.rng.integers(6):
            case 0:
                # By another caller, which is refused with a RuntimeError.
                with contextlib.suppress(RuntimeError):
                    em.train(network, X, Y, epochs=2, batch_size=32, n_threads=n_threads, rng=0)
            case 1:
                # Destroys the one before, unless somebody else still uses it.
                self.networks[place] = any_network(int(self.rng.integers(1000)))
            case 2:
                path = self.folder / f"{place}.safetensors"
                network.save(path)
                # Perhaps a later one, of another caller, but a whole one.
                assert em.load_network(path).layer_sizes[-1] == 3
            case 3:
                assert np.isfinite(network.evaluate(X, Y, n_threads=n_threads).loss)
            case 4:
                assert network.predict(X, n_threads=n_threads).shape == (120,)
            case _:
                row = network.predict_proba(X[:1], n_threads=n_threads)
                np.testing.assert_allclose(row.sum(), 1, rtol=1e-5)


def any_network(seed: int) -> em.Network:
    options = np.random.default_rng(seed)
    return em.Network(
        [7, int(options.integers(1, 40)), 5, 3],
        normalization=[None, "batch", "layer"][options.integers(3)],
        dropout=float(options.choice([0, 0.2])),
        rng=seed,
    )


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_many_threads_use_many_networks_in_any_order(tmp_path: Path) -> None:
    networks = [any_network(seed) for seed in range(N_NETWORKS)]
    callers = [Caller(seed, networks, tmp_path) for seed in range(N_CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert [caller.error for caller in callers] == [None] * N_CALLERS
    assert all(not path.name.startswith(".") for path in tmp_path.iterdir())
    # Nothing is left locked, and nothing was mixed up.
    for network in networks:
        em.train(network, X, Y, epochs=1, n_threads=2, rng=0)
        assert np.array_equal(network.predict_proba(X[:1]), network.predict_proba(X)[:1])
    a, b = any_network(3), any_network(3)
    em.train(a, X, Y, epochs=2, n_threads=3, rng=0)
    em.train(b, X, Y, epochs=2, n_threads=1, rng=0)
    assert np.array_equal(a.get_flat_parameters(), b.get_flat_parameters())
