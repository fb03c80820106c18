"""Splitting a data set into parts such as training, validation and test."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eigenmlp.common.sparse_arrays import is_sparse
from eigenmlp.common.words import listed, shown

__all__ = ["absences", "split"]

_Indices = npt.NDArray[np.intp]


def split(
    X: Any,
    y: npt.ArrayLike,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    *,
    stratify: bool = False,
    rng: int | np.random.Generator | None = None,
) -> tuple[_Indices, ...]:
    """Divide the samples at random into parts of given sizes.

    Parameters
    ----------
    X : sized or sparse, n_samples long
        The samples; only counted.
    y : array-like, shape (n_samples,)
        Their classes; used when `stratify` is True.
    fractions : sequence of float, default=(0.8, 0.1, 0.1)
        Size of each part, > 0, adding up to 1. Sizes that are not whole numbers of samples
        are rounded down, and the samples left over go one each to the parts that lost most.
    stratify : bool, default=False
        Give every part the classes in the proportions of the whole, as near as whole
        samples allow. Without, a class of few samples may be missing from a part.
    rng : int, Generator or None, default=None
        Seed or generator of the permutation; None takes another one every time.

    Returns
    -------
    tuple of ndarray of intp
        One array of indices a part, in random order. Together they hold every index once.

    Raises
    ------
    ValueError
        If `X` and `y` differ in length, the fractions are not positive numbers that add up
        to 1, a part would be empty, or a class is too small for a sample in every part when
        `stratify` is True.

    Notes
    -----
    Parts are cut off one after another by scikit-learn's `ShuffleSplit` or
    `StratifiedShuffleSplit`.

    Examples
    --------
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> X, y = np.zeros((5000, 784)), np.arange(5000) % 49
    >>> train, val, test = em.datasets.split(X, y, (0.8, 0.1, 0.1), rng=0)
    >>> len(train), len(val), len(test)
    (4000, 500, 500)
    >>> X[val].shape, y[val].shape
    ((500, 784), (500,))
    """
    labels = np.asarray(y)
    n_samples = X.shape[0] if is_sparse(X) else len(X)
    if labels.ndim != 1 or len(labels) != n_samples:
        raise ValueError(
            f"X holds {n_samples} samples, but y has shape {labels.shape}; pass one label per "
            "sample"
        )
    sizes = _sizes(n_samples, fractions)
    if stratify:
        _check_classes(labels, sizes)
    generator = np.random.default_rng(rng)
    parts = []
    rest = np.arange(n_samples, dtype=np.intp)
    for size in sizes[:-1]:
        taken, left = _cut(labels[rest], size, stratify, generator)
        parts.append(rest[taken])
        rest = rest[left]
    return (*parts, rest)


def absences(
    labels: npt.NDArray[np.int64], parts: Mapping[str, _Indices], names: Sequence[object]
) -> list[str]:
    """Say which classes are missing from which part, a sentence per part.

    Parameters
    ----------
    labels : ndarray of int, shape (n_samples,)
        Class numbers.
    parts : mapping of str to ndarray of intp
        Rows of each part by its name, "training" among them.
    names : sequence
        One name per class.
    """
    counts = np.bincount(labels, minlength=len(names))
    told = []
    for part, rows in parts.items():
        absent = np.flatnonzero(np.bincount(labels[rows], minlength=len(names)) == 0).tolist()
        if absent:
            which = listed([f"{names[k]} (of {_samples(int(counts[k]))})" for k in absent])
            told.append(
                f"No sample for {part} of {len(absent)} of the {len(names)} classes: {which}. "
                + (
                    "They can't be learned."
                    if part == "training"
                    else f"Scores in {part} say nothing of them."
                )
            )
    return told


def _samples(n: int) -> str:
    return f"{n:,} sample" + ("" if n == 1 else "s")


def _cut(
    labels: npt.NDArray[np.generic], size: int, stratify: bool, generator: np.random.Generator
) -> tuple[_Indices, _Indices]:
    """Positions of `size` samples drawn at random, and of the others."""
    # Imported here because it takes a second, and not everyone who imports the package splits.
    from sklearn.model_selection import (  # noqa: PLC0415
        ShuffleSplit,
        StratifiedShuffleSplit,
    )

    splitter = (StratifiedShuffleSplit if stratify else ShuffleSplit)(
        n_splits=1,
        train_size=size,
        test_size=len(labels) - size,
        random_state=int(generator.integers(2**32)),
    )
    taken, left = next(splitter.split(labels, labels))
    return taken, left


def _sizes(n_samples: int, fractions: Sequence[float]) -> list[int]:
    """Whole sizes that add up to n_samples, by the largest remainder."""
    fractions = [float(fraction) for fraction in fractions]
    wrong = [fraction for fraction in fractions if not fraction > 0]
    if wrong:
        raise ValueError(
            f"fractions={shown(fractions)}: {wrong[0]} is not a size; each must be above 0"
        )
    total = math.fsum(fractions)
    if not math.isclose(total, 1.0, abs_tol=1e-6):
        raise ValueError(
            f"fractions={shown(fractions)} add up to {total:g}; they must add up to 1, as in "
            "(0.8, 0.1, 0.1)"
        )
    # Where rounding makes a whole size less (0.29 * 100 < 29), its loss of almost 1 comes first.
    exact = [fraction * n_samples for fraction in fractions]
    sizes = [math.floor(size) for size in exact]
    by_loss = sorted(range(len(sizes)), key=lambda part: sizes[part] - exact[part])
    for part in by_loss[: n_samples - sum(sizes)]:
        sizes[part] += 1
    if 0 in sizes:
        part = sizes.index(0)
        raise ValueError(
            f"fractions={shown(fractions)} of {n_samples} samples leave part {part} empty; use "
            "larger fractions or more samples"
        )
    return sizes


def _check_classes(labels: npt.NDArray[np.generic], sizes: list[int]) -> None:
    classes, counts = np.unique(labels, return_counts=True)
    smallest = int(counts.argmin())
    needed = math.ceil(len(labels) / min(sizes))
    if counts[smallest] < needed:
        raise ValueError(
            f"class {classes[smallest]} has {counts[smallest]} samples: too few to stratify, for "
            f"the smallest part takes {min(sizes)} of {len(labels)} samples, one in every "
            f"{needed} of a class. Use larger fractions, merge classes, or pass stratify=False"
        )
