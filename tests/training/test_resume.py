"""n + m epochs are n and then m, to the bit: in one process, through copies, files and others."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

N, M = 3, 4

OPTIMIZERS: dict[str, Callable[[], em.optimizers.Optimizer]] = {
    "gradient descent": em.optimizers.SGD,
    "momentum": lambda: em.optimizers.SGD(momentum=0.9),
    "Nesterov": lambda: em.optimizers.SGD(momentum=0.9, nesterov=True),
    "Adam": em.optimizers.Adam,
    "Adam with ε̂": lambda: em.optimizers.Adam(epsilon_hat=True),
    "AMSGrad": lambda: em.optimizers.Adam(beta2=0.7, amsgrad=True),
    "AdamW": lambda: em.optimizers.AdamW(weight_decay=0.1),
    "AdamW with AMSGrad": lambda: em.optimizers.AdamW(decay_biases=True, beta2=0.7, amsgrad=True),
}

precisions = pytest.mark.parametrize("dtype", ["float32", "float64"])
optimizers = pytest.mark.parametrize("name", OPTIMIZERS)


def network(dtype: str) -> em.Network:
    return em.Network(
        [5, 17, 9, 3], activation=["relu", "gelu"], dropout=[0.3, 0.1],
        normalization=["batch", "layer"], dtype=dtype, rng=1,
    )  # fmt: skip


def train(
    net: em.Network, optimizer: em.optimizers.Optimizer, epochs: int, first: int = 0
) -> list[float]:
    """Train from epoch `first` on; the order of an epoch's samples follows from its number."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(45, 5)), rng.integers(0, 3, 45)
    history = em.train(
        net, X, y, optimizer=optimizer, learning_rate=lambda epoch: 0.02 * 0.9 ** (first + epoch),
        batch_size=16, epochs=epochs, clip_norm=1.0, l2=0.01,
        shuffle=lambda epoch: np.random.default_rng(first + epoch).permutation(45),
    )  # fmt: skip
    return [*history["train_loss"]]


def in_one_go(name: str, dtype: str) -> tuple[em.Network, list[float]]:
    net = network(dtype)
    return net, train(net, OPTIMIZERS[name](), N + M)


def check(net: em.Network, losses: list[float], name: str, dtype: str) -> None:
    expected, expected_losses = in_one_go(name, dtype)
    assert losses == expected_losses[-len(losses) :]
    assert net.get_flat_parameters().tobytes() == expected.get_flat_parameters().tobytes()


@optimizers
@precisions
def test_the_same_objects_go_on(name: str, dtype: str) -> None:
    net, optimizer = network(dtype), OPTIMIZERS[name]()
    check(net, train(net, optimizer, N) + train(net, optimizer, M, N), name, dtype)


def by_pickle(net: em.Network, _: Path) -> em.Network:
    twin: em.Network = pickle.loads(pickle.dumps(net))  # noqa: S301
    return twin


def by_file(net: em.Network, folder: Path) -> em.Network:
    net.save(folder / "model.safetensors")
    return em.load_network(folder / "model.safetensors")


def by_values(net: em.Network, _: Path) -> em.Network:
    # The constructor draws the same seed of dropout, and other parameters are overwritten.
    twin = network(net.dtype.name)
    twin.set_flat_parameters(net.get_flat_parameters())
    return twin


WAYS: list[Callable[[em.Network, Path], em.Network]] = [
    lambda net, _: copy.deepcopy(net), by_pickle, by_file, by_values,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=["copy", "pickle", "file", "values"])
@optimizers
@precisions
def test_through_a_copy(
    way: Callable[[em.Network, Path], em.Network], name: str, dtype: str, tmp_path: Path
) -> None:
    net, optimizer = network(dtype), OPTIMIZERS[name]()
    losses = train(net, optimizer, N)
    state = pickle.loads(pickle.dumps(optimizer.state_dict(net)))  # noqa: S301
    twin, other = way(net, tmp_path), OPTIMIZERS[name]()
    other.load_state_dict(twin, state)
    losses += train(twin, other, M, N)
    check(twin, losses, name, dtype)
    # The first ones go on as well: what was handed over is a copy.
    train(net, optimizer, M, N)
    check(net, losses, name, dtype)


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "gradient descent"])
def test_the_state_matters(name: str) -> None:
    """Neither without it nor with that of another moment do the numbers come out the same."""
    expected, _ = in_one_go(name, "float64")
    net, optimizer = network("float64"), OPTIMIZERS[name]()
    train(net, optimizer, N)
    state, values = optimizer.state_dict(net), net.get_flat_parameters()
    for wrong in (
        None,
        {**state, "clock": state["clock"] + 1},
        {**state, "moments": [0.9 * moments for moments in state["moments"]]},
    ):
        net.set_flat_parameters(values)
        other = OPTIMIZERS[name]()
        if wrong is not None:
            other.load_state_dict(net, wrong)
        train(net, other, M, N)
        assert abs(net.get_flat_parameters() - expected.get_flat_parameters()).max() > 1e-6


