"""Write small model files and what they predict, with the version of eigenmlp that is installed.

Run by hand, once for each version of the format, with the last commit that writes it:

    python tests/support/record_model_files.py 3

Files of a version are never written again: a later eigenmlp must read those that are there.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import numpy as np

import eigenmlp as em
from places import DATA

N = 24
NETWORKS: dict[str, dict[str, Any]] = {
    "linear": {"layer_sizes": [3, 4], "dtype": "float64"},
    "deep": {"layer_sizes": [5, 7, 6, 3], "input_scale": 1 / 255},
    "normalized": {
        "layer_sizes": [4, 6, 5, 4, 3],
        "activation": ["gelu", "tanh", "leaky_relu"],
        "normalization": ["batch", None, "layer"],
        "dropout": [0.5, 0.0, 0.25],
        "dtype": "float64",
    },
    "multilabel": {"layer_sizes": [3, 5, 2], "activation": "silu", "output": "logistic"},
    "numbers": {"layer_sizes": [3, 5, 2], "activation": "elu", "output": "identity"},
    "counts": {
        "layer_sizes": [2, 4, 1],
        "activation": "logistic",
        "normalization": "batch",
        "output": "exponential",
        "dtype": "float64",
    },
}


def network(arguments: dict[str, Any]) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    sizes = arguments["layer_sizes"]
    net = em.Network(sizes, **{k: v for k, v in arguments.items() if k != "layer_sizes"}, rng=0)
    X = rng.normal(size=(N, sizes[0])) / arguments.get("input_scale", 1.0)
    softmax = arguments.get("output", "softmax") == "softmax"
    y = rng.integers(0, sizes[-1], N) if softmax else rng.integers(0, 2, (N, sizes[-1]))
    em.train(net, X, y, epochs=5, batch_size=8, learning_rate=0.05, rng=0)
    return net, X


def estimators() -> dict[str, tuple[Any, Any]]:
    rng = np.random.default_rng(0)
    X, k = rng.normal(size=(N, 3)), np.arange(N)
    texts = em.MLPClassifier((4,), "gelu", max_iter=5, dropout=0.1, random_state=0)
    several = em.MLPClassifier((4,), max_iter=5, early_stopping=True, random_state=0)
    flags = em.MLPClassifier((), solver="lbfgs", class_weight={True: 2, False: 1})
    numbers = em.MLPRegressor(hidden_layer_sizes=[4, 3], normalization="batch", max_iter=5)
    return {
        "texts": (texts.fit(X, np.array(["low", "mid", "hïgh"])[k % 3]), X),
        "several": (several.fit(X, np.stack([k % 2, k % 3 == 0], axis=1).astype(int)), X),
        "flags": (flags.fit(X.astype(np.float32), k % 2 == 1), X.astype(np.float32)),
        "values": (numbers.fit(X, X[:, :2]), X),
    }


def predictions(model: Any, X: Any) -> dict[str, Any]:
    if hasattr(model, "predict_proba") and getattr(model, "output", "softmax") == "softmax":
        values = model.predict_proba(X)
    elif hasattr(model, "predict_outputs"):
        values = model.predict_outputs(X)
    else:
        values = model.predict(X)
    return {"X": X.tolist(), "predict": model.predict(X).tolist(), "values": values.tolist()}


def main(version: int) -> None:
    folder = DATA / "model_files" / f"v{version}"
    folder.mkdir()
    models = {name: network(arguments) for name, arguments in NETWORKS.items()} | estimators()
    recorded = {}
    for name, (model, X) in models.items():
        model.save(folder / f"{name}.safetensors")
        recorded[name] = {"repr": repr(model), **predictions(model, X)}
    (folder / "predictions.json").write_text(json.dumps(recorded) + "\n", encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]))
