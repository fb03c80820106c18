"""Runs are trained as their specs say, once, and with the same bits however they are spread."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import balanced_accuracy_score, f1_score, r2_score, recall_score

import eigenmlp as em
from eigenmlp import sweeps
from eigenmlp.schedules import as_schedule
from eigenmlp.study.noise import NOISE_LEVELS, accuracy_under_noise
from eigenmlp.study.outputs import write_predictions
from eigenmlp.sweeps import Data, EarlyStoppingSpec, Metrics, RunFailure, RunResult, RunSpec, Store
from eigenmlp.sweeps.display import Display
from eigenmlp.sweeps.executors import engine_for, local
from eigenmlp.sweeps.results import Outcome
from eigenmlp.sweeps.runner import run_specs
from eigenmlp.sweeps.trial import run_spec, training_cost
from tiny_study import content, tiny_data, tiny_runs_data, tiny_spec

DATA = tiny_runs_data()
SPECS = [
    tiny_spec("full-batch", batch_size=None, evaluate_train=False, epochs=30),
    tiny_spec("adam", optimizer=em.optimizers.Adam(), learning_rate=0.01),
    tiny_spec("adamw", optimizer=em.optimizers.AdamW()),
    tiny_spec("weight-decay", l2=0.05, l2_biases=True, init="torch_linear"),
    tiny_spec("divided", l2=0.5, l2_divided=True),
    tiny_spec(
        "stopping",
        learning_rate=em.schedules.linear(1.0, final=0.01, epochs=200),
        epochs=200,
        early_stopping=EarlyStoppingSpec(patience=3, min_delta=0.01),
    ),
    tiny_spec(
        name="later",
        activation="gelu",
        dropout=0.2,
        normalization="batch",
        loss=em.losses.CrossEntropy(0.1),
        clip_norm=0.5,
        rate_factors={"biases": 0.5},
    ),
    tiny_spec("decayed-norm", l2=0.05, l2_biases=True, normalization="batch"),
]


def _run(
    output: Path, specs: Sequence[RunSpec], *, jobs: int = 1, data: Data = DATA
) -> tuple[list[Outcome], str]:
    """Return outcomes and what was shown."""
    with (output.parent / f"{output.name}.log").open("w+", encoding="utf-8") as shown:
        outcomes = run_specs(
            specs,
            data,
            Store(output / "runs"),
            make_engine=engine_for("threads", jobs, data, len(specs)),
            display=Display(Console(file=shown, width=200), "title"),
            measures={"noise": accuracy_under_noise},
        )
        shown.seek(0)
        return outcomes, shown.read()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, RunResult], str]:
    output = tmp_path_factory.mktemp("study")
    outcomes, shown = _run(output, SPECS)
    results = {run.spec.name: run for run in outcomes if isinstance(run, RunResult)}
    assert list(results) == [spec.name for spec in SPECS]
    return output, results, shown


Finished = tuple[Path, dict[str, RunResult], str]


@pytest.mark.parametrize("name", [spec.name for spec in SPECS])
@pytest.mark.parametrize("moment", ["last", "best"])
def test_metrics_are_those_of_the_saved_network(finished: Finished, name: str, moment: str) -> None:
    run = finished[1][name]
    metrics: Metrics = getattr(run, moment)
    probabilities = getattr(run, f"test_outputs_{moment}")
    network = em.load_network(run.folder / f"{moment}.safetensors")
    for prefix, part in DATA.parts.items():
        scores = network.evaluate(*part)
        assert getattr(metrics, f"{prefix}_loss") == scores.loss
        assert getattr(metrics, f"{prefix}_accuracy") == scores.accuracy
    X, y = DATA.parts["test"]
    np.testing.assert_array_equal(probabilities, network.predict_proba(X))
    assert probabilities.dtype == np.float32
    predicted = network.predict(X)
    assert metrics.test_balanced_accuracy == pytest.approx(balanced_accuracy_score(y, predicted))
    assert metrics.test_macro_f1 == pytest.approx(f1_score(y, predicted, average="macro"))
    assert metrics.test_recall == pytest.approx(recall_score(y, predicted, average=None))


@pytest.mark.parametrize("name", [spec.name for spec in SPECS])
def test_noise_is_measured_from_none_on(finished: Finished, name: str) -> None:
    run = finished[1][name]
    network = run.network()
    X, y = DATA.parts["test"]
    assert run.best.further["noise"][0] == run.best.test_accuracy
    pattern = np.random.default_rng(0).standard_normal(X.shape, dtype=np.float32)
    noisy = X + 0.5 * pattern / DATA.input_scale
    assert NOISE_LEVELS[-1] == 0.5
    assert run.best.further["noise"][-1] == network.evaluate(noisy, y).accuracy
    assert run.best.further["noise"] == accuracy_under_noise(network, X, y)


def test_a_class_without_test_images_has_no_recall(tmp_path: Path) -> None:
    assert DATA.class_names is not None
    data = dataclasses.replace(DATA, class_names=(*DATA.class_names, "none"))
    ((run,), _) = _run(tmp_path / "x", SPECS[:1], data=data)
    assert isinstance(run, RunResult)
    assert math.isnan(run.last.test_recall[3])
    assert run.last.test_balanced_accuracy == pytest.approx(np.mean(run.last.test_recall[:3]))


@pytest.mark.parametrize("name", [spec.name for spec in SPECS])
def test_both_moments_are_the_ends_that_the_history_tells(finished: Finished, name: str) -> None:
    run = finished[1][name]
    val_losses = run.history["val_loss"]
    assert run.best_epoch == int(np.argmin(val_losses))
    assert run.best.val_loss == val_losses[run.best_epoch]
    assert run.last.val_loss == val_losses[-1]
    if run.spec.batch_size is None:  # before the update of the epoch, so one epoch late
        assert run.last.train_loss < run.history["train_loss"][-1]
    else:
        assert run.last.train_loss == run.history["train_loss"][-1]
    assert 0 < run.seconds < 60
    assert run.history["learning_rate"] == [
        as_schedule(run.spec.learning_rate)(epoch) for epoch in range(run.n_epochs)
    ]


def test_a_run_is_what_train_does_with_these_settings(finished: Finished) -> None:
    run = finished[1]["divided"]
    spec = run.spec
    init, shuffling = np.random.SeedSequence(0).spawn(2)
    network = em.Network([16, 6, 5, 3], input_scale=1 / 255, rng=np.random.default_rng(init))
    X, y = DATA.train
    history = em.train(
        network,
        X,
        y,
        optimizer=em.optimizers.SGD(),
        learning_rate=0.5,
        batch_size=16,
        epochs=spec.epochs,
        l2=0.5 / 16,
        rng=np.random.default_rng(shuffling),
    )
    assert history.n_epochs == run.n_epochs == 8
    saved = em.load_network(run.folder / "last.safetensors")
    np.testing.assert_array_equal(saved.get_flat_parameters(), network.get_flat_parameters())


def test_the_penalty_is_recorded_as_the_gradient_has_it(finished: Finished) -> None:
    for name, l2, biases in (
        ("weight-decay", 0.05, True),
        ("divided", 0.5 / 16, False),
        ("decayed-norm", 0.05, True),
    ):
        run = finished[1][name]
        network = em.load_network(run.folder / "last.safetensors")
        others = [*network.biases, *network.gains, *network.shifts] if biases else []
        arrays = [*network.weights, *(array for array in others if array is not None)]
        expected = l2 / 2 * sum(float((a.astype(float) ** 2).sum()) for a in arrays)
        assert run.history["l2_penalty"][-1] == pytest.approx(expected, rel=1e-9)
        assert len(run.history["l2_penalty"]) == run.n_epochs
    assert "l2_penalty" not in finished[1]["adam"].history


def test_losses_are_without_the_smoothing_that_is_trained(finished: Finished) -> None:
    run = finished[1]["later"]
    history = run.history
    assert run.spec.loss == em.losses.CrossEntropy(0.1)
    assert history["train_loss"][-1] == run.last.train_loss
    assert history["val_loss"][-1] == run.last.val_loss
    assert history["val_loss"][run.best_epoch] == min(history["val_loss"]) == run.best.val_loss


def test_early_stopping_ends_a_run_after_its_patience(finished: Finished) -> None:
    run = finished[1]["stopping"]
    assert run.stopped_early
    assert not finished[1]["adam"].stopped_early
    best, waited = math.inf, [0]
    for loss in run.history["val_loss"]:
        waited.append(0 if loss < best - 0.01 else waited[-1] + 1)
        best = loss if waited[-1] == 0 else best
    assert waited.index(3) == run.n_epochs < 200


def test_runs_have_the_same_bits_for_any_number_of_jobs(finished: Finished, tmp_path: Path) -> None:
    outcomes, _ = _run(tmp_path / "two", SPECS, jobs=2)
    assert [outcome.spec for outcome in outcomes] == SPECS
    for spec in SPECS:
        name = f"{spec.name}-seed0"
        assert content(finished[0] / "runs" / name) == content(tmp_path / "two" / "runs" / name)


def test_seeds_decide_weights_and_order(finished: Finished, tmp_path: Path) -> None:
    spec = SPECS[1]
    again, other = _run(tmp_path, [spec, spec.with_seed(1)])[0]
    assert isinstance(again, RunResult)
    assert isinstance(other, RunResult)
    assert other.folder.name == "adam-seed1"
    assert content(again.folder) == content(finished[1]["adam"].folder)
    assert other.history["train_loss"][0] != again.history["train_loss"][0]


def _identity(folder: Path) -> dict[str, tuple[int, int]]:
    """Which files these are, and when they were written."""
    paths = [folder, *folder.iterdir()]
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


def test_finished_runs_are_not_repeated_and_changed_ones_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = [tiny_spec("a"), tiny_spec("b"), tiny_spec("c")]
    first, shown = _run(tmp_path, specs)
    assert "title: 3 runs, 3 to train, 1 at a time." in shown
    before = {spec.name: _identity(tmp_path / "runs" / f"{spec.name}-seed0") for spec in specs}
    trained: list[str] = []

    def counted(spec: RunSpec, *rest: Any, **options: Any) -> Any:
        trained.append(spec.name)
        return run_spec(spec, *rest, **options)

    monkeypatch.setattr(local, "run_spec", counted)
    changed = tiny_spec("b", l2=0.25)
    (tmp_path / "runs" / "c-seed0" / "history.csv").write_text("train_loss\n0.5\n")
    second, shown = _run(tmp_path, [specs[0], changed, specs[2]])
    assert sorted(trained) == ["b", "c"]
    assert _identity(tmp_path / "runs" / "a-seed0") == before["a"]
    assert repr(second[0]) == repr(first[0])
    assert "title: 3 runs, 1 found on disk, 2 to train, 1 at a time." in shown
    assert (
        "b (seed 0) is run again and its folder replaced: its specification has changed." in shown
    )
    assert "c (seed 0) is run again and its folder replaced: history.csv is not as it was" in shown
    assert second[1].spec == changed
    assert isinstance(second[1], RunResult)
    assert "l2_penalty" in second[1].history
    assert second[2].history["val_loss"] == first[2].history["val_loss"]
    trained.clear()
    third, shown = _run(tmp_path, [specs[0], changed, specs[2]])
    assert not trained
    assert repr(third) == repr(second)
    assert "title: 3 runs, 3 found on disk.\n" in shown


@pytest.mark.parametrize("loss", ["quantile", em.losses.Huber(0.5)])
def test_runs_that_predict_numbers(tmp_path: Path, loss: Any) -> None:
    parts = {
        name: None if part is None else (part[0], part[0][:, :2].astype(float) / 255)
        for name, part in (
            ("train", DATA.train),
            ("validation", DATA.validation),
            ("test", DATA.test),
        )
    }
    numbers = Data(input_scale=1 / 255, **parts)  # type: ignore[arg-type]
    spec = tiny_spec(loss=loss, activation=["selu", "mish"], learning_rate=0.05)
    runs = sweeps.run([spec], numbers, tmp_path, executor="threads", progress=False)
    (run,) = runs
    assert isinstance(run, RunResult)
    network = run.network()
    X, y = numbers.parts["test"]
    assert run.best.test_loss == network.evaluate(X, y, loss=loss).loss
    assert run.best.test_r2 == r2_score(y, network.predict(X))
    assert math.isnan(run.best.test_accuracy)
    assert np.array_equal(run.outputs(), network.predict_outputs(X))
    assert "val_accuracy" not in run.history
    assert repr(Store(tmp_path).load(spec, numbers)) == repr(run)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_diverges_does_not_stop_the_others(tmp_path: Path, jobs: int) -> None:
    wild = tiny_spec("wild", learning_rate=1e30)
    specs = [wild, tiny_spec("calm")]
    for attempt in range(2):
        (failure, success), shown = _run(tmp_path, specs, jobs=jobs)
        assert isinstance(failure, RunFailure)
        assert "training diverged in epoch 0" in failure.message
        assert "Try a smaller learning rate" in failure.message
        assert isinstance(success, RunResult)
        assert ("wild (seed 0) diverged: training diverged" in shown) == (attempt == 0)


def test_every_run_that_ends_is_told_in_a_line(finished: Finished) -> None:
    shown = finished[2].splitlines()
    assert shown[0] == f"title: {len(SPECS)} runs, {len(SPECS)} to train, 1 at a time."
    counted = [f"[{k}/{len(SPECS)}]" for k in range(1, len(SPECS) + 1)]
    assert [line[:5] for line in shown[1:]] == counted
    run = finished[1]["adam"]
    assert any(
        f"adam (seed 0): test accuracy {run.last.test_accuracy:.3f}, best validation loss "
        f"{run.best.val_loss:.4f} at epoch {run.best_epoch} of 8" in line
        for line in shown
    )


def test_predictions_are_those_of_the_best_weights(finished: Finished, tmp_path: Path) -> None:
    run = next(run for run in finished[1].values() if run.best_epoch < run.n_epochs - 1)
    unlabelled = tiny_data().unlabelled
    assert unlabelled is not None
    write_predictions(tmp_path / "predictions.csv", run, unlabelled, ("row", "column", "neither"))
    header, *rows = (tmp_path / "predictions.csv").read_text("utf-8").splitlines()
    assert header == "probability_row,probability_column,probability_neither"
    best = em.load_network(run.folder / "best.safetensors").predict_proba(unlabelled)
    np.testing.assert_array_equal(np.array([row.split(",") for row in rows], np.float32), best)
    last = em.load_network(run.folder / "last.safetensors").predict_proba(unlabelled)
    assert not np.array_equal(best, last)


def test_the_longest_run_starts_first(finished: Finished) -> None:
    """By the plain count of multiplications and additions: 96 training, 12 validation samples."""
    weights = 16 * 6 + 6 * 5 + 5 * 3
    per_sample = 2 * weights + 2 * weights + 2 * (weights - 16 * 6)
    full_batch = 30 * (96 * per_sample + 12 * 2 * weights)
    assert training_cost(SPECS[0], DATA) == full_batch
    assert training_cost(SPECS[1], DATA) == 8 * (96 * per_sample + (96 + 12) * 2 * weights)
    order = sorted(SPECS, key=lambda spec: training_cost(spec, DATA), reverse=True)
    lines = finished[2].splitlines()[1:]
    assert [line.split()[1] for line in lines] == [spec.name for spec in order]
