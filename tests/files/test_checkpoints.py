"""Runs that die and go on end with the bits of runs that never died."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.callbacks import Callback, Checkpoint, TrainingState
from resumable_run import (
    EPOCHS,
    VALIDATION,
    X,
    Y,
    broken_off,
    columns,
    network,
    stopping,
    train,
)

OPTIMIZERS = [
    em.optimizers.SGD,
    lambda: em.optimizers.SGD(0.9, nesterov=True),
    em.optimizers.Adam,
    lambda: em.optimizers.Adam(amsgrad=True),
    em.optimizers.AdamW,
]
BIT_GENERATORS = [
    np.random.PCG64,
    np.random.PCG64DXSM,
    np.random.MT19937,
    np.random.Philox,
    np.random.SFC64,
]


def check_same(uninterrupted: Any, resumed: Any) -> None:
    assert resumed[0].tobytes() == uninterrupted[0].tobytes()
    assert columns(resumed[1]) == columns(uninterrupted[1])


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_every_optimizer_goes_on_to_the_same_bits(tmp_path: Path, make: Any) -> None:
    whole = train(optimizer=make())
    broken_off(tmp_path, optimizer=make())
    check_same(whole, train(optimizer=make(), resume_from=tmp_path))


@pytest.mark.parametrize("kind", BIT_GENERATORS)
def test_every_bit_generator_goes_on(tmp_path: Path, kind: Any) -> None:
    whole = train(rng=np.random.Generator(kind(3)))
    broken_off(tmp_path, rng=np.random.Generator(kind(3)))
    # What it is seeded with doesn't matter any more.
    check_same(whole, train(rng=np.random.Generator(kind(4)), resume_from=tmp_path))


@pytest.mark.parametrize(
    "options",
    [
        {"network": "float64"},
        {"batch_size": None},
        {"shuffle": False},
        {"schedule_unit": "step", "learning_rate": em.schedules.cosine(0.02, 0.001, 60)},
        {"sample_weight": np.arange(150) % 3, "class_weight": "balanced"},
        {"metrics": ["f1_macro"], "evaluate_train": True, "penalized_loss": True, "l2": 0.01},
        {"clip_norm": 0.1, "clip_value": 0.05},
        {"rate_factors": {"biases": 0.5, 1: 2.0}},
    ],
)
def test_every_option_goes_on(tmp_path: Path, options: dict[str, Any]) -> None:
    def given() -> dict[str, Any]:
        wide = options.get("network") == "float64"
        return {**options, "network": network(dtype="float64") if wide else network()}

    whole = train(**given())
    broken_off(tmp_path, **given())
    check_same(whole, train(resume_from=tmp_path, **given()))


@pytest.mark.parametrize("after", range(EPOCHS))
def test_a_run_goes_on_from_any_epoch(tmp_path: Path, after: int) -> None:
    whole = train(learning_rate=0.01)
    broken_off(tmp_path, after=after, learning_rate=0.01)
    go_on = train(Checkpoint(tmp_path), learning_rate=0.01, resume_from=tmp_path)
    check_same(whole, go_on)


def test_early_stopping_goes_on_and_restores_the_best(tmp_path: Path) -> None:
    whole_stopping, resumed_stopping = stopping(), stopping()
    whole = train(whole_stopping, epochs=100)
    stopped = whole_stopping.stopped_epoch
    assert stopped is not None
    broken_off(tmp_path, stopping(), after=stopped - 1, epochs=100)
    check_same(whole, train(resumed_stopping, epochs=100, resume_from=tmp_path))
    assert resumed_stopping.best_epoch == whole_stopping.best_epoch
    assert resumed_stopping.stopped_epoch == stopped


def test_a_finished_run_is_taken_back_and_not_trained_on(tmp_path: Path) -> None:
    first, second = stopping(), stopping()
    whole = train(first, Checkpoint(tmp_path, every=1000), epochs=100)
    assert whole[1].n_epochs < 100
    check_same(whole, train(second, epochs=100, resume_from=tmp_path))
    assert second.stopped_epoch == first.stopped_epoch


def test_more_epochs_may_be_asked_for(tmp_path: Path) -> None:
    train(Checkpoint(tmp_path), epochs=7)
    check_same(train(), train(resume_from=tmp_path))


def test_a_network_of_another_seed_is_put_in_the_place_of_the_first(tmp_path: Path) -> None:
    whole = train()
    broken_off(tmp_path)
    other = em.Network([6, 10, 3], dropout=0.2, normalization="batch", rng=99)
    check_same(whole, train(network=other, resume_from=tmp_path))


def test_a_run_broken_off_twice_goes_on(tmp_path: Path) -> None:
    whole = train()
    broken_off(tmp_path, after=3)
    broken_off(tmp_path, after=8, resume_from=tmp_path)
    check_same(whole, train(resume_from=tmp_path))


def test_one_command_begins_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    broken_off(folder, resume_from=folder)
    check_same(train(), train(Checkpoint(folder), resume_from=folder))


class LossSum(Callback):
    """A callback of a user's own that training depends on."""

    def __init__(self) -> None:
        self.sums = np.zeros(2)

    def on_epoch_end(self, state: TrainingState) -> bool:
        self.sums += state.history.last["train_loss"]
        return bool(self.sums[0] > 7)

    def state_dict(self) -> dict[str, Any]:
        return {"sums": self.sums}

    def load_state_dict(self, state: Any) -> None:
        self.sums = state["sums"]


def test_what_a_callback_remembers_is_kept(tmp_path: Path) -> None:
    whole = train(LossSum())
    assert 6 < whole[1].n_epochs < EPOCHS
    broken_off(tmp_path, LossSum())
    check_same(whole, train(LossSum(), resume_from=tmp_path))


def test_callbacks_see_the_epochs_before(tmp_path: Path) -> None:
    seen = []

    class Look(Callback):
        def on_train_begin(self, state: TrainingState) -> None:
            seen.append((state.epoch, state.history.n_epochs, state.resumed_from))

    broken_off(tmp_path, Look())
    train(Look(), resume_from=str(tmp_path))
    assert seen == [(-1, 0, None), (4, 5, tmp_path)]


def test_the_optimizer_object_takes_the_checkpoints_place(tmp_path: Path) -> None:
    """Moments of its own for the same network are given up."""
    whole = train()
    broken_off(tmp_path, optimizer=em.optimizers.Adam())
    net, adam = network(), em.optimizers.Adam()
    em.train(net, X, Y, optimizer=adam, epochs=2)
    check_same(whole, train(network=net, optimizer=adam, resume_from=tmp_path))


def test_validation_weights_are_part_of_the_data(tmp_path: Path) -> None:
    weights = np.ones(40)
    broken_off(tmp_path, validation_data=(*VALIDATION, weights))
    weights[3] = 2
    with pytest.raises(em.CheckpointError, match="weights_val was float64 of shape"):
        train(validation_data=(*VALIDATION, weights), resume_from=tmp_path)
