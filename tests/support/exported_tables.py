"""A table with columns of all kinds, rows that training hadn't, and models that depend on them."""

from typing import Any

import numpy as np

NAN = float("nan")
N = 120
RNG = np.random.default_rng(0)
TABLE: dict[str, Any] = {
    "x": np.where(RNG.random(N) < 0.2, NAN, RNG.normal(size=N)),
    "year": RNG.integers(1950, 2025, N),
    "account": 10**12 + RNG.integers(0, 500, N),  # float32 holds no such digits
    "constant": np.full(N, 7.0),
    "town": np.array(["Ulm", "Bonn", "Köln", None])[RNG.integers(0, 4, N)],
    "pair": np.array(["yes", "no", None])[RNG.integers(0, 3, N)],
    "street": RNG.choice([f"street {n}" for n in range(40)], N),
    "lift": RNG.random(N) < 0.5,
    "zip": RNG.choice([89073, 53111, 50667], N),
}
CODES = ["zip"]
# Rows that training hadn't: other words, gaps everywhere, numbers far away.
STRANGE: dict[str, Any] = {
    "x": [NAN, 1e300, -1e300, 0.25],
    "year": [NAN, 1e9, -5.0, 1987.0],
    "account": [NAN, 0.0, 1e12 + 77, 1e12 + 78],
    "constant": [NAN, 8.0, 1e308, 7.0],
    "town": [None, "Rome", "Ulm", ""],
    "pair": [None, "perhaps", "yes", "no"],
    "street": [None, "street 99", "street 3", "street 17"],
    "lift": [None, "maybe", True, False],
    "zip": [None, 11111, 89073, 50667.0],
}
CLASSES = np.array(["one", "zwei", "três"])[RNG.integers(0, 3, N)]
SMALL: dict[str, Any] = {
    "hidden_layer_sizes": (6, 5),
    "max_iter": 2,
    "max_categories": 12,
    "categorical_features": CODES,
    "random_state": 0,
}


def stirred(model: Any) -> Any:
    """Give the networks weights by which every feature matters."""
    for seed, network in enumerate(model.networks_):
        n = network.n_parameters
        network.set_flat_parameters(np.random.default_rng(seed).normal(size=n).astype(np.float32))
    return model
