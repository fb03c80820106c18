"""From the columns of a table to what a network reads, and the same again at prediction."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array, hstack

from eigenmlp.common.words import listed, shortened
from eigenmlp.tabular.cells import in_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eigenmlp.tabular.columns import Column

__all__ = ["CategoryFeatures", "NumberFeatures", "Preparation", "learnt_from"]

_MOST_NAMES = 20  # in a message
_MOST_WORDS = 3
_MOST_PARTS = 16
_ROWS_OF_A_PART = 50
# From how many features on, and up to which share of them that is not 0, a table is sparse to the
# network: beyond, dense rows are as fast.
_FEWEST_SPARSE = 256
_SPARSE_SHARE = 0.1


@dataclass(frozen=True)
class NumberFeatures:
    r"""What a column of numbers becomes: a feature, one for its gaps if it had any, and its parts.

    With m the median and s the scale, the first feature is

    .. math:: z / \sqrt{1 + (z / 3)^2}, \quad z = (x - m) s

    which is nearly z around 0 and never beyond ±3 (Holzmüller et al., 2024, arXiv:2407.04491). A
    part of the range, between the borders :math:`b_{t-1}` and :math:`b_t` of T parts, is

    .. math:: \frac{1}{2 \sqrt T} \left( \min \left( 1, \max \left( 0,
              \frac{x - b_{t-1}}{b_t - b_{t-1}} \right) \right) - \frac12 \right)

    by which a layer can bend and step at the borders (piecewise linear encoding, Gorishniy et al.,
    2022, arXiv:2203.05556, here centred, and together of length ¼ at most). A gap is 0 in all.

    A column that held nothing but gaps has no median: whatever comes later is a gap, too.

    Attributes
    ----------
    name : str
    median : float or None
    scale : float
    gaps : bool
        Whether there were any.
    borders : tuple of float
        Values of training, ascending, between which are as many each; none if there would be a
        single part.
    """

    name: str
    median: float | None
    scale: float
    gaps: bool
    borders: tuple[float, ...] = ()

    @classmethod
    def learnt(cls, column: Column) -> NumberFeatures:
        """Learn from a column: s is 1 over the distance of the quartiles.

        Where that is 0, s is 2 over the distance of the extremes; where that is 0 too, 0. There is
        a part for every 50 values, from 2 to 16.
        """
        there = column.cells[~np.isnan(column.cells)]
        gaps = len(there) < len(column.cells)
        if not len(there):
            return cls(column.name, None, 0.0, gaps)
        low, first, median, third, high = np.quantile(there, [0, 0.25, 0.5, 0.75, 1])
        with np.errstate(over="ignore", divide="ignore"):
            scale = (
                1 / (third - first) if third > first else 2 / (high - low) if high > low else 0.0
            )
        scale = float(scale) if np.isfinite(scale) else 0.0
        return cls(column.name, float(median), scale, gaps, _borders(there))

    @property
    def n_parts(self) -> int:
        """Features that are parts of the range."""
        return max(len(self.borders) - 1, 0)

    @property
    def n_features(self) -> int:
        """Features."""
        return 1 + self.gaps + self.n_parts

    def names(self) -> list[str]:
        """Name the features."""
        missing = [f"{self.name} is missing"] if self.gaps else []
        parts = [f"{self.name} from {low} to {high}" for low, high in pairwise(self.borders)]
        return [self.name, *missing, *parts]

    def features_of(self, column: Column, *, sparsely: bool) -> Any:
        """Return the features of a column, (n_rows, n_features), as float32 in CSR if sparsely."""
        features = self._features_of(column)
        return csr_array(features.astype(np.float32)) if sparsely else features

    def _features_of(self, column: Column) -> NDArray[Any]:
        values = self._known(column)
        gaps = np.isnan(values)
        with np.errstate(over="ignore", invalid="ignore"):
            z = np.clip((values - (self.median or 0.0)) * self.scale, -1e150, 1e150)
        if not self.scale:  # where a difference may be infinite
            z = np.zeros(len(values))
        clipped = np.where(gaps, 0.0, z / np.hypot(1.0, z / 3))
        columns = [clipped, gaps.astype(np.float64)] if self.gaps else [clipped]
        return np.concatenate([np.stack(columns, axis=1), self._parts(values, gaps)], axis=1)

    def _parts(self, values: NDArray[Any], gaps: NDArray[Any]) -> NDArray[Any]:
        if not self.borders:
            return np.empty((len(values), 0))
        low, high = np.array(self.borders[:-1]), np.array(self.borders[1:])
        within = np.clip(values[:, None], low, high)
        parts: NDArray[Any] = ((within - low) / (high - low) - 0.5) * (0.5 / np.sqrt(len(low)))
        parts[gaps] = 0.0
        return parts

    def _known(self, column: Column) -> NDArray[Any]:
        """Return the numbers that training has taught to read."""
        if self.median is not None:
            return column.as_number()
        there = column.there()
        if there:
            warnings.warn(
                f"column {shortened(self.name)!r} holds {in_rows(there)}, but held nothing but "
                "gaps in training: its values can't be used, and all its rows are read as missing",
                UserWarning,
                stacklevel=6,
            )
        return np.full(len(column.cells), np.nan)


def _borders(values: NDArray[Any]) -> tuple[float, ...]:
    n_parts = min(max(len(values) // _ROWS_OF_A_PART, 2), _MOST_PARTS)
    shares = np.linspace(0, 1, n_parts + 1)
    # Values that are there, so that two of them are not parted.
    borders = np.unique(np.quantile(values, shares, method="inverted_cdf"))
    with np.errstate(over="ignore"):
        measurable = np.isfinite(borders[-1] - borders[0])
    return tuple(borders.tolist()) if len(borders) > 2 and measurable else ()


@dataclass(frozen=True)
class CategoryFeatures:
    """What a column of categories becomes: one feature each, or ±1 where there are two.

    A gap, and a category that wasn't there in training, is 0 in all of them.

    Attributes
    ----------
    categories : tuple of str
        Those that have a feature of their own.
    rare : tuple of str
        Those that share one, the last.
    """

    name: str
    categories: tuple[str, ...]
    rare: tuple[str, ...]

    @classmethod
    def learnt(cls, column: Column, max_categories: int) -> CategoryFeatures:
        """Learn from a column; beyond `max_categories` the rare ones are put together."""
        counts = Counter(value for value in column.cells if value is not None)
        kept = sorted(counts)
        rare: list[str] = []
        if len(kept) > max_categories:
            frequent = sorted(counts, key=lambda value: (-counts[value], value))
            kept, rare = sorted(frequent[: max_categories - 1]), frequent[max_categories - 1 :]
        return cls(column.name, tuple(kept), tuple(sorted(rare)))

    @property
    def is_pair(self) -> bool:
        """Whether there are two, which share a feature of ±1."""
        return len(self.categories) == 2 and not self.rare

    @property
    def n_features(self) -> int:
        """Features."""
        return 1 if self.is_pair else len(self.categories) + bool(self.rare)

    def names(self) -> list[str]:
        """Name the features."""
        if self.is_pair:
            return [f"{self.name}={self.categories[1]}"]
        rare = [f"{self.name} is rare"] if self.rare else []
        return [*(f"{self.name}={category}" for category in self.categories), *rare]

    def features_of(self, column: Column, *, sparsely: bool) -> Any:
        """Return the features of a column, (n_rows, n_features), as float32 in CSR if sparsely."""
        values = column.as_category()
        place = {category: number for number, category in enumerate(self.categories)}
        place.update(dict.fromkeys(self.rare, len(self.categories)))
        places = np.array([place.get(value, -1) for value in values])
        self._warn_of_strangers(values, places)
        if self.is_pair:
            features = np.where(places < 0, 0.0, 2.0 * places - 1)[:, None]
            return csr_array(features.astype(np.float32)) if sparsely else features
        if not sparsely:
            return np.asarray(places[:, None] == np.arange(self.n_features), dtype=np.float64)
        known = places >= 0
        return csr_array(
            (
                np.ones(known.sum(), dtype=np.float32),
                places[known].astype(np.int32),
                np.concatenate([[0], np.cumsum(known)]).astype(np.int32),
            ),
            shape=(len(places), self.n_features),
        )

    def _warn_of_strangers(self, values: NDArray[Any], places: NDArray[Any]) -> None:
        there = np.array([value is not None for value in values])
        if there.any() and (places[there] < 0).all() and self.categories:
            given = [repr(shortened(value)) for value in sorted(set(values[there]))]
            known = [repr(shortened(value)) for value in (*self.categories, *self.rare)]
            warnings.warn(
                f"column {shortened(self.name)!r} has {listed(given, most=_MOST_WORDS)}, none of "
                f"which was there in training, where it had {listed(known, most=_MOST_WORDS)}: "
                "all its rows are read as missing",
                UserWarning,
                stacklevel=6,
            )


@dataclass(frozen=True)
class Preparation:
    """How a table's columns are read, in the order of training.

    Attributes
    ----------
    columns : tuple of NumberFeatures or CategoryFeatures
    named : bool
        Whether columns go by names rather than places.
    """

    columns: tuple[NumberFeatures | CategoryFeatures, ...]
    named: bool

    @property
    def n_parts(self) -> int:
        """Features that are parts of a number's range."""
        return sum(c.n_parts for c in self.columns if isinstance(c, NumberFeatures))

    @property
    def n_features(self) -> int:
        """Features that the network reads."""
        return sum(column.n_features for column in self.columns)

    @property
    def feature_names(self) -> list[str]:
        """Names of the features that the network reads."""
        return [name for column in self.columns for name in column.names()]

    def numbers(self) -> set[str]:
        """Return the names of the columns that must hold numbers."""
        learnt = (column for column in self.columns if isinstance(column, NumberFeatures))
        return {column.name for column in learnt if column.median is not None}

    def categories_of(self, names: list[str], named: bool) -> set[int]:
        """Return the places of a table's columns that were categories in training."""
        if not (self.named and named):
            names = [column.name for column in self.columns]
        known = {c.name for c in self.columns if isinstance(c, CategoryFeatures)}
        return {place for place, name in enumerate(names) if name in known}

    @property
    def is_sparse(self) -> bool:
        """Whether most features are 0 in a row: there are many, of categories."""
        n_categories = [c.n_features for c in self.columns if isinstance(c, CategoryFeatures)]
        stored = self.n_features - sum(n_categories) + len(n_categories)
        return self.n_features >= _FEWEST_SPARSE and stored < _SPARSE_SHARE * self.n_features

    def features(self, columns: Sequence[Column], *, named: bool, owner: str) -> Any:
        """Return what the network reads, float32 of shape (n_rows, n_features).

        Where most features are 0 they are a sparse array in CSR, by which a network learns and
        predicts the same to the bit.

        Parameters
        ----------
        columns : sequence of Column
        named : bool
            Whether they have names of their own.
        owner : str
            Whose preparation it is, for messages.

        Warns
        -----
        UserWarning
            If columns have names and had none in training, or the reverse; if further ones are left
            aside; or no value of a column is known, or it held nothing but gaps in training.

        Raises
        ------
        ValueError
            If columns are missing, or hold words where training had numbers.
        """
        found = self._in_order(columns, named=named, owner=owner)
        sparsely = self.is_sparse
        shape = len(found[0].cells), self.n_features
        features = None if sparsely else np.empty(shape, dtype=np.float32)
        blocks = []
        end = 0
        wrong = []
        for learnt, column in zip(self.columns, found, strict=True):
            begin, end = end, end + learnt.n_features
            try:
                block = learnt.features_of(column, sparsely=sparsely)
            except ValueError as error:
                wrong.append(f"column {shortened(column.name)!r} holds {error}")
                continue
            if features is None:
                blocks.append(block)
            else:
                features[:, begin:end] = block
        if wrong:
            raise ValueError("; ".join(wrong))
        return hstack(blocks, format="csr") if features is None else features

    def _in_order(self, columns: Sequence[Column], *, named: bool, owner: str) -> list[Column]:
        if not (self.named and named):
            if len(columns) != len(self.columns):
                raise ValueError(
                    f"X has {len(columns)} features, but {owner} is expecting "
                    f"{len(self.columns)} features as input: one for each column of training"
                )
            if self.named != named:  # in the words of scikit-learn
                what = ("does not have valid", "with") if self.named else ("has", "without")
                warnings.warn(
                    f"X {what[0]} feature names, but {owner} was fitted {what[1]} feature names",
                    UserWarning,
                    stacklevel=5,
                )
            return list(columns)
        given = {column.name: column for column in columns}
        names = [column.name for column in self.columns]
        missing = [name for name in names if name not in given]
        if missing:
            raise ValueError(
                f"the table lacks {len(missing)} of the {len(names)} columns of training: "
                f"{_quoted(missing)}; it has {_quoted([*given])}"
            )
        further = [name for name in given if name not in set(names)]
        if further:
            warnings.warn(
                f"the table has columns that were not there in training, which are left aside: "
                f"{_quoted(further)}",
                UserWarning,
                stacklevel=5,
            )
        return [given[name] for name in names]


def learnt_from(columns: Sequence[Column], *, named: bool, max_categories: int) -> Preparation:
    """Learn how to read a table."""
    return Preparation(
        tuple(
            NumberFeatures.learnt(column)
            if column.kind == "number"
            else CategoryFeatures.learnt(column, max_categories)
            for column in columns
        ),
        named,
    )


def _quoted(names: Sequence[str]) -> str:
    return listed([repr(shortened(name)) for name in names], most=_MOST_NAMES)
