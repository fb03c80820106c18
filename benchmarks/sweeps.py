"""Measure what an engine adds to a sweep's runs, and what is sent to its workers.

Fifty short runs, one thread each, on two workers of every engine that is installed; checked first:
all engines give the same bits. The overhead of a run is (workers × wall time - time spent
training) / runs, medians of several rounds in turn; starting a cluster isn't counted, starting our
own processes is. Beside them the same networks by scikit-learn's MLPClassifier under joblib,
and where JAX is installed, all of them at once by its vmap, compilation counted. Ray and MPI listen
on all addresses of a machine; run this where there is but the loopback interface:

    unshare --net sh -c 'ip link set lo up && exec python benchmarks/sweeps.py'

    python benchmarks/sweeps.py [--rounds 3] [--engines processes,threads,dask,ray]
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import pickle
import tempfile
import time
import warnings
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import eigenmlp as em
import machine
from peers.jax_vmap import seconds_of_all

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKERS, EPOCHS, HIDDEN = 2, 10, (64, 64)
RATES = np.geomspace(1e-4, 1e-1, 50)


def data() -> em.sweeps.Data:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 20)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    return em.sweeps.Data(train=(X[:2000], y[:2000]), validation=(X[2000:], y[2000:]))


@contextlib.contextmanager
def engine(name: str) -> Iterator[tuple[Any, int | None]]:
    if name == "dask":
        distributed: Any = importlib.import_module("distributed")
        options = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
        with (
            distributed.LocalCluster(WORKERS, threads_per_worker=1, **options) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client, None
    elif name == "ray":
        with em.sweeps.RayExecutor() as executor:
            yield executor, None
    else:
        yield name, WORKERS


def swept(executor: Any, jobs: int | None, samples: em.sweeps.Data) -> tuple[float, float, str]:
    """Return the overhead and the whole of a run in seconds of a core, and all weights' SHA-256."""
    base = em.sweeps.RunSpec(hidden_layers=HIDDEN, epochs=EPOCHS)
    specs = em.sweeps.grid(base, learning_rate=RATES)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        runs = em.sweeps.run(specs, samples, folder, executor=executor, jobs=jobs, progress=False)
        wall = time.perf_counter() - begin
        sha = hashlib.sha256(b"".join(result.load("last").tobytes() for result in runs.results))
    busy = sum(result.seconds for result in runs.results)
    whole = WORKERS * wall
    return (whole - busy) / len(specs), whole / len(specs), sha.hexdigest()


def scikit_learn(samples: em.sweeps.Data) -> tuple[float, float]:
    """Return the overhead and the whole of a fit under joblib, as of a run."""

    def fit(rate: float) -> float:
        warnings.simplefilter("ignore", ConvergenceWarning)
        begin = time.perf_counter()
        model = MLPClassifier(HIDDEN, learning_rate_init=rate, batch_size=64, max_iter=EPOCHS)
        model.fit(*samples.train).score(*samples.validation)
        return time.perf_counter() - begin

    begin = time.perf_counter()
    busy: float = sum(Parallel(WORKERS)(delayed(fit)(rate) for rate in RATES))
    whole = WORKERS * (time.perf_counter() - begin)
    return (whole - busy) / len(RATES), whole / len(RATES)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--engines", default="processes,threads,dask,ray", help="%(default)s")
    arguments = parser.parse_args()
    facts = {**machine.facts(), "instruction_set": em.instruction_set()}
    print(f"{machine.headline(facts)}; instruction set {facts['instruction_set']}\n")
    samples = data()
    found: dict[str, list[tuple[float | None, float]]] = {}
    digests = set()
    with contextlib.ExitStack() as stack:
        engines = {name: stack.enter_context(engine(name)) for name in arguments.engines.split(",")}
        for _ in range(arguments.rounds):
            for name, (executor, jobs) in engines.items():
                overhead, whole, digest = swept(executor, jobs, samples)
                found.setdefault(name, []).append((overhead, whole))
                digests.add(digest)
            found.setdefault("joblib, scikit-learn", []).append(scikit_learn(samples))
            X, y, *_ = samples.train
            seconds = seconds_of_all(X, y, hidden=HIDDEN, rates=RATES, epochs=EPOCHS)
            if seconds is not None:
                found.setdefault("JAX, vmap", []).append((None, WORKERS * seconds / len(RATES)))
    if len(digests) != 1:
        raise SystemExit("engines gave other bits")
    print(f"| {len(RATES)} runs by | overhead of a run, ms | least | most | all of a run, ms |")
    print("|---|---:|---:|---:|---:|")
    for name, pairs in found.items():
        overheads = [1000 * overhead for overhead, _ in pairs if overhead is not None]
        told = [f"{of(overheads):.1f}" if overheads else "" for of in (median, min, max)]
        wholes = 1000 * median(whole for _, whole in pairs)
        print(f"| {name} | {' | '.join(told)} | {wholes:.1f} |")
    spec = em.sweeps.grid(em.sweeps.RunSpec(hidden_layers=HIDDEN), learning_rate=RATES)[0]
    print(
        f"\nSent: the data, {len(pickle.dumps(samples)):,} bytes, once for each worker, and "
        f"{len(pickle.dumps((spec, {}))):,} bytes a run; on this machine the data are mapped."
    )


if __name__ == "__main__":
    main()
