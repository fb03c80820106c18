"""What training computes: parameters, losses, predictions and gradients, case by case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import eigenmlp as em
from eigenmlp import losses, optimizers, schedules
from eigenmlp.callbacks import Checkpoint, EarlyStopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

Options = dict[str, Any]
Case = tuple[str, list[Any]]


def samples(n: int = 150, n_features: int = 9) -> NDArray[np.uint8]:
    """Return images of few pixels."""
    return np.random.default_rng(5).integers(0, 256, (n, n_features), dtype=np.uint8)


def targets(output: str, n: int, n_outputs: int) -> NDArray[Any]:
    """Return targets as the output takes them, which depend on nothing."""
    rng = np.random.default_rng(6)
    if output == "softmax":
        return rng.integers(0, n_outputs, n)
    y = rng.standard_normal((n, n_outputs))
    if output == "logistic":
        return y > 0
    return np.rint(abs(2 * y)) if output == "exponential" else y


RULES: dict[str, Callable[[], optimizers.Optimizer]] = {
    "gradient descent": optimizers.SGD,
    "momentum": lambda: optimizers.SGD(momentum=0.9),
    "Nesterov": lambda: optimizers.SGD(momentum=0.9, nesterov=True),
    "Adam": optimizers.Adam,
    "Adam of other constants": lambda: optimizers.Adam(beta1=0.8, beta2=0.95, epsilon=1e-4),
    "Adam with ε̂": lambda: optimizers.Adam(epsilon_hat=True),
    "AMSGrad": lambda: optimizers.Adam(beta2=0.7, amsgrad=True),
    "AdamW": lambda: optimizers.AdamW(weight_decay=0.1),
    "AdamW with all": lambda: optimizers.AdamW(beta2=0.7, decay_biases=True, amsgrad=True),
}

# Units between input and output, and the options of the network.
NETWORKS: dict[str, tuple[list[int], Options]] = {
    "no hidden layer": ([], {}),
    "one hidden layer": ([33], {}),
    "two, glorot": ([17, 7], {"init": "glorot_uniform"}),
    "three, uniform": ([33, 17, 5], {"init": "he_uniform", "dropout": [0.1, 0.0, 0.5]}),
    "four, as PyTorch's": ([9, 8, 7, 6], {"init": "torch_linear"}),
    **{
        f"activation {name}": ([19, 9], {"activation": name})
        for name in ("identity", "logistic", "tanh", "leaky_relu", "elu", "silu", "gelu")
    },
    "mixed activations": ([19, 9], {"activation": ["gelu", "tanh"]}),
    "dropout": ([65, 17], {"dropout": 0.3}),
    "batch normalization": ([33, 17], {"normalization": "batch"}),
    "layer normalization": ([33, 17], {"normalization": "layer", "activation": "silu"}),
    "both normalizations": ([33, 17], {"normalization": ["batch", "layer"], "dropout": 0.2}),
    "wide": ([300, 260], {}),
    "pixels as they are": ([17], {"input_scale": 1.0}),
}

# The output, the loss, and what kind of targets it takes.
LOSSES: dict[str, tuple[str, str | losses.Loss]] = {
    "cross-entropy": ("softmax", "cross_entropy"),
    "smoothed labels": ("softmax", losses.CrossEntropy(0.1)),
    "binary cross-entropy": ("logistic", "binary_cross_entropy"),
    "squared error": ("identity", "squared_error"),
    "absolute error": ("identity", "absolute_error"),
    "Huber": ("identity", losses.Huber(0.3)),
    "Poisson": ("exponential", "poisson"),
}

TRAINING: dict[str, Options] = {
    "full batch": {"batch_size": None},
    "no weights of samples": {"sample_weight": None},
    "no validation": {"validation_data": None},
    "weighted validation": {
        "validation_data": (samples(60), targets("softmax", 60, 5), np.linspace(0.0, 2.0, 60)),
    },
    "one sample a batch": {"batch_size": 1, "epochs": 1},
    "in order": {"shuffle": False},
    "order of the caller": {"shuffle": lambda epoch: np.arange(epoch, 100)},
    "penalty": {"l2": 0.01, "penalized_loss": True},
    "penalty of all, divided": {"l2": 1.0, "l2_biases": True, "l2_divided": True},
    "bounded norm": {"clip_norm": 0.1},
    "bounded values": {"clip_value": 0.001},
    "bounded both ways": {"clip_norm": 0.01, "clip_value": 0.01, "l2": 0.1},
    "balanced classes": {"class_weight": "balanced"},
    "weighted classes": {"class_weight": {0: 2.0, 3: 0.5}},
    "measured": {"evaluate_train": True, "metrics": ["balanced_accuracy", "f1_macro"]},
    "stopped early": {
        "epochs": 40,
        "learning_rate": 0.05,
        "callbacks": lambda: [EarlyStopping(patience=2, restore_best=True)],
    },
    # Half and twice these differences would stop at other epochs.
    **{
        f"stopped by {column}": {
            "epochs": 40,
            "learning_rate": 0.003,
            "evaluate_train": True,
            "callbacks": lambda column=column: [
                EarlyStopping(f"train_{column}", patience=3, min_delta=0.01)
            ],
        }
        for column in ("accuracy", "loss")
    },
    **{
        f"rate {name}": {"learning_rate": schedule}
        for name, schedule in {
            "linear": schedules.linear(0.01, final=0.001, epochs=3),
            "exponential": schedules.exponential(0.01, gamma=0.5),
            "step": schedules.step(0.01, gamma=0.1, every=2),
            "cosine": schedules.cosine(0.01, final=0.0, epochs=3),
            "warmup": schedules.warmup(2, schedules.constant(0.01)),
            "joined": schedules.join([schedules.constant(0.01), schedules.constant(0.001)], [1]),
            "of the caller": lambda epoch: 0.01 / (epoch + 1),
        }.items()
    },
    "rate a step": {
        "learning_rate": schedules.exponential(0.01, gamma=0.9),
        "schedule_unit": "step",
    },
    "warmup a step": {
        "learning_rate": schedules.warmup(5, schedules.cosine(0.01, final=0.0, epochs=4)),
        "schedule_unit": "step",
    },
}


def scores(history: em.History) -> dict[str, list[float]]:
    """Return the columns of a history but the time."""
    return {name: column for name, column in history.to_dict().items() if name != "seconds"}


def state(net: em.Network, X: NDArray[Any], n_threads: int) -> list[NDArray[Any]]:
    """Return a network's parameters and what it predicts of many samples and of one."""
    return [
        net.get_flat_parameters(),
        net.predict_outputs(X, n_threads=n_threads),
        net.predict(X, n_threads=n_threads),
        net.predict_outputs(X[:1], n_threads=n_threads),
    ]


