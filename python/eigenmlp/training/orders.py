"""The order in which every epoch takes the samples."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eigenmlp.common.arguments import flag
from eigenmlp.common.words import shown

__all__ = ["Orders", "without_arrays"]


class Orders:
    """The rows that epochs take: all, drawn anew, or chosen by the caller.

    Samples of weight 0 are left out: they are as absent.
    """

    def __init__(
        self,
        shuffle: bool | Callable[[int], ArrayLike],
        weights: ArrayLike | None,
        n_rows: int,
        rng: int | np.random.Generator | None,
    ) -> None:
        self._shuffle = shuffle if callable(shuffle) else flag("shuffle", shuffle)
        self._n_rows = n_rows
        self._present: NDArray[np.int64] | None = None
        if weights is not None:
            self._present = np.flatnonzero(np.asarray(weights))
        self._generator = np.random.default_rng(rng)

    @property
    def random_state(self) -> dict[str, Any]:
        """State of the generator that draws orders, as JSON can hold it."""
        state: dict[str, Any] = without_arrays(self._generator.bit_generator.state)
        return state

    @random_state.setter
    def random_state(self, state: dict[str, Any]) -> None:
        self._generator.bit_generator.state = state

    @property
    def n_samples(self) -> int:
        """Rows of weight > 0."""
        return self._n_rows if self._present is None else len(self._present)

    def of_epoch(self, epoch: int, batch_size: int) -> NDArray[np.int64] | None:
        """Return an epoch's rows in their order; None for all as they lie."""
        if callable(self._shuffle):
            return self._checked(epoch, self._shuffle(epoch))
        # The full batch has no order to draw.
        if not self._shuffle or batch_size >= self.n_samples:
            return self._present
        order = self._generator.permutation(self.n_samples)
        return order if self._present is None else self._present[order]

    def _checked(self, epoch: int, rows: ArrayLike) -> NDArray[np.int64]:
        order = np.asarray(rows)
        if order.ndim != 1 or order.dtype.kind not in "iu":
            raise TypeError(
                f"shuffle({epoch}) returned {shown(rows)}; it must return a 1-D array of row "
                "numbers"
            )
        if order.size and (order.min() < 0 or order.max() >= self._n_rows):
            raise ValueError(
                f"shuffle({epoch}) returned rows {order.min()} to {order.max()}, but X has the "
                f"rows 0 to {self._n_rows - 1}"
            )
        if self._present is not None:
            order = order[np.isin(order, self._present)]
        if not order.size:
            raise ValueError(f"shuffle({epoch}) returned no row of weight > 0; an epoch needs some")
        return order.astype(np.int64)


def without_arrays(value: Any) -> Any:
    """Turn the arrays of a nested dict into lists."""
    if isinstance(value, dict):
        return {name: without_arrays(entry) for name, entry in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
