"""Logs of training that was interrupted and resumed: the whole run's, each epoch once."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import eigenmlp as em
from eigenmlp.callbacks import Callback, CSVLogger, JSONLinesLogger, TensorBoardLogger


def csv_rows(path: Path) -> list[tuple[int, float]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(int(row["epoch"]), float(row["train_loss"])) for row in csv.DictReader(file)]


def json_rows(path: Path) -> list[tuple[int, float]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [(row["epoch"], row["train_loss"]) for row in rows]


def shown(folder: Path) -> list[tuple[int, float]]:
    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    reader.Reload()
    return [(event.step, event.value) for event in reader.Scalars("train_loss")]


class Interrupt(Callback):
    """Ctrl-C in the fourth epoch, whose checkpoint is not written."""

    def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
        if state.epoch == 3:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("make", "read"),
    [(CSVLogger, csv_rows), (JSONLinesLogger, json_rows), (TensorBoardLogger, shown)],
)
def test_a_resumed_run_has_one_log(
    make: Callable[[Path], Callback],
    read: Callable[[Path], list[tuple[int, float]]],
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.integers(0, 2, 40)
    log, folder = tmp_path / "log", tmp_path / "run"

    def run(*interrupt: Callback) -> em.History:
        return em.train(
            em.Network([3, 2], rng=0),
            X,
            y,
            epochs=6,
            rng=0,
            callbacks=[make(log), *interrupt, em.callbacks.Checkpoint(folder)],
            resume_from=folder,
        )

    with pytest.raises(KeyboardInterrupt):
        run(Interrupt())
    assert [epoch for epoch, _ in read(log)] == [0, 1, 2, 3]
    history = run()
    epochs, losses = zip(*read(log), strict=True)
    assert epochs == (0, 1, 2, 3, 4, 5)
    np.testing.assert_allclose(losses, history["train_loss"], rtol=1e-7)
