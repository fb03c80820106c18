"""Scales of the figures' axes, chosen by what is drawn on them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["epoch_axis", "loss_scale"]

_UNEVEN = 3
"""How many times as long as the shortest curve the longest is where epochs lie by their root."""
_ROOT_TICKS = (0, 1, 5, 10, 20, 30, 50, 100, 150, 200, 300)


def loss_scale(axes: "Axes", drawn: Sequence[np.ndarray]) -> None:
    """Make the loss axis logarithmic where the curves span more than a decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415

    values = np.concatenate([np.empty(0), *drawn])
    values = values[np.isfinite(values) & (values > 0)]
    if not values.size or values.max() / values.min() <= 10:
        return
    axes.set_yscale("log")
    decades = np.log10(values.max() / values.min())
    subs = (1.0, 2.0, 5.0) if decades < 4 else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=subs))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def epoch_axis(axes: "Axes", drawn: Sequence[np.ndarray] = ()) -> None:
    """Label the axis of the epochs; by their square root where `drawn` has uneven lengths.

    Else a run of a hundred epochs would leave those of twenty no room.
    """
    from matplotlib.ticker import FixedLocator, MaxNLocator  # noqa: PLC0415

    lengths = [len(values) for values in drawn if len(values)]
    if not lengths or max(lengths) <= _UNEVEN * min(lengths):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        return
    axes.set_xscale("function", functions=(_signed_root, _signed_square))
    axes.set_xlim(left=-0.1)
    axes.set_xlabel("epoch (square-root axis)")
    axes.xaxis.set_major_locator(FixedLocator(_ROOT_TICKS))


def _signed_root(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(x) * np.sqrt(np.abs(x)))


def _signed_square(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(x) * np.square(x))