def test_the_clock_of_gradient_descent_matters() -> None:
    """It has no moments, but its clock says which units are dropped."""
    expected, _ = in_one_go("gradient descent", "float64")
    net, optimizer = network("float64"), em.optimizers.SGD()
    train(net, optimizer, N)
    assert optimizer.state_dict(net) == {"clock": 3 * N, "moments": []}
    train(net, em.optimizers.SGD(), M, N)
    assert abs(net.get_flat_parameters() - expected.get_flat_parameters()).max() > 1e-6


@optimizers
def test_a_state_is_a_copy(name: str) -> None:
    net, optimizer = network("float64"), OPTIMIZERS[name]()
    train(net, optimizer, N)
    state = optimizer.state_dict(net)
    kept: list[NDArray[Any]] = [moments.copy() for moments in state["moments"]]
    train(net, optimizer, 1, N)
    assert state["clock"] == 3 * N
    assert optimizer.state_dict(net)["clock"] == 3 * (N + 1)
    for moments, before in zip(state["moments"], kept, strict=True):
        np.testing.assert_array_equal(moments, before)
        moments[:] = 7
    other = optimizer.state_dict(net)["moments"]
    assert all((moments != 7).all() for moments in other)


CHILD = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
import test_resume
net, state, name = pickle.loads(sys.stdin.buffer.read())
optimizer = test_resume.OPTIMIZERS[name]()
optimizer.load_state_dict(net, state)
losses = test_resume.train(net, optimizer, test_resume.M, test_resume.N)
sys.stdout.buffer.write(pickle.dumps((net, losses)))
"""


def test_in_another_process() -> None:
    name = "AdamW with AMSGrad"
    net, optimizer = network("float32"), OPTIMIZERS[name]()
    train(net, optimizer, N)
    result = subprocess.run(
        [sys.executable, "-c", CHILD, __file__.rpartition("/")[0]],
        input=pickle.dumps((net, optimizer.state_dict(net), name)),
        check=True,
        capture_output=True,
    )
    twin, losses = pickle.loads(result.stdout)  # noqa: S301
    check(twin, losses, name, "float32")


def test_a_diverged_run_ends_in_its_last_finite_epoch() -> None:
    """Running statistics are part of that state; moments and clock start afresh."""
    net, optimizer = network("float32"), em.optimizers.Adam(amsgrad=True)
    twin = copy.deepcopy(net)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(45, 5)), rng.integers(0, 3, 45)
    options: dict[str, Any] = {"batch_size": 16, "shuffle": False}
    with pytest.raises(em.TrainingDivergedError) as caught:
        em.train(
            net, X, y, optimizer=optimizer, epochs=9,
            learning_rate=lambda epoch: 1e-3 if epoch < 2 else 1e38, **options,
        )  # fmt: skip
    assert caught.value.epoch == 2
    em.train(
        twin, X, y, optimizer=em.optimizers.Adam(amsgrad=True), learning_rate=1e-3, epochs=2,
        **options,
    )  # fmt: skip
    assert net.get_flat_parameters().tobytes() == twin.get_flat_parameters().tobytes()
    state = optimizer.state_dict(net)
    assert state["clock"] == 0
    assert not any(moments.any() for moments in state["moments"])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda state: {**state, "moments": state["moments"][:1]}, ValueError, "this state is not"),
        (lambda state: {**state, "moments": []}, ValueError, "this state is not one of Adam"),
        (lambda state: {**state, "clock": -1}, ValueError, "clock=-1"),
        (
            lambda state: {**state, "moments": [m[:-1] for m in state["moments"]]},
            ValueError, r"moments\[0\] has shape",
        ),
        (
            lambda state: {**state, "moments": [m * np.nan for m in state["moments"]]},
            ValueError, r"moments\[0\] holds NaN, infinity",
        ),
        (
            lambda state: {**state, "moments": [state["moments"][0], -1 - state["moments"][1]]},
            ValueError, "a second moment is negative nowhere",
        ),
        (lambda state: {**state, "clock": 2**62 + 1}, ValueError, r"clock is beyond 2\^62"),
        (lambda state: {"clock": state["clock"]}, ValueError, "has no 'clock' and 'moments'"),
        (lambda _: None, ValueError, "has no 'clock' and 'moments'"),
    ],
)  # fmt: skip
def test_a_wrong_state_is_refused_whole(
    change: Callable[[dict[str, Any]], Any], error: type[Exception], message: str
) -> None:
    net, optimizer = network("float64"), em.optimizers.Adam()
    losses = train(net, optimizer, N)
    with pytest.raises(error, match=message):
        optimizer.load_state_dict(net, change(optimizer.state_dict(net)))
    check(net, losses + train(net, optimizer, M, N), "Adam", "float64")
