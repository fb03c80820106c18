"""Splitting: disjoint parts that cover everything, in the sizes asked for."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eigenmlp.datasets import split
from eigenmlp.datasets.splits import absences


def test_sizes_of_the_default() -> None:
    parts = split(np.empty(5000), np.zeros(5000), rng=0)
    assert [len(part) for part in parts] == [4000, 500, 500]
    assert all(part.dtype == np.intp for part in parts)


@pytest.mark.parametrize(
    ("n", "fractions", "sizes"),
    [
        (30, (0.7, 0.2, 0.1), [21, 6, 3]),  # 0.1 * 30 is above 3, 0.7 * 30 is 21
        (100, (0.29, 0.355, 0.355), [29, 36, 35]),  # 0.29 * 100 is below 29
        (10, (0.55, 0.45), [6, 4]),  # a tie goes to the first
        (11, (0.5, 0.25, 0.25), [5, 3, 3]),
        (3, (1 / 3, 1 / 3, 1 / 3), [1, 1, 1]),
        (7, (1.0,), [7]),
    ],
)
def test_sizes(n: int, fractions: tuple[float, ...], sizes: list[int]) -> None:
    assert [len(part) for part in split(np.empty(n), np.zeros(n), fractions, rng=0)] == sizes


def shares() -> st.SearchStrategy[list[Fraction]]:
    return st.lists(st.integers(1, 20), min_size=1, max_size=5).map(
        lambda parts: [Fraction(part, sum(parts)) for part in parts]
    )


@settings(deadline=None)
@given(n=st.integers(1, 300), shares=shares(), seed=st.integers(0, 2**32 - 1))
def test_parts_are_disjoint_and_cover(n: int, shares: list[Fraction], seed: int) -> None:
    assume(all(share * n >= 1 for share in shares))
    parts = split(np.empty(n), np.zeros(n), [float(share) for share in shares], rng=seed)
    assert np.sort(np.concatenate(parts)).tolist() == list(range(n))
    for part, share in zip(parts, shares, strict=True):
        assert abs(len(part) - share * n) < 1
        if (share * n).denominator == 1:
            assert len(part) == share * n


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    shares=shares(),
    seed=st.integers(0, 2**32 - 1),
)
def test_stratified_parts_have_every_class_in_proportion(
    counts: list[int], shares: list[Fraction], seed: int
) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    fractions = [float(share) for share in shares]
    assume(all(share * len(labels) >= 1 for share in shares))
    try:
        parts = split(labels, labels, fractions, stratify=True, rng=seed)
    except ValueError as error:
        assert "too few to stratify" in str(error)  # noqa: PT017  refusing is right, too
        assert min(counts) * min(shares) < 2  # ... but only where a part would get 0 or 1
        return
    assert np.sort(np.concatenate(parts)).tolist() == list(range(len(labels)))
    for part in parts:
        found = np.bincount(labels[part], minlength=len(counts))
        expected = np.array(counts) * len(part) / len(labels)
        # Each part is cut from what the ones before left, and every cut is within one sample.
        assert np.abs(found - expected).max() < len(parts)


def test_stratify_matters() -> None:
    labels = np.repeat([0, 1], [90, 10])
    parts = split(labels, labels, stratify=True, rng=0)
    assert [np.bincount(labels[part]).tolist() for part in parts] == [[72, 8], [9, 1], [9, 1]]
    plain = [split(labels, labels, rng=seed) for seed in range(20)]
    assert any(np.bincount(labels[parts[1]], minlength=2)[1] != 1 for parts in plain)


def test_the_seed_decides() -> None:
    data = np.arange(100)
    again = [np.concatenate(split(data, data, rng=rng)).tolist() for rng in (3, 3, 4)]
    assert again[0] == again[1] != again[2]
    assert again[0][:80] != sorted(again[0][:80])  # shuffled, not only chosen
    generator = np.random.default_rng(3)
    first, second = (np.concatenate(split(data, data, rng=generator)).tolist() for _ in range(2))
    assert first == again[0] != second
    first, second = (np.concatenate(split(data, data)).tolist() for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    ("n", "fractions", "message"),
    [
        (10, (0.8, 0.1), r"fractions=\[0\.8, 0\.1\] add up to 0\.9; they must add up to 1"),
        (10, (0.8, 0.3), r"add up to 1\.1; they must add up to 1"),
        (10, (), r"fractions=\[\] add up to 0"),
        (10, (1.2, -0.2), r"fractions=\[1\.2, -0\.2\]: -0\.2 is not a size; each must be above 0"),
        (10, (1.0, 0.0), r"0\.0 is not a size"),
        (10, (0.5, float("nan")), r"nan is not a size"),
        (10, (0.98, 0.02), r"of 10 samples leave part 1 empty; use larger fractions or more"),
        (2, (0.4, 0.3, 0.3), r"of 2 samples leave part \d empty"),
        (0, (0.5, 0.5), r"of 0 samples leave part 0 empty"),
    ],
)
def test_wrong_fractions(n: int, fractions: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split(np.empty(n), np.zeros(n), fractions)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match=r"X holds 5 samples, but y has shape \(4,\); pass one"):
        split(np.empty(5), np.zeros(4))
    with pytest.raises(ValueError, match=r"X holds 5 samples, but y has shape \(5, 2\)"):
        split(np.empty(5), np.zeros((5, 2)))


def test_classes_too_small() -> None:
    labels = np.repeat([0, 7], [91, 9])
    message = r"class 7 has 9 samples: too few to stratify, .* takes 10 of 100 samples, one in"
    with pytest.raises(ValueError, match=message):
        split(labels, labels, stratify=True)
    assert len(split(labels, labels)) == 3


def test_absences_name_the_classes_a_part_lacks() -> None:
    labels = np.array([0, 0, 0, 1, 2, 2])
    parts = {"training": np.array([0, 1, 4]), "validation": np.array([2, 3, 5])}
    assert absences(labels, parts, ["a", "b", "c", "d"]) == [
        (
            "No sample for training of 2 of the 4 classes: b (of 1 sample), d (of 0 samples). "
            "They can't be learned."
        ),
        (
            "No sample for validation of 1 of the 4 classes: d (of 0 samples). "
            "Scores in validation say nothing of them."
        ),
    ]
    many = absences(np.arange(50), {"training": np.arange(25)}, range(50))
    assert len(many) == 1
    assert "34 (of 1 sample), ... (25 in all)" in many[0]
