"""What all displays share: axes to draw on."""

from typing import TYPE_CHECKING, Any, Literal

from eigenmlp.common.extras import require
from eigenmlp.plots.palette import GRID

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Display", "tidy"]


class Display:
    """Base of all displays."""

    ax_: Any
    figure_: Any

    def _take_axes(
        self,
        ax: "Axes | None",
        size: tuple[float, float] = (6.4, 4.2),
        layout: Literal["constrained", "compressed"] = "constrained",
    ) -> "Axes":
        """Return the axes to draw on, new ones if none are given, and keep them."""
        if ax is None:
            plt = require("matplotlib.pyplot", extra="study", purpose="Drawing a display")
            _, ax = plt.subplots(figsize=size, layout=layout)
        self.ax_, self.figure_ = ax, ax.get_figure(root=True)
        return ax


def tidy(ax: "Axes") -> None:
    """Take away what carries no information."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(visible=True, color=GRID, linewidth=0.7)
    ax.set_axisbelow(True)
