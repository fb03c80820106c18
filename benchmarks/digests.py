"""SHA-256 of what eigenmlp computes, case by case, to see that a change of the code changes no bit.

python benchmarks/digests.py > before.txt
python benchmarks/digests.py --against before.txt

Parameters, losses, predictions and gradients over architectures, losses, optimizers, options of
training, checkpoints, model files, estimators, exports and a quick study, each on one and on more
threads, which must agree. Processors without fused multiply-add round differently (`eigenmlp info`
names the instruction set), and L-BFGS and exports are the work of SciPy and ONNX as well: compare
outputs of one machine and one environment.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

import eigenmlp as em
from eigenmlp import losses, optimizers, schedules
from eigenmlp.callbacks import Checkpoint, EarlyStopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

Options = dict[str, Any]

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
    **{
        f"rate {name}": {"learning_rate": schedule}
        for name, schedule in {
            "linear": schedules.linear(0.01, final=0.001, epochs=3),
            "exponential": schedules.exponential(0.01, gamma=0.5),
            "step": schedules.step(0.01, gamma=0.1, every=2),
            "cosine": schedules.cosine(0.01, final=0.0, epochs=3),
            "warmup": schedules.warmup(2, schedules.constant(0.01)),
        }.items()
    },
    "rate a step": {
        "learning_rate": schedules.exponential(0.01, gamma=0.9),
        "schedule_unit": "step",
    },
}

CLASSIFIERS: dict[str, Options] = {
    **{f"solver {solver}": {"solver": solver} for solver in ("sgd", "adam", "adamw", "lbfgs")},
    "adaptive rate": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1},
    "inverse scaling": {"solver": "sgd", "learning_rate": "invscaling", "momentum": 0.0},
    "scheduled": {"learning_rate": schedules.cosine(0.01, final=0.0, epochs=5), "amsgrad": True},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 30},
    "regularized": {"dropout": 0.2, "normalization": "batch", "label_smoothing": 0.1},
    "bounded": {"clip_norm": 0.5, "clip_value": 0.1, "class_weight": "balanced"},
    "full batch, in order": {"batch_size": 300, "shuffle": False},
    "no hidden layer": {"hidden_layer_sizes": ()},
}


def digest(*values: Any) -> str:
    """Return the SHA-256 of arrays, numbers and what JSON can hold."""
    sha = hashlib.sha256()
    for value in values:
        if isinstance(value, np.ndarray):
            sha.update(f"{value.dtype.str}{value.shape}".encode())
            sha.update(np.ascontiguousarray(value).tobytes() if value.dtype.kind != "O" else b"")
            if value.dtype.kind == "O":
                sha.update(repr(value.tolist()).encode())
        elif isinstance(value, bytes):
            sha.update(value)
        else:
            sha.update(json.dumps(value, sort_keys=True).encode())
    return sha.hexdigest()


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
) -> str:
    """Train a network, with a tenth of the samples absent, and return the digest of all of it."""
    X, n_outputs = samples(), 5
    output, named = loss
    y = targets(output, len(X), n_outputs)
    net = em.Network(
        [X.shape[1], *hidden, n_outputs],
        output=output, dtype=dtype, input_scale=1 / 255, rng=1, **network,
    )  # fmt: skip
    weights = (np.random.default_rng(7).uniform(0, 3, len(X)) - 0.3).clip(0)
    callbacks = training.get("callbacks", list)()
    options = {"epochs": 3, "batch_size": 47, "learning_rate": 0.01, **training}
    options["callbacks"] = callbacks
    optimizer = rule()
    history = em.train(
        net, X, y, loss=named, optimizer=optimizer, sample_weight=weights,
        validation_data=(X[:60], y[:60]), rng=2, n_threads=n_threads, **options,
    )  # fmt: skip
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
    return digest(
        scores(history),
        float(evaluation.loss).hex(),
        *state(net, X, n_threads),
        *optimizer.state_dict(net)["moments"],
        *gradients,
    )


def resumed(training: Options, n_threads: int, folder: Path) -> str:
    """Stop a run after two epochs, go on from its checkpoint, and return the result's digest."""
    X = samples()
    y = targets("softmax", len(X), 5)

    def run(epochs: int, **more: Any) -> tuple[em.Network, em.History]:
        net = em.Network([9, 17, 5], dropout=0.2, input_scale=1 / 255, rng=1)
        callbacks = [Checkpoint(folder), EarlyStopping(patience=9, restore_best=True)]
        history = em.train(
            net, X, y, epochs=epochs, batch_size=47, validation_data=(X[:60], y[:60]), rng=2,
            callbacks=callbacks, n_threads=n_threads, **training, **more,
        )  # fmt: skip
        return net, history

    run(2)
    net, history = run(5, resume_from=folder)
    return digest(scores(history), *state(net, X, n_threads))


