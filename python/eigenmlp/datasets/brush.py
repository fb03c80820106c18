"""A brush: smooth strokes through given points, drawn as grey images.

`trace` turns the notation of `glyph_strokes` into points along the strokes, once a form;
`paint` draws many moved, bent and thickened copies of such points at a time.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["POINTS", "SIDE", "Path", "paint", "trace"]

SIDE = 28  # pixels
# Points along every form. The longest measure about 100 pixels, so that points lie less than a
# pixel apart, about as far as the brush is wide, and their marks merge into a smooth stroke.
POINTS = 128

_STEPS = 24  # points of a spline segment before they are spaced evenly

# Paper stays black below the first amount of ink and is white from the second.
_DRY, _SOAKED = np.float32(0.2), np.float32(0.75)

Floats = npt.NDArray[np.float32]


class Path(NamedTuple):
    """Points evenly spaced along the strokes of one form.

    Attributes
    ----------
    points : ndarray, shape (POINTS, 2)
        x to the right and y downwards, the square of the notation being -1 to 1.
    widths : ndarray, shape (POINTS,)
        Width of the brush relative to its mean: it lands, presses on the way down, lightens on
        the way up and to the side, and lifts off.
    length : float
        Length of all strokes together, in units of `points`.
    """

    points: npt.NDArray[np.float64]
    widths: npt.NDArray[np.float64]
    length: float


def trace(form: str) -> Path:
    """Space `POINTS` points evenly along the strokes of a form (see `glyph_strokes`)."""
    points, widths, advances = [], [], []
    for notation in form.split("/"):
        stroke = _curve(notation.split())
        steps = np.diff(stroke, axis=0, prepend=stroke[:1])
        points.append(stroke)
        widths.append(_widths(steps))
        advances.append(np.hypot(steps[:, 0], steps[:, 1]))  # 0 where the brush is set down
    xy = np.concatenate(points)
    travelled = np.cumsum(np.concatenate(advances))
    length = float(travelled[-1])
    at = (np.arange(POINTS) + 0.5) * (length / POINTS)
    return Path(
        points=np.stack([np.interp(at, travelled, xy[:, axis]) for axis in (0, 1)], axis=1),
        widths=np.interp(at, travelled, np.concatenate(widths)),
        length=length,
    )


def _curve(notation: list[str]) -> npt.NDArray[np.float64]:
    """Dense points of one stroke, (m, 2): a spline through its points, broken at ``*``."""
    knots = np.array([(int(p[:2]), int(p[2:4])) for p in notation]) / 49.5 - 1.0
    corners = [i for i, p in enumerate(notation) if p.endswith("*")]
    inner = [i for i in corners if 0 < i < len(notation) - 1]
    ends = [0, *inner, len(notation) - 1]
    return np.concatenate([_spline(knots[a : b + 1]) for a, b in pairwise(ends)])


def _spline(knots: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Centripetal Catmull-Rom curve through the knots, (m, 2).

    Its parameter advances by the square root of the distance between knots, which keeps it from
    overshooting where they are unevenly spaced (Yuksel, Schaefer, Keyser 2011).
    """
    p = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    dt = np.sqrt(np.hypot(*np.diff(p, axis=0).T))[:, None]
    slope = np.diff(p, axis=0) / dt
    # Slope at each knot: of the parabola through it and its neighbours.
    tangent = (slope[:-1] * dt[1:] + slope[1:] * dt[:-1]) / (dt[1:] + dt[:-1])
    u = np.linspace(0.0, 1.0, _STEPS)[None, :, None]
    p0, p1 = knots[:-1, None], knots[1:, None]
    m0, m1 = tangent[:-1, None] * dt[1:-1, None], tangent[1:, None] * dt[1:-1, None]
    cubic = (
        (2 * u**3 - 3 * u**2 + 1) * p0
        + (u**3 - 2 * u**2 + u) * m0
        + (3 * u**2 - 2 * u**3) * p1
        + (u**3 - u**2) * m1
    )
    return np.asarray(cubic).reshape(-1, 2)


def _widths(steps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Relative brush width along one stroke, from its steps (m, 2)."""
    distance = np.hypot(steps[:, 0], steps[:, 1])
    along = np.cumsum(distance)
    length = along[-1]
    down = np.divide(steps[:, 1], distance, out=np.zeros_like(distance), where=distance > 0)
    pressure = 0.9 + 0.4 * down  # from 0.5 on the way up to 1.3 on the way down
    # The hand changes its pressure gradually, over about 0.16 units to either side.
    window = np.exp(-(((along[:, None] - along) / 0.16) ** 2)) * distance
    pressure = window @ pressure / window.sum(axis=1)
    # A drop of ink where the brush lands, at 0.08 units; full width after 0.3.
    drop = 0.35 * np.exp(-(((along - 0.08) / 0.1) ** 2))
    landing = 0.75 + drop + 0.25 * np.minimum(along / 0.3, 1.0)
    lifting = np.minimum(1.0, 0.45 + (length - along) / np.minimum(0.6, 0.6 * length))
    return np.asarray(pressure * landing * lifting)


def paint(points: Floats, widths: Floats, spacing: Floats) -> Floats:
    """Draw one image for each set of points.

    Parameters
    ----------
    points : ndarray of float32, shape (n, k, 2)
        x and y in pixels; (0, 0) is the centre of the pixel at the top left.
    widths : ndarray of float32, shape (n, k)
        Standard deviation of the brush mark at each point, in pixels.
    spacing : ndarray of float32, shape (n,)
        Mean distance between neighbouring points of a stroke, in pixels.

    Returns
    -------
    ndarray of float32, shape (n, SIDE, SIDE)
        Ink, 0 (none) to 1, with soft edges about a pixel wide.

    Notes
    -----
    Each point leaves a Gaussian mark, a product of one factor in x and one in y, so that one
    matrix product adds up all marks of an image. A mark is as high as makes a line of them one
    high, whatever its width; where strokes meet the ink saturates.
    """
    pixels = np.arange(SIDE, dtype=np.float32)
    rate = (-0.5 / widths**2)[:, :, None]
    in_x = np.exp(rate * (pixels - points[:, :, :1]) ** 2)  # (n, k, SIDE)
    in_y = np.exp(rate * (pixels - points[:, :, 1:]) ** 2)
    in_y *= (spacing[:, None] / (np.sqrt(2 * np.pi, dtype=np.float32) * widths))[:, :, None]
    wet = np.matmul(in_y.transpose(0, 2, 1), in_x)  # (n, SIDE, SIDE)
    ink: Floats = np.clip((wet - _DRY) / (_SOAKED - _DRY), 0.0, 1.0)
    return ink
