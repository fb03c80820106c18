"""Study results that look like real ones, made without training, for the tests of the report."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import (
    balanced_accuracy_score,
    f1_score,
    recall_score,
)

from eigenmlp.history import History
from eigenmlp.schedules import as_schedule
from eigenmlp.study.data import StudyData
from eigenmlp.study.noise import NOISE_LEVELS
from eigenmlp.study.origin import Origin
from eigenmlp.study.results import StudyResults
from eigenmlp.study.study import GROUPS, SPECS
from eigenmlp.sweeps.results import Metrics, Place, RunFailure, RunResult
from eigenmlp.sweeps.specs import RunSpec

KANA = (
    "あいうえおかきくけこさしすせそたちつてとなにぬねの"
    "はひふへほまみむめもやゆよらりるれろわゐゑをんゝ"
)


def make_data(
    *, n_classes: int = 5, n_samples: int = 100, side: int = 8, name: str = "glyphs"
) -> StudyData:
    """Return images that show a bar at a place that depends on the class."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, n_samples)
    images = rng.integers(0, 60, (n_samples, side, side))
    for image, label in zip(images, y, strict=True):
        image[label * side // n_classes, 1:-1] += 190
    order = rng.permutation(n_samples)
    return StudyData(
        name=name,
        description="Synthetic bars.",
        X=images.reshape(n_samples, -1).astype(np.uint8),
        y=y,
        split=tuple(np.split(order, [int(0.6 * n_samples), int(0.7 * n_samples)])),  # type: ignore[arg-type]
        class_names=tuple(KANA[:n_classes]),
        image_shape=(side, side),
        unlabelled=None,
        input_scale=1 / 255,
        origin=Origin(dataset=name),
    )


def _probabilities(data: StudyData, skill: float, rng: np.random.Generator) -> np.ndarray:
    y = data.y[data.split[2]]
    scores = rng.normal(size=(len(y), data.n_classes))
    scores[np.arange(len(y)), y] += skill
    odds = np.exp(scores)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), dtype=np.float32)


def _metrics(data: StudyData, probabilities: np.ndarray, history: History, epoch: int) -> Metrics:
    y, predicted = data.y[data.split[2]], probabilities.argmax(axis=1)
    labels = np.arange(data.n_classes)
    present = np.unique(y)
    recall = recall_score(y, predicted, labels=labels, average=None, zero_division=np.nan)
    return Metrics(
        train_loss=history["train_loss"][epoch],
        train_accuracy=history["train_accuracy"][epoch],
        val_loss=history["val_loss"][epoch],
        val_accuracy=history["val_accuracy"][epoch],
        test_loss=float(-np.log(probabilities[np.arange(len(y)), y]).mean()),
        test_accuracy=float(np.mean(predicted == y)),
        test_balanced_accuracy=float(balanced_accuracy_score(y, predicted)),
        test_macro_f1=float(f1_score(y, predicted, labels=present, average="macro")),
        test_recall=tuple(float(r) for r in recall),
        further={
            "noise": tuple(float(np.mean(predicted == y)) * (1 - level) for level in NOISE_LEVELS)
        },
    )


def make_history(spec: RunSpec, rng: np.random.Generator) -> History:
    """Return losses that fall, and a validation loss that rises again."""
    epochs = min(spec.epochs, 60) if spec.early_stopping else spec.epochs
    t = np.arange(epochs)
    scale = rng.uniform(0.2, 0.6) * epochs
    train = 0.08 + 3.8 * np.exp(-t / scale) * rng.uniform(0.98, 1.02, epochs)
    columns = {
        "train_loss": train,
        "train_accuracy": 1 - train / 4,
        "val_loss": 1.3 + rng.uniform(0, 1) + 2.4 * np.exp(-2 * t / scale) + 0.5 * t / epochs,
        "val_accuracy": 0.66 - 0.6 * np.exp(-2 * t / scale),
        "learning_rate": np.full(epochs, as_schedule(spec.learning_rate)(0)),
        "seconds": np.full(epochs, 0.01),
    }
    if spec.l2:
        columns["l2_penalty"] = spec.l2 * (1.5 - t / epochs)
    return History.from_dict({key: [float(v) for v in column] for key, column in columns.items()})


def make_run(data: StudyData, spec: RunSpec) -> RunResult:
    """Return a finished run."""
    rng = np.random.default_rng([spec.seed, *spec.name.encode()])
    history = make_history(spec, rng)
    best_epoch, _ = history.best("val_loss")
    last = _probabilities(data, rng.uniform(1.5, 2.5), rng)
    best = _probabilities(data, rng.uniform(2.0, 3.0), rng)
    return RunResult(
        spec=spec,
        history=history,
        best_epoch=best_epoch,
        last=_metrics(data, last, history, -1),
        best=_metrics(data, best, history, best_epoch),
        seconds=float(rng.uniform(1, 9)),
        place=Place(host="here", instruction_set="v3"),
        test_outputs_last=last,
        test_outputs_best=best,
        folder=Path("runs") / spec.name,
    )


def make_study(
    data: StudyData,
    *,
    groups: Sequence[str] = tuple(GROUPS),
    n_seeds: int = 1,
    failed: Sequence[str] = (),
    quick: bool = False,
) -> StudyResults:
    """Return a study of these groups; the runs named in `failed` diverged."""
    wanted = {run for group in groups for run in GROUPS[group]}
    specs = [spec for name, spec in SPECS.items() if name in wanted]
    rng = np.random.default_rng(0)
    runs = {
        spec.name: tuple(make_run(data, spec.with_seed(seed)) for seed in range(n_seeds))
        for spec in specs
        if spec.name not in failed
    }
    failures = {
        spec.name: tuple(
            RunFailure(
                spec=spec.with_seed(seed),
                message="the loss became inf in epoch 7: try a smaller learning rate",
                history=History.from_dict(
                    {key: column[:7] for key, column in make_history(spec, rng).to_dict().items()}
                ),
            )
            for seed in range(n_seeds)
        )
        for spec in specs
        if spec.name in failed
    }
    return StudyResults(
        groups=tuple(groups),
        runs=runs,
        failures=failures,
        n_seeds=n_seeds,
        quick=quick,
        predicted_by=None,
    )
