"""Training on batches that an iterable hands out, beside training on the same ones in memory."""

from __future__ import annotations

import itertools
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import eigenmlp as em
from eigenmlp.callbacks import Callback, Checkpoint, EarlyStopping, TrainingState
from resumable_run import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SIZE = 16
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(150, 5)).astype("f4")
Y = GENERATOR.integers(0, 3, 150)
WEIGHTS = GENERATOR.uniform(0.5, 2, 150)
VALIDATION = (X[:40], Y[:40])


class Batches:
    """Hands out rows of arrays in order, all in the same memory, and counts the walks."""

    def __init__(self, *arrays: NDArray[Any], size: int = SIZE) -> None:
        self._arrays, self._size = arrays, size
        self.walks = 0

    def __iter__(self) -> Iterator[tuple[NDArray[Any], ...]]:
        self.walks += 1
        memory = [np.empty_like(array[: self._size]) for array in self._arrays]
        for first in range(0, len(self._arrays[0]), self._size):
            parts = [array[first : first + self._size] for array in self._arrays]
            for kept, part in zip(memory, parts, strict=True):
                kept[: len(part)] = part
            yield tuple(kept[: len(part)] for kept, part in zip(memory, parts, strict=True))


class Seen(Callback):
    """Keeps the parameters after each epoch, and what else callbacks see."""

    def __init__(self) -> None:
        self.parameters: list[NDArray[Any]] = []
        self.numbers: list[tuple[int, int, int]] = []

    def on_epoch_end(self, state: TrainingState) -> None:
        self.parameters.append(state.network.get_flat_parameters())
        self.numbers.append((state.epoch, state.n_samples, state.batch_size))


def network(**options: Any) -> em.Network:
    return em.Network([5, 12, 7, 3], **{"rng": 0, **options})


def both_ways(
    made: Callable[[], em.Network], *arrays: NDArray[Any], **options: Any
) -> tuple[Any, Any]:
    """Train in memory and by batches; return scores, and what callbacks see of each."""
    ways = []
    for by_batches in (False, True):
        options_of_way = {name: value() for name, value in options.items()}
        seen, trained = Seen(), made()
        options_of_way["callbacks"] = [*options_of_way.get("callbacks", []), seen]
        if by_batches:
            history = em.train(trained, Batches(*arrays), **options_of_way)
        else:
            options_of_way["sample_weight"] = arrays[2] if len(arrays) > 2 else None
            history = em.train(
                trained, *arrays[:2], batch_size=SIZE, shuffle=False, **options_of_way
            )
        ways.append((columns(history), seen))
    return ways[0], ways[1]


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": lambda: em.optimizers.SGD(momentum=0.9, nesterov=True)},
        {"optimizer": lambda: em.optimizers.AdamW(weight_decay=0.01)},
        {"optimizer": lambda: em.optimizers.Adam(amsgrad=True), "n_threads": lambda: 2},
        {
            "l2": lambda: 0.1,
            "l2_divided": lambda: True,
            "l2_biases": lambda: True,
            "penalized_loss": lambda: True,
            "clip_norm": lambda: 0.5,
            "clip_value": lambda: 0.3,
        },
        {
            "learning_rate": lambda: em.schedules.exponential(0.01, gamma=0.97),
            "schedule_unit": lambda: "step",
            "rate_factors": lambda: {"biases": 0.5, 0: 2.0},
        },
        {
            "validation_data": lambda: VALIDATION,
            "metrics": lambda: ["f1_macro"],
            "callbacks": lambda: [EarlyStopping(patience=1)],
            "learning_rate": lambda: em.schedules.exponential(0.3, gamma=0.9),
        },
        {"loss": lambda: em.losses.CrossEntropy(label_smoothing=0.1), "epochs": lambda: 0},
    ],
    ids="-".join,
)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    "made",
    [
        lambda: network(dropout=0.3),
        lambda: network(normalization="batch", dropout=[0.0, 0.2], dtype="float64"),
    ],
    ids=["dropout", "batch-normalization"],
)
def test_the_same_batches_give_the_same_bits(
    made: Callable[[], em.Network], weighted: bool, options: dict[str, Any]
) -> None:
    arrays = (X, Y, WEIGHTS) if weighted else (X, Y)
    options = {"epochs": lambda: 4, **options}
    (scores, seen), (scores_by_batches, seen_by_batches) = both_ways(made, *arrays, **options)
    assert scores == scores_by_batches
    assert seen.numbers == seen_by_batches.numbers
    for whole, by_batches in zip(seen.parameters, seen_by_batches.parameters, strict=True):
        np.testing.assert_array_equal(whole, by_batches)


