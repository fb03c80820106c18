"""Which rows of a table are held out, to find the best epoch by or to score with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import train_test_split

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["held_out_rows"]


def held_out_rows(
    kinds: NDArray[Any] | None, n_rows: int, fraction: float, random_state: Any, *, name: str
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows to learn from, and those held out.

    Parameters
    ----------
    kinds : (n_rows,) array or None
        Classes, which are held out in their proportions where there are enough rows for that; the
        only row of a class is learnt from. None for numbers.
    n_rows : int
    fraction : float
        Share of the rows that is held out, rounded up; 0 < f < 1.
    random_state : int or RandomState
    name : str
        What the user calls the fraction.

    Raises
    ------
    ValueError
        If nothing would be left to learn from.
    """
    alone = np.zeros(n_rows, dtype=bool)
    if kinds is not None:
        _, places, counts = np.unique(kinds, return_inverse=True, return_counts=True)
        alone = counts[places] == 1
    rows = np.flatnonzero(~alone)
    n_apart = math.ceil(fraction * n_rows)
    if not 0 < n_apart < len(rows):
        raise ValueError(
            f"{name}={fraction} of n_samples={n_rows} can't be held out with some left to learn "
            f"from; pass more samples, validation data of your own, or {name}=0 to train without"
        )
    strata = None if kinds is None else kinds[rows]
    if strata is not None and min(n_apart, len(rows) - n_apart) < len(np.unique(strata)):
        strata = None
    kept, apart = train_test_split(
        rows, test_size=n_apart, random_state=random_state, stratify=strata
    )
    return np.concatenate([kept, np.flatnonzero(alone)]), apart