def trained(
    hidden: list[int],
    network: Options,
    training: Options,
    n_threads: int,
    *,
    dtype: str = "float32",
    loss: tuple[str, str | losses.Loss] = ("softmax", "cross_entropy"),
    rule: Callable[[], optimizers.Optimizer] = optimizers.Adam,
    data: str = "uint8",
) -> list[Any]:
    """Train a network, with a tenth of the samples absent, and return all that came out."""
    X, n_outputs = samples().astype(data), 5
    output, named = loss
    y = targets(output, len(X), n_outputs)
    net = em.Network(
        [X.shape[1], *hidden, n_outputs],
        **{"output": output, "dtype": dtype, "input_scale": 1 / 255, "rng": 1, **network},
    )
    weights = (np.random.default_rng(7).uniform(0, 3, len(X)) - 0.3).clip(0)
    options: Options = {
        "epochs": 3, "batch_size": 47, "learning_rate": 0.01, "sample_weight": weights,
        "validation_data": (X[:60], y[:60]), **training,
    }  # fmt: skip
    options["callbacks"] = training.get("callbacks", list)()
    optimizer = rule()
    history = em.train(
        net, X, y, loss=named, optimizer=optimizer, rng=2, n_threads=n_threads, **options
    )
    # A second call continues with the moments and the clock.
    em.train(
        net, X, y, loss=named, optimizer=optimizer, epochs=1, l2=0.001, rng=3, n_threads=n_threads
    )
    gradients: list[Any] = []
    for step in (None, 3):
        value, gradient = net.loss_and_gradient(
            X, y, loss=named, l2=0.1, dropout_step=step, n_threads=n_threads
        )
        gradients += [float(value).hex(), gradient]
    evaluation = net.evaluate(X, y, loss=named, n_threads=n_threads)
    return [
        scores(history),
        float(evaluation.loss).hex(),
        *state(net, X, n_threads),
        *optimizer.state_dict(net)["moments"],
        *gradients,
    ]