@pytest.mark.parametrize(
    ("output", "targets"),
    [
        ("identity", X[:, :3]),
        ("logistic", (X[:, :3] > 0).astype("u1")),
        ("exponential", Y[:, None] + np.arange(3)),
    ],
)
def test_other_outputs_give_the_same_bits(output: str, targets: NDArray[Any]) -> None:
    (scores, seen), (scores_by_batches, seen_by_batches) = both_ways(
        lambda: network(output=output), X, targets, epochs=lambda: 3
    )
    assert scores == scores_by_batches
    np.testing.assert_array_equal(seen.parameters[-1], seen_by_batches.parameters[-1])


def test_batches_may_have_any_length() -> None:
    ends = [0, 1, 40, 47, 150]
    batches = [[X[a:b], Y[a:b]] for a, b in itertools.pairwise(ends)]
    trained, stepped = network(dropout=0.2), network(dropout=0.2)
    history = em.train(trained, batches, epochs=3, learning_rate=0.01)
    optimizer, losses = em.optimizers.Adam(), []
    for step in range(12):
        inputs, targets = batches[step % 4]
        loss, gradient = stepped.loss_and_gradient(inputs, targets, dropout_step=step)
        optimizer.step(stepped, gradient, 0.01)
        losses.append(loss)
    np.testing.assert_array_equal(trained.get_flat_parameters(), stepped.get_flat_parameters())
    means = np.average(np.reshape(losses, (3, 4)), axis=1, weights=np.diff(ends))
    np.testing.assert_allclose(history["train_loss"], means, rtol=1e-12)


def test_samples_of_weight_0_are_as_absent() -> None:
    weights = np.where(np.arange(150) % 3, 1.0, 0.0)
    kept = [(x[w > 0], y[w > 0]) for x, y, w in Batches(X, Y, weights)]
    trained, expected = network(dropout=0.2), network(dropout=0.2)
    seen = Seen()
    em.train(trained, Batches(X, Y, weights), epochs=2, callbacks=[seen])
    em.train(expected, kept, epochs=2)
    np.testing.assert_array_equal(trained.get_flat_parameters(), expected.get_flat_parameters())
    assert seen.numbers[-1] == (1, 100, 10)


def test_an_epoch_is_one_walk_and_measuring_another() -> None:
    batches = Batches(X, Y)
    em.train(network(), batches, epochs=3)
    assert batches.walks == 3
    history = em.train(trained := network(), batches, epochs=3, evaluate_train=True)
    assert batches.walks == 3 + 6
    whole = trained.evaluate(X, Y)
    np.testing.assert_allclose(history.last["train_loss"], whole.loss, rtol=1e-12)
    np.testing.assert_allclose(history.last["train_accuracy"], whole.accuracy, rtol=1e-12)


def test_batches_of_tables_go_by_the_names_of_the_first() -> None:
    names = list("abcde")
    first, second = (pd.DataFrame(part, columns=names) for part in (X[:70], X[70:]))
    tables = [(first, pd.Series(Y[:70])), (second[names[::-1]], pd.Series(Y[70:]))]
    trained, expected = network(), network()
    em.train(trained, tables, epochs=2)
    em.train(expected, [(X[:70], Y[:70]), (X[70:], Y[70:])], epochs=2)
    np.testing.assert_array_equal(trained.get_flat_parameters(), expected.get_flat_parameters())
    assert trained.feature_names == tuple(names)
    for wrong, message in (
        (second.drop(columns="c"), "lacks 1 of the 5 columns: 'c'"),
        (second.assign(f=0.0), "has 1 that the network doesn't know: 'f'"),
    ):
        with pytest.raises(ValueError, match=rf"^batch 1: X {message}"):
            em.train(network(), [tables[0], (wrong, tables[1][1])])


def test_a_run_goes_on_from_a_checkpoint_to_the_same_bits(tmp_path: Path) -> None:
    def train(trained: em.Network, epochs: int, **options: Any) -> dict[str, Any]:
        arrays = options.pop("arrays", (X, Y, WEIGHTS))
        return columns(em.train(trained, Batches(*arrays), epochs=epochs, **options))

    whole, resumed = network(dropout=0.2), network(dropout=0.2)
    expected = train(whole, 5)
    train(network(dropout=0.2), 2, callbacks=[Checkpoint(tmp_path)])
    other = X.copy()
    other[3, 2] += 1
    with pytest.raises(em.CheckpointError, match="X of batch 0 was float32 of shape"):
        train(resumed, 5, resume_from=tmp_path, arrays=(other, Y, WEIGHTS))
    with pytest.raises(em.CheckpointError, match="batch_size was 16, is 150"):
        em.train(resumed, [(X, Y, WEIGHTS)], resume_from=tmp_path)
    assert train(resumed, 5, resume_from=tmp_path) == expected
    np.testing.assert_array_equal(whole.get_flat_parameters(), resumed.get_flat_parameters())


