"""Trains several networks and prints the SHA-256 of all that came out: run by test_same_bits.py.

python tests/same_bits.py N_THREADS
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import numpy as np

import eigenmlp as em

# Odd sizes, short last batches, the full batch (more than one chunk), one sample, one hidden unit.
CASES: dict[str, dict[str, Any]] = {
    "odd sizes": {"sizes": [13, 17, 7, 5], "n": 333, "batch": 100},
    "full batch": {"sizes": [21, 33, 4], "n": 400, "batch": None},
    "one sample a batch": {"sizes": [5, 1, 3], "n": 40, "batch": 1},
    "no hidden layer": {"sizes": [65, 49], "n": 130, "batch": 64},
    "wide": {"sizes": [100, 260, 31, 10], "n": 200, "batch": 65},
    "one row": {"sizes": [3, 2], "n": 1, "batch": 8},
}


def digest(case: dict[str, Any], dtype: str, rule: str, n_threads: int) -> str:
    rng = np.random.default_rng(5)
    n_features, n_classes = case["sizes"][0], case["sizes"][-1]
    X = rng.integers(0, 256, (case["n"], n_features), dtype=np.uint8)
    y = rng.integers(0, n_classes, case["n"])
    net = em.Network(case["sizes"], dtype=dtype, input_scale=1 / 255, rng=1)
    history = em.train(
        net,
        X,
        y,
        optimizer=em.optimizers.Adam() if rule == "adam" else em.optimizers.SGD(),
        learning_rate=em.schedules.exponential(0.01, gamma=0.9),
        batch_size=case["batch"],
        epochs=3,
        l2=1e-3,
        l2_biases=rule == "adam",
        evaluate_train=True,
        validation_data=(X[: case["n"] // 2 + 1], y[: case["n"] // 2 + 1]),
        n_threads=n_threads,
        rng=2,
    )
    sha = hashlib.sha256(net.get_flat_parameters().tobytes())
    scores = {k: v for k, v in history.to_dict().items() if k not in {"seconds", "epoch"}}
    sha.update(json.dumps(scores, sort_keys=True).encode())
    sha.update(net.predict_proba(X, n_threads=n_threads).tobytes())
    # A row alone goes through a kernel of its own.
    sha.update(net.predict_proba(X[:1], n_threads=n_threads).tobytes())
    _, *gradients = net.loss_and_gradients(X, y, n_threads=n_threads)
    for arrays in gradients:
        for array in arrays:
            sha.update(array.tobytes())
    return sha.hexdigest()


def main() -> None:
    n_threads = int(sys.argv[1])
    sys.stdout.write(
        json.dumps(
            {
                f"{name}, {dtype}, {rule}": digest(case, dtype, rule, n_threads)
                for name, case in CASES.items()
                for dtype in ("float32", "float64")
                for rule in ("sgd", "adam")
            }
        )
    )


if __name__ == "__main__":
    main()
