"""Trains several networks and prints the SHA-256 of all that came out: run by test_same_bits.py.

python tests/support/same_bits.py N_THREADS
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import eigenmlp as em

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Options = dict[str, Any]

SGD, ADAM = em.optimizers.SGD(), em.optimizers.Adam()
EVERY_RULE = {
    "gradient descent": SGD,
    "momentum": em.optimizers.SGD(momentum=0.9),
    "Nesterov": em.optimizers.SGD(momentum=0.9, nesterov=True),
    "Adam": ADAM,
    "Adam with ε̂": em.optimizers.Adam(epsilon_hat=True),
    "AMSGrad": em.optimizers.Adam(beta2=0.7, amsgrad=True),
    "AdamW": em.optimizers.AdamW(weight_decay=0.1),
    "AdamW with AMSGrad": em.optimizers.AdamW(beta2=0.7, decay_biases=True, amsgrad=True),
}


@dataclass
class Case:
    """What is trained, on how many samples, by which rules."""

    sizes: list[int]
    n: int
    batch: int | None
    network: Options = field(default_factory=dict)
    training: Options = field(default_factory=dict)
    weighted: bool = False
    rules: Mapping[str, em.optimizers.Optimizer] = field(default_factory=lambda: {"Adam": ADAM})


BOTH: Options = {"rules": {"gradient descent": SGD, "Adam": ADAM}}
HUBER = em.losses.Huber(delta=0.3)

CASES: dict[str, Case] = {
    # Odd sizes, short last batches, the full batch (more than one chunk), one sample, one unit.
    "odd sizes": Case([13, 17, 7, 5], 333, 100, **BOTH),
    "full batch": Case([21, 33, 4], 400, None, **BOTH),
    "one sample a batch": Case([5, 1, 3], 40, 1, **BOTH),
    "no hidden layer": Case([65, 49], 130, 64, **BOTH),
    "wide": Case([100, 260, 31, 10], 200, 65, **BOTH),
    "one row": Case([3, 2], 1, 8, **BOTH),
    # Every rule, with all that a layer can have.
    "rules": Case(
        [7, 33, 17, 3], 90, 32,
        {"normalization": ["batch", "layer"], "dropout": [0.2, 0.5]},
        rules=EVERY_RULE,
    ),
    # Every activation, in layers that end within a vector.
    "activations": Case(
        [9, 33, 7, 17, 3, 65, 5], 150, 47,
        {"activation": ["logistic", "tanh", "identity", "leaky_relu", "relu"]},
    ),
    "smooth activations": Case(
        [9, 31, 15, 33, 2], 150, 70, {"activation": ["elu", "silu", "gelu"], "dropout": 0.1}
    ),
    "self-normalizing": Case([9, 31, 15, 2], 150, 70, {"activation": ["selu", "mish"]}),
    # Every output and loss.
    "smooth labels": Case([9, 17, 33], 150, 70, {}, {"loss": em.losses.CrossEntropy(0.1)}),
    "binary": Case([9, 17, 1], 150, 70, {"output": "logistic"}, weighted=True),
    "multilabel": Case([9, 17, 19], 150, 70, {"output": "logistic"}),
    "regression": Case([9, 17, 17], 150, 70, {"output": "identity"}, weighted=True),
    "absolute error": Case([9, 17, 3], 150, 70, {"output": "identity"}, {"loss": "absolute_error"}),
    "Huber": Case([9, 17, 3], 150, 70, {"output": "identity"}, {"loss": HUBER}),
    "quantile": Case(
        [9, 17, 3], 150, 70, {"output": "identity"}, {"loss": em.losses.Quantile(0.9)}
    ),
    "counts": Case([9, 17, 5], 150, 70, {"output": "exponential"}, weighted=True),
    # Sums over a batch or a layer, over more than one chunk and in parts of it.
    "batch norm": Case(
        [9, 65, 17, 5], 400, None, {"normalization": "batch", "dropout": 0.3}, weighted=True
    ),
    "layer norm": Case(
        [9, 65, 17, 5], 400, None, {"normalization": "layer", "dropout": 0.3}, weighted=True
    ),
    "batch norm of one sample": Case([9, 17, 5], 31, 10, {"normalization": "batch"}),
    "wide normalization": Case(
        [50, 260, 129, 10], 200, 65, {"normalization": ["batch", "layer"], "activation": "gelu"}
    ),
    "dropout over chunks": Case([9, 65, 17, 5], 400, 300, {"dropout": [0.0, 0.5]}, **BOTH),
    # Norms of the gradient are sums over all parameters, of more than one piece.
    "clipped norm": Case(
        [60, 100, 31, 4], 120, 50, {"normalization": "layer"},
        {"clip_norm": 0.5, "l2_divided": True}, weighted=True, **BOTH,
    ),
    "clipped values": Case([9, 17, 4], 120, 50, {}, {"clip_value": 0.01, "clip_norm": 0.02}),
    "rates of groups": Case(
        [60, 100, 31, 4], 120, 50, {"normalization": "layer"},
        {"rate_factors": {"biases": 0.5, "gains": 0.1, 1: 2.0}}, **BOTH,
    ),
    "balanced": Case([9, 17, 4], 120, 50, {}, {"class_weight": "balanced"}, weighted=True),
    "a rate a step": Case([9, 17, 4], 120, 50, {}, {"schedule_unit": "step"}),
}  # fmt: skip


def targets(net: em.Network, n: int) -> NDArray[Any]:
    rng = np.random.default_rng(6)
    if net.output == "softmax":
        return rng.integers(0, net.layer_sizes[-1], n)
    y = rng.standard_normal((n, net.layer_sizes[-1]))
    if net.output == "logistic":
        return y > 0
    return np.rint(abs(2 * y)) if net.output == "exponential" else y


def digest(case: Case, dtype: str, rule: em.optimizers.Optimizer, n_threads: int) -> str:
    rng = np.random.default_rng(5)
    X = rng.integers(0, 256, (case.n, case.sizes[0]), dtype=np.uint8)
    net = em.Network(case.sizes, dtype=dtype, input_scale=1 / 255, rng=1, **case.network)
    y = targets(net, case.n)
    # A tenth of the samples is absent.
    weights = (rng.uniform(0, 3, case.n) - 0.3).clip(0) if case.weighted else None
    half = slice(case.n // 2 + 1)
    held_out = (X, y) if weights is None else (X, y, weights)
    history = em.train(
        net,
        X,
        y,
        optimizer=rule,
        learning_rate=em.schedules.exponential(0.01, gamma=0.9),
        batch_size=case.batch,
        epochs=3,
        l2=1e-3,
        l2_biases=rule != SGD,
        sample_weight=weights,
        evaluate_train=True,
        penalized_loss=True,
        validation_data=tuple(array[half] for array in held_out),
        n_threads=n_threads,
        rng=2,
        **case.training,
    )
    sha = hashlib.sha256(net.get_flat_parameters().tobytes())
    for moments in rule.state_dict(net)["moments"]:
        sha.update(moments.tobytes())
    scores = {k: v for k, v in history.to_dict().items() if k not in {"seconds", "epoch"}}
    sha.update(json.dumps(scores, sort_keys=True).encode())
    sha.update(net.predict_outputs(X, n_threads=n_threads).tobytes())
    sha.update(net.predict(X, n_threads=n_threads).tobytes())
    # A row alone goes through a kernel of its own.
    sha.update(net.predict_outputs(X[:1], n_threads=n_threads).tobytes())
    for step in (None, 3):
        loss, gradient = net.loss_and_gradient(
            X, y, sample_weight=weights, dropout_step=step, n_threads=n_threads
        )
        sha.update(float(loss).hex().encode())
        sha.update(gradient.tobytes())
    return sha.hexdigest()


def main() -> None:
    n_threads = int(sys.argv[1])
    sys.stdout.write(
        json.dumps(
            {
                f"{name}, {dtype}, {rule}": digest(case, dtype, case.rules[rule], n_threads)
                for name, case in CASES.items()
                for dtype in ("float32", "float64")
                for rule in case.rules
            }
        )
    )


if __name__ == "__main__":
    main()
