"""The embedded data set: cursive kana, drawn by the package itself."""

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eigenmlp.common.arguments import whole_number
from eigenmlp.datasets.brush import POINTS, SIDE, paint, trace
from eigenmlp.datasets.dataset import Dataset
from eigenmlp.datasets.glyph_strokes import STROKES

__all__ = ["load_glyphs"]

# How much hands differ, as standard deviations. Together these make the data as hard as
# 5,000 images of Kuzushiji-49 are: full-batch gradient descent on 100 and 80 units learns the
# training images by heart and gets about 65 % of the others right.
_SHIFT = 0.95  # pixels
_ROTATION = 0.09  # radians
_SLANT = 0.11  # pixels to the side per pixel of height
_STRETCH = 0.09  # of width and of height, relative
_BEND = 0.72  # pixels, in x and in y, that the elastic bend moves a point
_HASTE = 0.4  # of the logarithm of a factor, one per image, on the four before
_BRUSH = 0.8  # pixels: median width of the brush mark
_BRUSH_SPREAD = 0.18  # of the logarithm of that width
_NOISE = 0.06  # of the full brightness, at every pixel

_HALF = 10.8  # pixels: half the side of the square that the strokes are written in
_WAVES = 3  # sine waves whose sum is the elastic bend
_SHORT = 5.0  # stroke length (see `Path`) from which on a form needs a finer brush
_RARE = {"ゐ": 0.8, "ゑ": 0.8, "ゝ": 0.8}  # seldom met in texts; all others count 1
_FORM_ODDS = (0.45, 0.35, 0.20)  # of the plain form, the running hand, the old character
_CHUNK = 256  # images drawn at a time: bounds the memory at 256 * POINTS * SIDE * 4 bytes twice

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


class _Forms(NamedTuple):
    """All forms of all classes, one after another."""

    points: Floats  # (forms, POINTS, 2)
    widths: Floats  # (forms, POINTS)
    lengths: Floats  # (forms,)
    first: Indices  # (classes,): the first form of each class
    odds: Floats  # (classes, 3): cumulative odds of its forms


