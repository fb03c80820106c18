"""Sparse problems, made up from a seed: documents' words, and one-hot columns of categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Indices = NDArray[np.int64]

BATCH, RATE, ALPHA = 200, 1e-3, 1e-4


@dataclass(frozen=True)
class Problem:
    """Rows of a CSR matrix with the class of each, and the hidden layers that learn them."""

    X: sparse.csr_matrix
    y: Indices
    hidden: tuple[int, ...]
    n_trained: int  # of the first rows; peers that walk the zeros would take minutes for all

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.X.shape[1], *self.hidden, int(self.y.max()) + 1)

    @property
    def trained(self) -> sparse.csr_matrix:
        return self.X[: self.n_trained]

    def __str__(self) -> str:
        rows, columns = self.X.shape
        share = self.X.nnz / rows / columns
        return f"{rows:,} rows, {columns:,} columns, density {share:.2g}, layers {self.sizes[1:]}"


def make(name: str, *, quick: bool) -> Problem:
    if name == "text":
        return _text(*((3_000, 20_000) if quick else (11_314, 130_107)))
    return _one_hot(*((10_000, 2_000, 1_000) if quick else (200_000, 10_000, 10_000)))


def _zipf(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Return probabilities of values, the likely ones scattered among the others."""
    weights = 1 / (1 + rng.permutation(n)) ** 0.9
    probabilities: NDArray[np.float64] = weights / weights.sum()
    return probabilities


def _text(n_rows: int, n_columns: int) -> Problem:
    """Documents of 20 classes, each of which takes a third of its words from a few of its own."""
    rng = np.random.default_rng(0)
    n_classes, n_own = 20, 500
    common = _zipf(rng, n_columns)
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n_rows - n_classes)])
    # Words repeat, so that about two thirds of them are other ones.
    lengths = np.maximum(10, rng.lognormal(4.8, 0.9, n_rows).astype(np.int64))
    rows = np.repeat(np.arange(n_rows), lengths)
    words = rng.choice(n_columns, len(rows), p=common)
    own = rng.integers(0, n_columns, (n_classes, n_own))
    chosen = rng.random(len(rows)) < 1 / 3
    words[chosen] = own[y[rows[chosen]], rng.integers(0, n_own, chosen.sum())]
    counts = sparse.csr_matrix(
        (np.ones(len(rows), np.float32), (rows, words)), shape=(n_rows, n_columns)
    )
    counts.sum_duplicates()
    seen = np.bincount(counts.indices, minlength=n_columns)
    values = (1 + np.log(counts.data)) * np.log(n_rows / seen[counts.indices])
    norms = np.sqrt(np.add.reduceat(values**2, counts.indptr[:-1]))
    counts.data = (values / np.repeat(norms, np.diff(counts.indptr))).astype(np.float32)
    return Problem(counts, y, (100,), n_rows)


def _one_hot(n_rows: int, most_values: int, n_trained: int) -> Problem:
    """Categories of 10 to most_values values; the sum of the values' scores tells three classes."""
    rng = np.random.default_rng(1)
    sizes = np.geomspace(10, most_values, 26).astype(np.int64)
    firsts = np.concatenate([[0], np.cumsum(sizes)])
    columns = np.stack(
        [
            first + rng.choice(size, n_rows, p=_zipf(rng, size))
            for first, size in zip(firsts, sizes, strict=False)
        ],
        axis=1,
    )
    scores = rng.standard_normal(firsts[-1])[columns].sum(axis=1)
    X = sparse.csr_matrix(
        (
            np.ones(columns.size, np.float32),
            columns.ravel().astype(np.int32),
            np.arange(0, columns.size + 1, columns.shape[1], dtype=np.int32),
        ),
        shape=(n_rows, firsts[-1]),
    )
    y = np.digitize(scores, np.quantile(scores, [1 / 3, 2 / 3]))
    return Problem(X, y.astype(np.int64), (256, 256, 256), n_trained)


def save(path: Path, problem: Problem) -> None:
    X = problem.X
    np.savez(
        path, data=X.data, indices=X.indices, indptr=X.indptr, shape=X.shape, y=problem.y,
        hidden=problem.hidden, n_trained=problem.n_trained,
    )  # fmt: skip


def load(path: Path) -> Problem:
    with np.load(path) as file:
        X = sparse.csr_matrix(
            (file["data"], file["indices"], file["indptr"]), shape=tuple(file["shape"])
        )
        hidden = tuple(int(size) for size in file["hidden"])
        return Problem(X, file["y"], hidden, int(file["n_trained"]))
