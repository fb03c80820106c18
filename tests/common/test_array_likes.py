"""What is not an array is told by what it is, wherever an array is asked for."""

from __future__ import annotations

import array
import collections
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import sparse

import eigenmlp as em

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROWS = np.random.default_rng(0).normal(size=(12, 2))
LABELS = np.arange(12) % 2


class Loader:
    """Hands out batches, as PyTorch's DataLoader does."""

    def __iter__(self) -> Iterator[Any]:
        return iter([(ROWS, LABELS)])

    def __len__(self) -> int:
        return 1


class Pairs:
    """Has samples with their targets by number, as PyTorch's Dataset does."""

    def __getitem__(self, index: int) -> Any:
        return ROWS[index], LABELS[index]

    def __len__(self) -> int:
        return 12


# By name: what came, and the words for it.
NO_ARRAYS: dict[str, tuple[Callable[[], Any], str]] = {
    "generator": (
        lambda: (row for row in ROWS),
        "a generator, which can be gone through only once",
    ),
    "iterator": (
        lambda: iter(ROWS.tolist()),
        "a list_iterator, which can be gone through only onc",
    ),
    "array's iterator": (lambda: iter(ROWS), "an iterator, which can be gone through only once"),
    "map": (lambda: map(list, ROWS), "a map, which can be gone through only once"),
    "zip": (lambda: zip(*ROWS.T, strict=True), "a zip, which can be gone through only once"),
    "loader": (Loader, "a Loader, which hands out items or batches one after the other"),
    "pairs": (Pairs, "a Pairs, whose items are samples with their targets"),
    "dict": (lambda: {"a": ROWS}, "a dict with the keys ['a'], not one of the arrays in it"),
    "keys": ({"a": 1}.keys, "a dict_keys, whose entries have no order"),
    "values": ({"a": 1}.values, "a dict_values, which hands out items"),
    "set": (lambda: {1.0, 2.0}, "a set, whose entries have no order"),
    "frozenset": (lambda: frozenset({1.0}), "a frozenset, whose entries have no order"),
    "file": (lambda: io.StringIO("1,2"), "a StringIO, an open file, which is read first"),
    "text": (lambda: "data.csv", "a str, 'data.csv', not what a file holds"),
    "bytes": (lambda: b"1,2", "a bytes, b'1,2', not what a file holds"),
    "function": (lambda: len, "a builtin_function_or_method, <built-in function len>, which holds"),
    "class": (lambda: np.ndarray, "a type, <class 'numpy.ndarray'>, which holds no numbers"),
    "object": (object, "an object, <object object at"),
    "asked NumPy": (lambda: np.array(Loader()), "a Loader, which hands out items or batches"),
    "long": (lambda: "x" * 10**6, "(1,000,002 characters), not what a file holds"),
}


def network() -> em.Network:
    return em.Network([2, 2], rng=0)


def logistic() -> em.Network:
    return em.Network([2, 1], output="logistic", rng=0)


def fitted(kind: type[Any] = em.MLPClassifier) -> Any:
    return kind(hidden_layer_sizes=(), solver="lbfgs", random_state=0).fit(ROWS, LABELS)


def fresh(kind: type[Any] = em.MLPClassifier) -> Any:
    return kind(hidden_layer_sizes=())