def load_glyphs(
    n_samples: int = 5000,
    n_classes: int = 49,
    rng: int | np.random.Generator = 0,
) -> Dataset:
    """Draw cursive kana in white on black, 28 by 28 pixels.

    The 49 classes are those of Kuzushiji-49: 48 hiragana and the iteration mark. Each is written
    in two or three forms, plain, running, or as the Chinese character behind it, by hands that
    differ in position, rotation, slant, size, bend and brush. No two images are alike.

    Parameters
    ----------
    n_samples : int, default=5000
        Number of images, at least 1.
    n_classes : int, default=49
        Number of classes, 1 to 49: the first in the order of the kana table.
    rng : int or numpy.random.Generator, default=0
        Seed (at least 0), or a generator, which is advanced.

    Returns
    -------
    Dataset
        ``X`` of shape (n_samples, 784), uint8; ``y`` of shape (n_samples,), int64, 0 to
        ``n_classes - 1``; ``class_names``, the kana; ``image_shape``, (28, 28).

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If a number is out of its range.

    Notes
    -----
    Labels are drawn independently, all classes alike but for the three rarest (ゐ, ゑ, ゝ) at 0.8
    of the odds: with 5,000 images every class has 102 on average, and as a rule 70 to 130. With
    few samples a class may be missing. The same arguments give the same images in every process on
    one machine; another `n_samples` or `n_classes` gives other images, not more of the same.

    Examples
    --------
    >>> from eigenmlp.datasets import load_glyphs
    >>> glyphs = load_glyphs(n_samples=100)
    >>> glyphs.X.shape, glyphs.X.dtype, len(glyphs.class_names)
    ((100, 784), dtype('uint8'), 49)
    >>> name = glyphs.class_names[glyphs.y[0]]
    >>> image = glyphs.X[0].reshape(glyphs.image_shape)
    """
    n_samples = whole_number("n_samples", n_samples, minimum=1, remedy="ask for 1 image or more")
    remedy = f"there are {len(STROKES)} kana; ask for 1 to {len(STROKES)} of them"
    n_classes = whole_number("n_classes", n_classes, minimum=1, remedy=remedy)
    if n_classes > len(STROKES):
        raise ValueError(f"n_classes={n_classes} is more than there are; {remedy}")
    if not isinstance(rng, np.random.Generator):
        remedy = "give a seed, 0 or more, or a numpy.random.Generator"
        rng = np.random.default_rng(whole_number("rng", rng, minimum=0, remedy=remedy))
    names = tuple(STROKES)[:n_classes]
    weights = np.array([_RARE.get(name, 1.0) for name in names])
    y = rng.choice(n_classes, size=n_samples, p=weights / weights.sum()).astype(np.int64)
    X = np.empty((n_samples, SIDE * SIDE), dtype=np.uint8)
    for start in range(0, n_samples, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        X[chunk] = _draw(y[chunk], rng)
    return Dataset(X=X, y=y, class_names=names, image_shape=(SIDE, SIDE))


@cache
def _forms() -> _Forms:
    paths = [trace(form) for forms in STROKES.values() for form in forms]
    counts = np.array([len(forms) for forms in STROKES.values()])
    odds = np.array([[p * (i < n) for i, p in enumerate(_FORM_ODDS)] for n in counts])
    return _Forms(
        points=np.array([path.points for path in paths], dtype=np.float32),
        widths=np.array([path.widths for path in paths], dtype=np.float32),
        lengths=np.array([path.length for path in paths], dtype=np.float32),
        first=np.cumsum(counts) - counts,
        odds=(odds.cumsum(axis=1) / odds.sum(axis=1, keepdims=True)).astype(np.float32),
    )


def _draw(labels: Indices, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Draw one image per label, (n, SIDE * SIDE)."""
    n = len(labels)
    forms = _forms()

    def normal(*shape: int) -> Floats:
        return rng.standard_normal((n, *shape), dtype=np.float32)

    chosen = rng.random((n, 1), dtype=np.float32) >= forms.odds[labels, :-1]
    form = forms.first[labels] + chosen.sum(axis=1)

    haste = np.exp(_HASTE * np.clip(normal(), -2, 2))
    angle = _ROTATION * haste * normal()
    cos, sin = np.cos(angle), np.sin(angle)
    rotate = np.stack([np.stack([cos, -sin], axis=1), np.stack([sin, cos], axis=1)], axis=1)
    reshape = np.zeros((n, 2, 2), dtype=np.float32)  # stretch, then slant to the side
    reshape[:, 0, 0], reshape[:, 1, 1] = _HALF * np.exp(_STRETCH * haste * normal(2).T)
    reshape[:, 0, 1] = -_HALF * _SLANT * haste * normal()
    points = _bend(forms.points[form], haste, rng) @ (rotate @ reshape).transpose(0, 2, 1)
    points += (SIDE - 1) / 2 + _SHIFT * normal(1, 2)

    length = forms.lengths[form]
    brush = _BRUSH * np.exp(_BRUSH_SPREAD * normal()) * np.minimum(1, (_SHORT / length) ** 0.35)
    ink = paint(points, brush[:, None] * forms.widths[form], length * (_HALF / POINTS))
    grey = ink.reshape(n, -1) + _NOISE * normal(SIDE * SIDE)
    return np.asarray(np.rint(255 * np.clip(grey, 0, 1)), dtype=np.uint8)


def _bend(points: Floats, haste: Floats, rng: np.random.Generator) -> Floats:
    """Move points (n, POINTS, 2) along with a sheet that is bent by a few long waves.

    p + sum over waves w of a_w sin(f_w . p + phase_w), every wave 1 to 3 squares long.
    """
    n = len(points)
    turn = rng.uniform(0, 2 * np.pi, (3, n, _WAVES))
    frequency = rng.uniform(1, 3, (n, 1, _WAVES)) * np.stack([np.cos(turn[0]), np.sin(turn[0])], 1)
    size = (2 * _BEND / _HALF / _WAVES**0.5) * haste
    amplitude = size[:, None, None] * np.stack([np.cos(turn[1]), np.sin(turn[1])], 2)
    waves = points @ frequency.astype(np.float32) + turn[2][:, None].astype(np.float32)
    return np.asarray(points + np.sin(waves) @ amplitude.astype(np.float32), dtype=np.float32)
