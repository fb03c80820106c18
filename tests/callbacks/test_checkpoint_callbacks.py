"""What checkpoints keep of callbacks, schedules and functions, and what they refuse."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.callbacks import Callback, Checkpoint, TrainingState
from eigenmlp.files import checkpoints
from eigenmlp.files.checkpoints import Snapshot
from resumable_run import EPOCHS, AtEpoch, X, Y, broken_off, columns, network, train


@dataclass
class Seen(Callback):
    """A representation that shows what is remembered."""

    seen: int = 0

    def on_epoch_end(self, state: TrainingState) -> None:
        self.seen += 1

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state: Any) -> None:
        self.seen = state["seen"]


def test_a_callback_may_show_what_it_remembers(tmp_path: Path) -> None:
    broken_off(tmp_path, Seen())
    seen = Seen()
    train(seen, resume_from=tmp_path)
    assert seen.seen == EPOCHS


class ReducedOnPlateau(Callback):
    """A callback that is the schedule as well."""

    def __init__(self) -> None:
        self.rate = 0.1

    def __call__(self, epoch: int) -> float:
        return self.rate

    def on_epoch_end(self, state: TrainingState) -> None:
        self.rate *= 0.5

    def state_dict(self) -> dict[str, Any]:
        return {"rate": self.rate}

    def load_state_dict(self, state: Any) -> None:
        self.rate = state["rate"]


def test_a_callback_may_be_the_schedule(tmp_path: Path) -> None:
    def options() -> dict[str, Any]:
        return {"learning_rate": ReducedOnPlateau()}

    first, second, third = options(), options(), options()
    whole = train(first["learning_rate"], **first)
    broken_off(tmp_path, second["learning_rate"], **second)
    resumed = train(third["learning_rate"], resume_from=tmp_path, **third)
    assert columns(resumed[1]) == columns(whole[1])


def test_half_a_memory_is_refused(tmp_path: Path) -> None:
    class Half(Callback):
        def state_dict(self) -> dict[str, Any]:
            return {"n": 1}

    with pytest.raises(TypeError, match="Half overrides one of state_dict and load_state_dict"):
        train(Half(), Checkpoint(tmp_path))


@pytest.mark.parametrize(
    "memory",
    [
        {"x": (1, 2)},
        {"x": {1: 2}},
        {"x": {3}},
        {"x": np.float32(1)},
        {"x": [np.zeros(2)]},
        {"x": np.ma.masked_array([1.0, 2.0], [True, False])},
        {"x": np.array(["a"])},
        {1: 2},
        [],
        None,
    ],
)
def test_a_memory_that_would_come_back_changed_is_refused(tmp_path: Path, memory: Any) -> None:
    class Odd(Seen):
        def state_dict(self) -> Any:
            return memory

    with pytest.raises(TypeError, match=r"Odd\(seen=1\).state_dict\(\)"):
        train(Odd(), Checkpoint(tmp_path))


def test_memories_come_back_as_they_were(tmp_path: Path) -> None:
    memory: dict[str, Any] = {
        "a": [1, 2.5, None, True, "é", {"b": [float("inf")]}],
        "scalar": np.array(3.0),
        "big": np.arange(3, dtype=">i2"),
        "strided": np.arange(8)[::-2],
        "empty": np.zeros((0, 2), "f2"),
    }
    back: dict[str, Any] = {}

    class Keeps(Seen):
        def state_dict(self) -> dict[str, Any]:
            return memory

        def load_state_dict(self, state: Any) -> None:
            back.update(state)

    broken_off(tmp_path, Keeps())
    train(Keeps(), resume_from=tmp_path)
    assert back["a"] == memory["a"]
    for name in ("scalar", "big", "strided", "empty"):
        assert back[name].shape == memory[name].shape
        assert (back[name] == memory[name]).all()


def test_a_stop_holds_as_long_as_its_callback_is_there(tmp_path: Path) -> None:
    train(AtEpoch(3, lambda: True), Checkpoint(tmp_path))
    with pytest.warns(RuntimeWarning, match=r"AtEpoch.* stopped this run after epoch 3"):
        _, history = train(AtEpoch(3, lambda: True), resume_from=tmp_path)
    assert history.n_epochs == 4
    resumed = train(resume_from=tmp_path)
    assert resumed[0].tobytes() == train()[0].tobytes()


def order_of(rows: np.ndarray, epoch: int) -> np.ndarray:
    return np.roll(rows, epoch)


def test_arguments_of_functions_are_compared_in_full(tmp_path: Path) -> None:
    rows, others = np.arange(150).repeat(20), np.arange(150).repeat(20)
    others[1500] = 3
    broken_off(tmp_path, shuffle=functools.partial(order_of, rows))
    with pytest.raises(em.CheckpointError, match=r"shuffle was partial of .*order_of with"):
        train(shuffle=functools.partial(order_of, others), resume_from=tmp_path)
    train(shuffle=functools.partial(order_of, rows.copy()), resume_from=tmp_path)


def test_keywords_of_functions_are_compared_too(tmp_path: Path) -> None:
    broken_off(tmp_path, learning_rate=functools.partial(rate_of, last=0.3))
    with pytest.raises(em.CheckpointError, match=r"'last': 0.3.*'last': 0.4"):
        train(learning_rate=functools.partial(rate_of, last=0.4), resume_from=tmp_path)


def rate_of(epoch: int, last: float) -> float:
    return last if epoch == EPOCHS - 1 else 0.01


class Forgets(Seen):
    def load_state_dict(self, state: Any) -> None:
        raise KeyError("seen")


def without_moments(path: Path) -> None:
    found = checkpoints.read(path)
    arrays = {**found.arrays, "moments.1": -found.arrays["moments.1"]}
    checkpoints.write(path.parent, Snapshot(found.n_epochs, found.record, arrays))


@pytest.mark.parametrize("contradicts", [True, False])
def test_what_cant_be_taken_back_changes_nothing(tmp_path: Path, contradicts: bool) -> None:
    broken_off(tmp_path, Forgets(), rng=np.random.default_rng(2))
    if contradicts:
        without_moments(tmp_path / "epoch-00000005.checkpoint")
    net, adam, generator = network(), em.optimizers.Adam(), np.random.default_rng(2)
    em.train(net, X, Y, optimizer=adam, epochs=1)
    before, memory = net.get_flat_parameters(), adam.state_dict(net)
    with pytest.raises(
        em.CheckpointError, match="contradicts itself" if contradicts else "Forgets"
    ):
        train(Forgets(), network=net, optimizer=adam, rng=generator, resume_from=tmp_path)
    assert (net.get_flat_parameters() == before).all()
    assert adam.state_dict(net)["clock"] == memory["clock"]
    assert (adam.state_dict(net)["moments"][0] == memory["moments"][0]).all()
    assert generator.integers(1000) == np.random.default_rng(2).integers(1000)
