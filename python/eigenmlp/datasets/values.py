"""From whatever a file held to rows of features and class numbers."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from eigenmlp.errors import DataFileError

__all__ = ["to_classes", "to_rows"]

_KEPT = {np.dtype(np.uint8), np.dtype(np.float32), np.dtype(np.float64)}
# Integers up to 2 ** (digits + 1) are exact: digits of the mantissa and the implied one.
_EXACT_FLOAT32 = 2**24
_EXACT_FLOAT64 = 2**53
_BLOCK = 2**22  # values looked at together, to keep temporaries small
_SHOWN = 8  # labels listed in an error


def to_rows(values: npt.NDArray[Any], source: str) -> npt.NDArray[Any]:
    """Flatten images to rows of a type that networks take.

    Parameters
    ----------
    values : ndarray, shape (n_samples, ...)
    source : str
        Names the file in errors.

    Returns
    -------
    ndarray of uint8, float32 or float64, shape (n_samples, n_features)
        Arrays of these types are not copied when their memory order allows. Others become
        the first of the three that holds every value exactly.

    Raises
    ------
    DataFileError
        If there is no feature axis, or a value is not a finite number or too large.
    """
    if values.ndim < 2:
        raise DataFileError(
            f"{source} has shape {values.shape}, but the first axis counts samples and the others "
            "their values. If these are labels, give them as labels; one image needs shape "
            "(1, height, width), one value a sample needs shape (n, 1)"
        )
    rows = _numbers(values.reshape(len(values), -1), source)
    if rows.dtype.kind == "f":
        _check_finite(rows, source)
    return rows if rows.flags.c_contiguous else np.ascontiguousarray(rows)


def _numbers(rows: npt.NDArray[Any], source: str) -> npt.NDArray[Any]:
    native = rows.dtype.newbyteorder("=")
    if native in _KEPT:
        return rows.astype(native, copy=False)
    if native == np.float16:
        return rows.astype(np.float32)
    if native.kind not in "biu":
        raise DataFileError(
            f"{source} holds values of type {rows.dtype}, not numbers that a network takes. Save "
            "it as uint8, float32 or float64"
        )
    low, high = int(rows.min()), int(rows.max())
    if low >= 0 and high <= 255:
        return rows.astype(np.uint8)
    largest = max(-low, high)
    if largest > _EXACT_FLOAT64:
        raise DataFileError(
            f"{source} holds the integer {high if high == largest else low}, beyond 2**53, where "
            "float64 no longer holds every integer. Rescale the feature"
        )
    return rows.astype(np.float32 if largest <= _EXACT_FLOAT32 else np.float64)


def _check_finite(rows: npt.NDArray[Any], source: str) -> None:
    step = max(1, _BLOCK // rows.shape[1])
    for start in range(0, len(rows), step):
        finite = np.isfinite(rows[start : start + step])
        if not finite.all():
            row, column = np.unravel_index(finite.argmin(), finite.shape)
            raise DataFileError(
                f"{source} holds {rows[start + row, column]} in row {start + row}, feature "
                f"{column} (counted from 0). Every value must be finite: fill it in or drop the row"
            )


def to_classes(
    values: npt.NDArray[Any], source: str, *, n_samples: int, n_classes: int | None
) -> npt.NDArray[np.int64]:
    """Check labels and return them as class numbers.

    Parameters
    ----------
    values : ndarray, shape (n_samples,) or (n_samples, 1)
    source : str
        Names the file in errors.
    n_samples : int
        Number of images.
    n_classes : int or None
        None: the labels must be 0...C-1 with none left out. A number: the labels must be
        below it, and any may be absent.

    Returns
    -------
    ndarray of int64, shape (n_samples,)

    Raises
    ------
    DataFileError
        If the count is not that of the images, or the labels are not class numbers; the
        error offers the mapping.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataFileError(
            f"{source} has shape {values.shape}, but labels have shape ({n_samples},), one class "
            "number a sample. Were images and labels swapped? One-hot rows become class numbers "
            "by labels.argmax(axis=1)"
        )
    if len(values) != n_samples:
        raise DataFileError(
            f"{source} holds {len(values)} labels, but there are {n_samples} images. Give the "
            "labels that belong to these images"
        )
    try:
        distinct = np.unique(values)
    except TypeError as error:
        raise DataFileError(
            f"{source} mixes labels that cannot be compared ({error}). Use one type for all"
        ) from error
    _check_distinct(distinct, source, n_classes)
    return values.astype(np.int64)


def _check_distinct(distinct: npt.NDArray[Any], source: str, n_classes: int | None) -> None:
    if distinct.dtype.kind == "f":
        for label in distinct.tolist():
            if not math.isfinite(label) or label != int(label):
                raise DataFileError(
                    f"{source} holds the label {label}, which is not a whole number. Classes are "
                    "numbered 0, 1, 2, ...; a network of this package does not predict quantities"
                )
    known = distinct.dtype.kind in "biuf"
    if n_classes is not None:
        if known and distinct[0] >= 0 and distinct[-1] < n_classes:
            return
        wrong = next(label for label in distinct.tolist() if not (known and 0 <= label < n_classes))
        raise DataFileError(
            f"{source} holds the label {wrong!r}, but with {n_classes} classes labels must be the "
            f"numbers 0 to {n_classes - 1}. Number them as they were when the network was trained"
        )
    if known and np.array_equal(distinct, np.arange(len(distinct))):
        return
    shown = distinct[:_SHOWN].tolist()
    more = "" if len(distinct) <= _SHOWN else ", ..."
    pairs = ", ".join(f"{label!r}: {index}" for index, label in enumerate(shown))
    raise DataFileError(
        f"{source} holds the labels {', '.join(map(repr, shown))}{more}, but {len(distinct)} "
        f"classes must be numbered 0 to {len(distinct) - 1}. This mapping does it: "
        f"{{{pairs}{more}}}. Apply it by `names, y = numpy.unique(labels, return_inverse=True)` "
        "and save y; names[k] is then the old label of class k. If some classes are absent from "
        "this file on purpose, give n_classes instead"
    )
