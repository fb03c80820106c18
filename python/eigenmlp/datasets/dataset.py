"""What every data set is handed over as."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Dataset"]


class Dataset(NamedTuple):
    """Images as rows, their classes, and what is needed to show both.

    It unpacks as a tuple: ``X, y, class_names, image_shape = dataset``.

    Attributes
    ----------
    X : ndarray of uint8, shape (n_samples, height * width)
        One image per row, pixel rows from the top one after another, 0 (black) to 255 (white).
    y : ndarray of int64, shape (n_samples,)
        Class indices, 0 to ``len(class_names) - 1``.
    class_names : tuple of str
        The name of each class; ``class_names[y[i]]`` says what image i shows.
    image_shape : tuple of int
        ``(height, width)``: ``X[i].reshape(image_shape)`` is image i.
    """

    X: npt.NDArray[np.uint8]
    y: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    image_shape: tuple[int, int]
