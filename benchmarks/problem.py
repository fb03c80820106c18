"""What every peer computes: the models, the data, the initial weights and the order of samples.

The driving program makes a problem once and saves it; every peer loads that file, so that nothing
depends on the version of NumPy or of a random generator that a peer has.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Indices = NDArray[np.int64]

N_SAMPLES, N_FEATURES, N_CLASSES = 4000, 784, 49


@dataclass(frozen=True)
class Model:
    """A network and how it is trained; l2 acts on weights alone and is divided by nothing."""

    hidden: tuple[int, ...]
    rule: str
    batch_size: int | None  # None: the full batch
    learning_rate: float
    l2: float

    @property
    def sizes(self) -> tuple[int, ...]:
        return (N_FEATURES, *self.hidden, N_CLASSES)

    @property
    def batch(self) -> int:
        return self.batch_size or N_SAMPLES


# Rates don't change the time, but the check: they are large enough for an epoch to change the loss
# visibly, and small enough for roundings not to grow into other results. (At 1e-3, M1 in float32
# and in float64 are no longer the same after an epoch.)
MODELS = {
    "m0": Model((100, 80), "sgd", None, 0.1, 0.0),
    "m0-batch": Model((100, 80), "sgd", 64, 0.01, 0.0),
    "m1": Model((400, 100, 80), "adam", 64, 3e-5, 1e-4),
    "m3": Model((2000, 1000), "adam", 64, 3e-5, 1e-4),
    "m4": Model((1000, 1000, 1000), "adam", 64, 1e-5, 1e-4),
}

# Adam's constants. Libraries add ε in different places; it is so small here that it doesn't matter.
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-12


def parse_models(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in MODELS:
            raise SystemExit(f"model {name!r} is unknown; use one of {', '.join(MODELS)}")
    return names


def n_parameters(sizes: tuple[int, ...]) -> int:
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(sizes))


def training_flops(sizes: tuple[int, ...]) -> int:
    """Operations a sample: forward, backward and gradient, no backward below the first layer."""
    return 2 * (3 * n_parameters(sizes) - sizes[0] * sizes[1])


def forward_flops(sizes: tuple[int, ...]) -> int:
    return 2 * n_parameters(sizes)


@dataclass(frozen=True)
class Problem:
    """A model with its data, initial weights, and one order of the samples for every round."""

    model: Model
    X: Floats
    y: Indices
    weights: list[Floats]  # (fan_in, fan_out) each
    biases: list[Floats]
    orders: Indices  # (rounds, n_samples); row r is np.random.default_rng(r)'s permutation

    def order(self, turn: int) -> Indices:
        order: Indices = self.orders[turn]
        return order


def make_problem(model: Model, rounds: int) -> Problem:
    rng = np.random.default_rng(0)
    # A pattern a class, under noise: learnable, so that the loss after an epoch tells whether a
    # peer has trained, and how.
    patterns = rng.standard_normal((N_CLASSES, N_FEATURES), dtype=np.float32)
    y = np.concatenate([np.arange(N_CLASSES), rng.integers(0, N_CLASSES, N_SAMPLES - N_CLASSES)])
    noise = rng.standard_normal((N_SAMPLES, N_FEATURES), dtype=np.float32)
    X = np.float32(0.3) * patterns[y] + noise
    weights, biases = [], []
    for fan_in, fan_out in pairwise(model.sizes):
        scale = np.float32(np.sqrt(2 / fan_in))
        weights.append(scale * rng.standard_normal((fan_in, fan_out), dtype=np.float32))
        biases.append(np.zeros(fan_out, dtype=np.float32))
    orders = [np.random.default_rng(turn).permutation(N_SAMPLES) for turn in range(rounds)]
    return Problem(model, X, y, weights, biases, np.array(orders))


def save_problem(path: Path, problem: Problem) -> None:
    fields: dict[str, NDArray[np.generic]] = {
        "X": problem.X,
        "y": problem.y,
        "orders": problem.orders,
        **{f"weights{i}": w for i, w in enumerate(problem.weights)},
        **{f"biases{i}": b for i, b in enumerate(problem.biases)},
    }
    for name, value in asdict(problem.model).items():
        # 0 stands for the full batch.
        fields[name] = np.array(0 if value is None else value)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **fields)


def load_problem(path: Path) -> Problem:
    with np.load(path) as file:
        hidden = tuple(int(size) for size in file["hidden"])
        model = Model(
            hidden,
            str(file["rule"]),
            int(file["batch_size"]) or None,
            float(file["learning_rate"]),
            float(file["l2"]),
        )
        layers = range(len(hidden) + 1)
        return Problem(
            model,
            file["X"],
            file["y"],
            [file[f"weights{i}"] for i in layers],
            [file[f"biases{i}"] for i in layers],
            file["orders"],
        )


def mean_loss(X: Floats, y: Indices, weights: list[Floats], biases: list[Floats]) -> float:
    """Mean cross-entropy in nats, by NumPy: the one judge of all peers."""
    a = X
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = a @ w + b
        a = np.maximum(z, 0) if layer + 1 < len(weights) else z
    logits = a.astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]
    return float(losses.mean())