CALLS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "predict": ("X", lambda x: network().predict(x)),
    "predict_proba": ("X", lambda x: network().predict_proba(x)),
    "predict_outputs": ("X", lambda x: network().predict_outputs(x)),
    "evaluate": ("X", lambda x: network().evaluate(x, LABELS)),
    "evaluate without y": ("X", lambda x: network().evaluate(x, None)),  # type: ignore[arg-type]
    "evaluate y": ("y", lambda y: network().evaluate(ROWS, y)),
    "evaluate weights": (
        "sample_weight",
        lambda w: network().evaluate(ROWS, LABELS, sample_weight=w),
    ),
    "gradient": ("X", lambda x: network().loss_and_gradient(x, LABELS)),
    "logistic y": ("y", lambda y: logistic().evaluate(ROWS, y)),
    "train": ("X", lambda x: em.train(network(), x, LABELS)),
    "train y": ("y", lambda y: em.train(network(), ROWS, y)),
    "train y by class": (
        "y",
        lambda y: em.train(network(), ROWS, y, class_weight="balanced"),
    ),
    "train weights": (
        "sample_weight",
        lambda w: em.train(network(), ROWS, LABELS, sample_weight=w),
    ),
    "train validation": (
        "validation_data: X",
        lambda x: em.train(network(), ROWS, LABELS, validation_data=(x, LABELS)),
    ),
    "fit": ("X", lambda x: fresh().fit(x, LABELS)),
    "fit without y": ("X", lambda x: fresh().fit(x, None)),
    "fit y": ("y", lambda y: fresh().fit(ROWS, y)),
    "fit weights": ("sample_weight", lambda w: fresh().fit(ROWS, LABELS, w)),
    "fit X_val": ("X_val", lambda x: fresh().fit(ROWS, LABELS, X_val=x, y_val=LABELS)),
    "fit y_val": ("y_val", lambda y: fresh().fit(ROWS, LABELS, X_val=ROWS, y_val=y)),
    "regress": ("X", lambda x: fresh(em.MLPRegressor).fit(x, LABELS)),
    "regress y": ("y", lambda y: fresh(em.MLPRegressor).fit(ROWS, y)),
    "partial_fit": ("X", lambda x: fresh().partial_fit(x, LABELS, classes=[0, 1])),
    "partial_fit y": ("y", lambda y: fresh().partial_fit(ROWS, y, classes=[0, 1])),
    "regress partly": ("X", lambda x: fresh(em.MLPRegressor).partial_fit(x, LABELS)),
    "estimated": ("X", lambda x: fitted().predict(x)),
    "estimated probabilities": ("X", lambda x: fitted().predict_proba(x)),
    "regressed": ("X", lambda x: fitted(em.MLPRegressor).predict(x)),
    "score": ("X", lambda x: fitted().score(x, LABELS)),
    "score y": ("y", lambda y: fitted().score(ROWS, y)),
    "score weights": ("sample_weight", lambda w: fitted().score(ROWS, LABELS, w)),
    "regressor's score": ("y", lambda y: fitted(em.MLPRegressor).score(ROWS, y)),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("what", NO_ARRAYS)
def test_it_is_told_by_what_it_is(call: str, what: str) -> None:
    name, act = CALLS[call]
    make, words = NO_ARRAYS[what]
    with pytest.raises(TypeError, match=rf"^{name} is .*{re.escape(words)}.*; pass ") as caught:
        act(make())
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("call", [name for name in CALLS if name.partition(" ")[2] == ""])
def test_none(call: str) -> None:
    with pytest.raises(TypeError, match=r"^X is None; pass an array, which must have 2 dimensions"):
        CALLS[call][1](None)


def test_targets_that_are_missing_are_asked_for() -> None:
    acts: list[Any] = [
        network().evaluate,
        lambda X, y: em.train(network(), X, y),
        fitted().score,
    ]
    for act in acts:
        with pytest.raises(TypeError, match=r"^y is None; pass "):
            act(ROWS, None)
    with pytest.raises(TypeError, match=r"samples' weights; got a Loader$"):
        em.train(network(), ROWS, LABELS, validation_data=Loader())  # type: ignore[arg-type]


def test_an_open_file_and_a_path(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("1,2")
    with path.open() as file, pytest.raises(TypeError, match="TextIOWrapper, an open file, which"):
        network().predict(file)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Path, .*, not what a file holds \(see eigenmlp.datasets"):
        network().predict(path)  # type: ignore[arg-type]


class Array:
    """By NumPy's own protocol, and nothing else."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(ROWS, dtype)


@pytest.mark.parametrize(
    "make",
    [
        ROWS.tolist,
        lambda: tuple(map(tuple, ROWS)),
        Array,
        lambda: collections.deque(ROWS.tolist()),
        lambda: memoryview(ROWS.data),
        lambda: [array.array("d", row) for row in ROWS],
    ],
)
def test_what_numpy_reads_is_read(make: Callable[[], Any]) -> None:
    np.testing.assert_array_equal(network().predict_proba(make()), network().predict_proba(ROWS))


def test_sparse_samples_of_an_estimator_are_read() -> None:
    assert fitted().predict(sparse.coo_array(ROWS)).shape == (12,)
    assert fitted().score(sparse.csr_matrix(ROWS), range(12)) < 1
