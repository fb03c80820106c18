"""What the units of the first layer look for."""

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from eigenmlp.common.arguments import whole_number
from eigenmlp.common.extras import require
from eigenmlp.plots.display import Display

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from eigenmlp.network import Network

__all__ = ["FirstLayerDisplay"]


class FirstLayerDisplay(Display):
    """First-layer weights as images, the units with the largest weights first.

    Blue pixels speak against a unit, red ones for it, white ones don't count; all images share one
    scale, symmetric about zero.

    Parameters
    ----------
    weights : (n_features, n_units) array
        Finite.
    image_shape : tuple of two int or None, default=None
        Height and width of the images; None takes a square.
    n_units : int, default=25
        Images to draw at most, >= 1.

    Attributes
    ----------
    units : (n_images,) array of int
        The units drawn, by falling Euclidean norm of their weights.
    ax_ : array of matplotlib.axes.Axes
        One per image.
    figure_ : matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the features are not an image of this shape, or a square, or a weight isn't finite.

    Examples
    --------
    >>> import eigenmlp as em
    >>> net = em.Network([64, 30, 10], rng=0)
    >>> display = em.plots.FirstLayerDisplay.from_network(net, n_units=12)
    >>> len(display.units)
    12
    """

    def __init__(
        self,
        weights: ArrayLike,
        *,
        image_shape: tuple[int, int] | None = None,
        n_units: int = 25,
    ) -> None:
        self.weights = np.asarray(weights, dtype=np.float64)
        if self.weights.ndim != 2 or self.weights.size == 0:
            raise ValueError(
                f"weights must have shape (n_features, n_units), got {self.weights.shape}"
            )
        if not np.isfinite(self.weights).all():
            feature, unit = np.argwhere(~np.isfinite(self.weights))[0]
            raise ValueError(
                f"weights[{feature}, {unit}] is {self.weights[feature, unit]}, which has no "
                "colour; pass finite weights"
            )
        self.image_shape = _image_shape(image_shape, len(self.weights))
        n_units = whole_number("n_units", n_units, minimum=1, remedy="pass 1 or more")
        norms = np.linalg.norm(self.weights, axis=0)
        self.units = np.argsort(-norms, kind="stable")[:n_units]

    @classmethod
    def from_network(
        cls,
        network: "Network",
        *,
        image_shape: tuple[int, int] | None = None,
        n_units: int = 25,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw a network's first layer.

        Parameters
        ----------
        network : Network
        image_shape, n_units
            As for the class.
        ax : matplotlib.axes.Axes or None, default=None
            As for `plot`.

        Returns
        -------
        FirstLayerDisplay
        """
        return cls(network.weights[0], image_shape=image_shape, n_units=n_units).plot(ax=ax)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        n_units: int = 25,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the first layer of a fitted MLP, of eigenmlp or of scikit-learn.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Fitted: it has ``coefs_``.
        image_shape, n_units
            As for the class.
        ax : matplotlib.axes.Axes or None, default=None
            As for `plot`.

        Returns
        -------
        FirstLayerDisplay

        Raises
        ------
        ValueError
            If it isn't fitted, or its features are not an image.
        """
        if not hasattr(estimator, "coefs_"):
            raise ValueError(f"{type(estimator).__name__} has no coefs_; fit it first")
        return cls(estimator.coefs_[0], image_shape=image_shape, n_units=n_units).plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            A subplot that gives up its place to the images; None makes a new figure.

        Returns
        -------
        FirstLayerDisplay
            This one.

        Raises
        ------
        ValueError
            If `ax` is not a subplot.
        """
        plt = require("matplotlib.pyplot", extra="study", purpose="Drawing a display")
        height, width = self.image_shape
        n_images = len(self.units)
        columns = min(n_images, math.ceil(math.sqrt(n_images * height / width)))
        rows = math.ceil(n_images / columns)
        if ax is None:
            side = max(3, math.sqrt(n_images))  # inches, of the longer side of all images
            scale = side / max(columns, rows * height / width)
            figure, axes = plt.subplots(
                rows,
                columns,
                figsize=(
                    (scale + 0.1) * columns + 1.0,
                    (scale * height / width + 0.1) * rows + 0.2,
                ),
                squeeze=False,
                layout="constrained",
            )
        else:
            place = ax.get_subplotspec()
            if place is None:
                raise ValueError(
                    f"ax={ax} is not a subplot, so it can't be divided; pass one of plt.subplots()"
                )
            ax.set_axis_off()
            figure = ax.get_figure(root=True)
            axes = place.subgridspec(rows, columns).subplots(squeeze=False)
        drawn = self.weights[:, self.units]
        limit = float(np.abs(drawn).max()) or 1.0
        flat = axes.ravel()
        for panel in flat:
            panel.set_axis_off()
        for panel, unit in zip(flat, self.units, strict=False):
            image = panel.imshow(
                self.weights[:, unit].reshape(self.image_shape),
                cmap="RdBu_r",
                vmin=-limit,
                vmax=limit,
                interpolation="nearest",
            )
        figure.colorbar(image, ax=list(flat), label="weight", shrink=0.8)
        self.figure_, self.ax_ = figure, flat[: len(self.units)]
        return self


def _image_shape(image_shape: tuple[int, int] | None, n_features: int) -> tuple[int, int]:
    if image_shape is None:
        side = math.isqrt(n_features)
        if side * side != n_features:
            raise ValueError(
                f"{n_features} features are not a square image; pass image_shape=(height, width)"
            )
        return side, side
    if len(image_shape) != 2:
        raise ValueError(f"image_shape={image_shape} is not a pair; pass (height, width)")
    height, width = (
        whole_number("image_shape", side, minimum=1, remedy="pass (height, width) in pixels")
        for side in image_shape
    )
    if height * width != n_features:
        raise ValueError(
            f"image_shape={image_shape} has {height * width} pixels, but there are {n_features} "
            "features"
        )
    return height, width