class Shuffled:
    """Draws another order for each walk."""

    def __init__(self) -> None:
        self._generator = np.random.default_rng(0)

    def __iter__(self) -> Iterator[tuple[NDArray[Any], ...]]:
        for row in self._generator.permutation(150).reshape(-1, 10):
            yield X[row], Y[row]


def test_an_order_that_changes_is_refused_only_beside_checkpoints(tmp_path: Path) -> None:
    assert em.train(network(), Shuffled(), epochs=3).n_epochs == 3
    with pytest.raises(ValueError, match=r"for epoch 1 is another than before.*leave out Check"):
        em.train(network(), Shuffled(), epochs=3, callbacks=[Checkpoint(tmp_path)])


@pytest.mark.parametrize("once", [iter, lambda batches: (pair for pair in batches), zip])
def test_what_can_be_walked_once_is_refused_with_the_remedy(once: Any) -> None:
    with pytest.raises(
        TypeError, match=r"only once.*list of \(X, y\) pairs, or .*__iter__\(self\)"
    ):
        em.train(network(), once(Batches(X, Y)))


class Once:
    """An iterable, but of a single generator."""

    def __init__(self) -> None:
        self._generator = iter(Batches(X, Y))

    def __iter__(self) -> Iterator[tuple[NDArray[Any], ...]]:
        return self._generator


def test_a_second_walk_without_batches_is_told() -> None:
    with pytest.raises(ValueError, match="hands out no batch for epoch 1, though it did before"):
        em.train(network(), Once())
    with pytest.raises(ValueError, match="hands out no batch for evaluate_train"):
        em.train(network(), Once(), evaluate_train=True)


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ({"batch_size": 32}, "each of them is a step"),
        ({"shuffle": False}, "the order in which X hands them out"),
        ({"sample_weight": WEIGHTS}, r"let X hand out \(X, y, sample_weight\)"),
        ({"class_weight": "balanced"}, "labels aren't there at once"),
    ],
)
def test_what_batches_decide_is_refused(option: dict[str, Any], why: str) -> None:
    name = next(iter(option))
    with pytest.raises(ValueError, match=rf"^{name} was given, but X hands out batches: .*{why}"):
        em.train(network(), Batches(X, Y), **option)


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([], r"X=\[\] hands out no batch"),
        ([X, X], r"batch 0 that X hands out is a ndarray, not a pair.*pass their targets, too"),
        ([[1.0, 2.0], [3.0, 4.0]], r"batch 0 that X hands out is a list of 2, not"),
        ([(X,)], r"batch 0 that X hands out is a tuple of 1, not a pair"),
        ([(X, Y + 1)], r"^batch 0: y\[\d+\]"),
        ([(X, None)], r"^batch 0: y is None; pass \(n_samples,\) integer class indices"),
        ([(X, Y, np.zeros(150))], r"^batch 0: .*at least one sample must count"),
        ([(X[:, :4], Y)], r"^batch 0: X"),
    ],
)
def test_a_bad_first_batch_is_refused_before_anything_changes(batches: Any, message: str) -> None:
    trained, seen = network(), Seen()
    before = trained.get_flat_parameters()
    with pytest.raises((TypeError, ValueError), match=message):
        em.train(trained, batches, callbacks=[seen])
    np.testing.assert_array_equal(trained.get_flat_parameters(), before)


@pytest.mark.parametrize(
    "array", [X, pd.DataFrame(X), None, {"X": X}, {1, 2}, "train.csv", StringIO(), 3]
)
def test_samples_without_targets_are_no_batches(array: Any) -> None:
    with pytest.raises(TypeError, match=r"^(X|y) is .*; pass"):
        em.train(network(), array)


def test_a_bad_batch_leaves_the_parameters_of_the_one_before() -> None:
    bad = np.full_like(X[:5], np.nan)
    trained, expected = network(), network()
    with pytest.raises(ValueError, match=r"^batch 1: X\[0, 0\] is nan"):
        em.train(trained, [(X, Y), (bad, Y[:5])])
    em.train(expected, [(X, Y)], epochs=1)
    np.testing.assert_array_equal(trained.get_flat_parameters(), expected.get_flat_parameters())


def test_divergence_names_the_batch_and_restores_the_last_epoch() -> None:
    trained, seen = network(output="identity"), Seen()
    small = (X, X[:, :3])

    class Growing:
        def __init__(self) -> None:
            self.walks = 0

        def __iter__(self) -> Iterator[Any]:
            self.walks += 1
            yield small
            yield (X, X[:, :3] * 1e30) if self.walks == 3 else small
            yield small

    with pytest.raises(em.TrainingDivergedError, match=r"epoch 2 \(from 0\), batch 1,") as caught:
        em.train(trained, Growing(), callbacks=[seen])
    assert (caught.value.epoch, caught.value.batch) == (2, 1)
    np.testing.assert_array_equal(trained.get_flat_parameters(), seen.parameters[-1])
    assert len(seen.parameters) == 2
