"""eigenmlp's estimators beside scikit-learn's: the same tables, settings and seeds.

python benchmarks/estimators.py [--seeds 10] [--images IDX --labels IDX] [--output FOLDER]

For every table both are trained with each seed, one after the other on one thread. A table's times
count only if the mean difference of the test scores is less than one standard error of scikit-
learn's, and the fits took equally many epochs. With --images and --labels, files in the format of
MNIST's test images, these are another table.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import eigenmlp as em
from machine import cpus_for, facts


@dataclass(frozen=True)
class Table:
    name: str
    X: Any
    y: Any
    classes: bool
    settings: dict[str, Any]


@dataclass(frozen=True)
class Result:
    table: str
    dtype: str
    samples: int
    features: int
    score: float
    their_score: float
    standard_error: float
    milliseconds_an_epoch: float
    their_milliseconds_an_epoch: float
    ratio: float
    ratio_spread: float
    agrees: bool


def houses(n_samples: int = 20640) -> tuple[Any, Any]:
    """Draw a table like California's houses: 8 features, a smooth target, noise with outliers."""
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            rng.gamma(4, 1, n_samples),
            rng.uniform(1, 52, n_samples),
            rng.gamma(10, 0.5, n_samples),
            rng.gamma(20, 0.05, n_samples),
            rng.lognormal(7, 0.7, n_samples),
            rng.gamma(9, 0.33, n_samples),
            rng.uniform(32.5, 42, n_samples),
            rng.uniform(-124, -114, n_samples),
        ]
    )
    coast = np.abs(X[:, 7] + 119 + 0.6 * (X[:, 6] - 36))
    price = 0.45 * X[:, 0] + 1.5 * np.exp(-coast) + 0.1 * np.log(X[:, 4]) - 0.2 * X[:, 5]
    return X, np.clip(price + 0.3 * rng.standard_t(5, n_samples), 0.15, 5.0)


def tables(images: str | None, labels: str | None) -> list[Table]:
    sources: list[tuple[str, tuple[Any, Any], bool, dict[str, Any]]] = [
        ("digits", load_digits(return_X_y=True), True, {"max_iter": 60}),
        ("breast cancer", load_breast_cancer(return_X_y=True), True, {"max_iter": 100}),
        ("diabetes", load_diabetes(return_X_y=True), False, {"learning_rate_init": 0.01}),
        ("houses (synthetic)", houses(), False, {"max_iter": 30}),
    ]
    if images and labels:
        pixels, classes = em.datasets.read_arrays(images, labels)
        X = pixels.reshape(len(pixels), -1) / 255
        sources.append((Path(images).name, (X, classes), True, {"max_iter": 15}))
    return [Table(name, X, y, classes, used) for name, (X, y), classes, used in sources]


def fit(estimator: Any, X: Any, y: Any) -> float:
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(X, y)
    return time.perf_counter() - start


def compare(table: Table, dtype: str, seeds: int) -> Result:
    ours, theirs = (
        (em.MLPClassifier, MLPClassifier) if table.classes else (em.MLPRegressor, MLPRegressor)
    )
    scores, their_scores, ratios = [], [], []
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    same_epochs = True
    for seed in range(seeds):
        X, X_test, y, y_test = train_test_split(
            table.X, table.y, random_state=seed, stratify=table.y if table.classes else None
        )
        scaler = StandardScaler().fit(X)
        X, X_test = (scaler.transform(part).astype(dtype) for part in (X, X_test))
        y = y if table.classes else y.astype(dtype)
        pair = {
            "ours": ours(random_state=seed, n_threads=1, **table.settings),
            "theirs": theirs(random_state=seed, **table.settings),
        }
        order = ("ours", "theirs") if seed % 2 else ("theirs", "ours")
        for name in order:
            seconds = fit(pair[name], X, y)
            times[name].append(1e3 * seconds / pair[name].n_iter_)
        ratios.append(times["theirs"][-1] / times["ours"][-1])
        same_epochs &= abs(pair["ours"].n_iter_ - pair["theirs"].n_iter_) <= 2
        scores.append(pair["ours"].score(X_test, y_test))
        their_scores.append(pair["theirs"].score(X_test, y_test))
    error = float(np.std(their_scores, ddof=1) / np.sqrt(seeds))
    low, high = np.percentile(ratios, [25, 75])
    difference = abs(float(np.mean(scores) - np.mean(their_scores)))
    return Result(
        table.name,
        dtype,
        table.X.shape[0],
        table.X.shape[1],
        float(np.mean(scores)),
        float(np.mean(their_scores)),
        error,
        float(np.median(times["ours"])),
        float(np.median(times["theirs"])),
        float(np.median(ratios)),
        float(high - low) / 2,
        same_epochs and difference < error,
    )


def row(result: Result) -> str:
    agrees = "" if result.agrees else " (scores differ: not counted)"
    return (
        f"| {result.table} | {result.samples} × {result.features} | {result.dtype} "
        f"| {result.score:.4f} | {result.their_score:.4f} | {result.standard_error:.4f} "
        f"| {result.ratio:.2f} ± {result.ratio_spread:.2f}{agrees} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="seeds of each table, 2 or more")
    parser.add_argument("--dtypes", default="float32,float64", help="float32, float64 or both")
    parser.add_argument("--images", help="IDX file of images, for another table")
    parser.add_argument("--labels", help="IDX file of their labels")
    parser.add_argument("--output", type=Path, help="folder for the results as JSON")
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        raise SystemExit(f"--seeds={arguments.seeds} gives no standard error; pass 2 or more")
    os.sched_setaffinity(0, cpus_for(1))
    threadpool_limits(1)
    print("| table | size | dtype | score | scikit-learn's | its standard error | times as fast |")
    print("|---|---|---|---:|---:|---:|---:|")
    results = []
    for table in tables(arguments.images, arguments.labels):
        for dtype in arguments.dtypes.split(","):
            results.append(compare(table, dtype, arguments.seeds))
            print(row(results[-1]), flush=True)
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        content = {"machine": facts(), "results": [asdict(result) for result in results]}
        path = arguments.output / "estimators.json"
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