def table(n_classes: int) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Return a table of clusters and their classes by name."""
    rng = np.random.default_rng(8)
    classes = np.arange(300) % n_classes
    X = rng.standard_normal((300, 6)) + rng.standard_normal((n_classes, 6))[classes]
    return X, np.array(["a", "b", "c", "d"])[classes]


def estimated(model: Any, X: NDArray[Any], *fitted: Any) -> str:
    """Return the digest of a fitted estimator: weights, losses and predictions."""
    predicted = [model.predict(X), *fitted]
    if hasattr(model, "predict_proba"):
        predicted.append(np.asarray(model.predict_proba(X)))
    curve = [float(value).hex() for value in getattr(model, "loss_curve_", [])]
    return digest(*model.coefs_, *model.intercepts_, curve, model.n_iter_, model.t_, *predicted)


def estimators(n_threads: int) -> Iterator[tuple[str, str]]:
    """Yield the digests of fitted estimators."""
    shared: Options = {
        "hidden_layer_sizes": (20, 9), "max_iter": 6, "random_state": 0, "n_threads": n_threads
    }  # fmt: skip
    for name, options in CLASSIFIERS.items():
        for n_classes in (2, 4):
            X, y = table(n_classes)
            model = em.MLPClassifier(**{**shared, **options}).fit(X, y)
            yield f"{name}, {n_classes} classes", estimated(model, X)
    X, y = table(4)
    both = np.stack([y == "a", y == "b"], axis=1)
    yield "several labels", estimated(em.MLPClassifier(**shared).fit(X, both), X)
    warm = em.MLPClassifier(warm_start=True, **shared).fit(X, y)
    yield "fitted twice", estimated(warm.fit(X, y), X)
    part = em.MLPClassifier(**shared)
    for begin in range(0, 300, 100):
        batch = slice(begin, begin + 100)
        part.partial_fit(X[batch], y[batch], classes=np.unique(y))
    yield "in parts", estimated(part, X)
    yield "to scikit-learn", estimated(part.to_sklearn(), X)
    yield "from scikit-learn", estimated(em.from_sklearn(part.to_sklearn()), X)
    for loss in ("squared_error", "absolute_error", "huber", "poisson"):
        for n_outputs in (1, 3):
            Y = abs(X[:, :n_outputs] * 2 + X[:, 3:4]).squeeze()
            model = em.MLPRegressor(loss=loss, activation="elu", **shared)
            yield f"{loss}, {n_outputs} outputs", estimated(model.fit(X, Y), X)


def files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the digests of what is written and read."""
    X = samples()
    y = targets("softmax", len(X), 5)
    net = em.Network([9, 17, 5], activation="gelu", normalization="batch", rng=1)
    em.train(net, X, y, epochs=2, rng=2, n_threads=1)
    net.save(folder / "model.safetensors")
    yield "a model file", digest(*state(em.load_network(folder / "model.safetensors"), X, 1))
    em.export.to_c(net, folder / "c")
    yield "C", digest(*(path.read_bytes() for path in sorted((folder / "c").iterdir())))
    parts = em.export.to_torch_state_dict(net)
    yield "PyTorch's names", digest([*parts], *(np.asarray(array) for array in parts.values()))
    try:
        em.export.to_onnx(net, folder / "model.onnx")
    except ImportError:
        return
    yield "ONNX", digest((folder / "model.onnx").read_bytes())


def study(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the digests of the runs of a quick study on digits."""
    command = "import sys; from eigenmlp.cli import main; sys.argv[0] = 'eigenmlp'; main()"
    parts = "m0,m1,m2,fig3b,fig7,clipping,norm"
    options = ["--dataset", "digits", "--quick", "--only", parts, "--jobs", "1"]
    subprocess.run(  # noqa: S603  this Python
        [sys.executable, "-c", command, "study", *options, "--output", str(folder / "study")],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "200"},
    )
    with (folder / "study" / "runs.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            name = f"{row['run']}-seed{row['seed']}"
            columns = [*row]
            measured = columns[columns.index("epochs_run") :]
            scored = [[column, row[column]] for column in measured if column != "seconds"]
            kept = [
                folder / "study/runs" / name / f"{which}.safetensors" for which in ("last", "best")
            ]
            flat = [em.load_network(path).get_flat_parameters() for path in kept]
            yield name, digest(scored, *flat)


def cases(n_threads: int, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the digest of every case that computes on threads."""
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
    for name, options in TRAINING.items():
        yield f"training, {name}", trained([17, 9], {"dropout": 0.1}, options, n_threads)
    resuming: Mapping[str, Options] = {
        "constant rate": {},
        "rate a step": TRAINING["rate a step"],
        "bounded": {"clip_norm": 0.1, "l2": 0.01},
    }
    for name, options in resuming.items():
        kept = folder / f"{name} {n_threads}"
        yield f"checkpoint, {name}", resumed(options, n_threads, kept)
    for name, value in estimators(n_threads):
        yield f"estimator, {name}", value


def everything() -> dict[str, str]:
    """Return the digest of every case by its name."""
    # That few epochs are too few.
    warnings.simplefilter("ignore", ConvergenceWarning)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        found = dict(cases(1, folder))
        for n_threads in (2, 3):
            for name, value in cases(n_threads, folder):
                if found[name] != value:
                    found[f"{name}, on {n_threads} threads"] = value
        found |= {f"file, {name}": value for name, value in files(folder)}
        found |= {f"study, {name}": value for name, value in study(folder)}
    return found


def main() -> int:
    """Print the digests, or how they differ from others; 1 if they do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="an earlier output to compare with")
    options = parser.parse_args()
    found = everything()
    total = digest(found)
    lines = [f"{value}  {name}" for name, value in found.items()]
    lines.append(f"{total}  all {len(found)}, {em.instruction_set()}, NumPy {np.__version__}")
    if options.against is None:
        print("\n".join(lines))
        return 0
    before = dict(
        reversed(line.split("  ", 1)) for line in options.against.read_text().splitlines()[:-1]
    )
    differing = [
        name for name in before.keys() | found.keys() if before.get(name) != found.get(name)
    ]
    for name in sorted(differing):
        print(f"{name}: {before.get(name, 'not there')} before, {found.get(name, 'not there')} now")
    print(f"{len(differing)} of {len(before.keys() | found.keys())} cases differ")
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main())