def resumed(
    training: Options,
    n_threads: int,
    folder: Path,
    *,
    rule: Callable[[], optimizers.Optimizer] = optimizers.Adam,
    normalization: str | None = None,
) -> list[Any]:
    """Stop a run after two epochs, go on from its checkpoint, and return the result."""
    X = samples()
    y = targets("softmax", len(X), 5)

    def run(epochs: int, **more: Any) -> tuple[em.Network, em.History]:
        net = em.Network(
            [9, 17, 5], dropout=0.2, normalization=normalization, input_scale=1 / 255, rng=1
        )
        callbacks = [Checkpoint(folder), EarlyStopping(patience=9, restore_best=True)]
        history = em.train(
            net, X, y, optimizer=rule(), epochs=epochs, batch_size=47,
            validation_data=(X[:60], y[:60]), rng=2, callbacks=callbacks, n_threads=n_threads,
            **training, **more,
        )  # fmt: skip
        return net, history

    run(2)
    net, history = run(5, resume_from=folder)
    return [scores(history), *state(net, X, n_threads)]


def cases(n_threads: int, folder: Path) -> Iterator[Case]:
    """Yield the name of every case of training, and what it computes on threads."""
    for dtype in ("float32", "float64"):
        for name, (hidden, options) in NETWORKS.items():
            yield f"network, {dtype}, {name}", trained(hidden, options, {}, n_threads, dtype=dtype)
        for name, loss in LOSSES.items():
            yield (
                f"loss, {dtype}, {name}",
                trained([17], {"dropout": 0.1}, {}, n_threads, dtype=dtype, loss=loss),
            )
        for name, rule in RULES.items():
            yield (
                f"optimizer, {dtype}, {name}",
                trained([33, 7], {"normalization": "layer"}, {"l2": 0.01, "clip_norm": 1.0},
                        n_threads, dtype=dtype, rule=rule),
            )  # fmt: skip
            yield (
                f"optimizer, {dtype}, {name}, free",
                trained([33, 7], {}, {"l2": 0.01, "l2_biases": True}, n_threads, dtype=dtype,
                        rule=rule),
            )  # fmt: skip
        for data in ("float32", "float64", "int16"):
            yield (
                f"data, {data} for {dtype}",
                trained([17], {}, {}, n_threads, dtype=dtype, data=data),
            )
    for name, options in TRAINING.items():
        yield f"training, {name}", trained([17, 9], {"dropout": 0.1}, options, n_threads)
    resuming: dict[str, Options] = {
        "constant rate": {},
        "rate a step": TRAINING["rate a step"],
        "bounded": {"clip_norm": 0.1, "l2": 0.01},
    }
    for name, options in resuming.items():
        yield f"checkpoint, {name}", resumed(options, n_threads, folder / f"{name} {n_threads}")
    for name, rule in RULES.items():
        kept = folder / f"{name} {n_threads}"
        found = resumed({}, n_threads, kept, rule=rule, normalization="batch")
        yield f"checkpoint, {name}, normalized", found
