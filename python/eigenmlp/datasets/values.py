"""From whatever a file held to rows of features and class numbers."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

from eigenmlp.common.words import reason, shortened, shown, type_of
from eigenmlp.errors import DataFileError

__all__ = ["exact_float", "first_inexact", "label_vector", "to_classes", "to_rows"]

_EXACT = 2**53  # float64 holds every integer up to it, and not the next
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
        `exact_float` of their type.

    Raises
    ------
    DataFileError
        If there is no feature axis, or a value is not a finite number or too large.
    """
    if values.ndim < 2:
        raise DataFileError(
            f"{source} has shape {values.shape}, but the first axis counts samples and the others "
            "their values. If these are labels, give them as labels; one image needs shape "
            "(1, height, width), one value per sample needs shape (n, 1)"
        )
    rows = _numbers(values.reshape(len(values), -1), source)
    if rows.dtype.kind == "f":
        _check_finite(rows, source)
    return rows if rows.flags.c_contiguous else np.ascontiguousarray(rows)


def _numbers(rows: npt.NDArray[Any], source: str) -> npt.NDArray[Any]:
    native = rows.dtype.newbyteorder("=")
    if native == np.uint8:
        return rows.astype(native, copy=False)
    if native.kind not in "biuf" or native.itemsize > 8:
        raise DataFileError(
            f"{source} holds values of type {shortened(rows.dtype)}, not numbers that a "
            "network takes. Save it as uint8, float32 or float64"
        )
    if native.kind in "iu":
        inexact = first_inexact(rows)
        if inexact is not None:
            row, column = np.unravel_index(inexact, rows.shape)
            raise DataFileError(
                f"{source} holds the integer {rows[row, column]}, beyond 2**53, where float64 no "
                f"longer holds every integer, in row {row}, feature {column} (counted from 0). "
                "Rescale the feature"
            )
    return rows.astype(exact_float(native), copy=False)


def exact_float(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the float type that numbers of a type are read as, whatever their values.

    float32 for truth values, integers of up to 16 bits and floats of up to 32, of which it holds
    every one; float64 for others.
    """
    narrow = 2 if dtype.kind in "iu" else 4
    return np.dtype(np.float32 if dtype.itemsize <= narrow else np.float64)


def first_inexact(integers: npt.NDArray[Any]) -> int | None:
    """Return the place, among all values, of the first integer that float64 may not hold."""
    if integers.dtype.itemsize < 8:
        return None
    beyond = integers > _EXACT
    if integers.dtype.kind == "i":
        beyond |= integers < -_EXACT
    return int(beyond.argmax()) if beyond.any() else None


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
    values = label_vector(values, source, n_samples=n_samples)
    if values.dtype.kind == "f":
        _check_whole(values, source)
    try:
        distinct = np.unique(values)
    except TypeError as error:
        raise DataFileError(
            f"{source} mixes labels that cannot be compared ({reason(error)}). Use one type for all"
        ) from error
    _check_distinct(distinct, source, n_classes)
    return values.astype(np.int64)


def label_vector(values: npt.NDArray[Any], source: str, *, n_samples: int) -> npt.NDArray[Any]:
    """Return labels of any type as a vector, one per sample.

    Raises
    ------
    DataFileError
        If they have another shape, or their number is not that of the images, or if one is no
        single value.
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
        first = ""
        if source.endswith(".csv") and len(values) == n_samples - 1:
            first = "; if its first line is a label, too, pass --no-header (in Python header=False)"
        raise DataFileError(
            f"{source} holds {len(values)} labels, but there are {n_samples} images. Give the "
            f"labels that belong to these images{first}"
        )
    if values.dtype == object:
        several = [row for row, label in enumerate(values) if not isinstance(label, Hashable)]
        if several:
            label = values[several[0]]
            raise DataFileError(
                f"{source} holds {type_of(label)}, {shown(label)}, in row {several[0] + 1} "
                "(rows count from 1), where a label is one number or one text. Write one in each "
                "row"
            )
    return values


def _check_whole(labels: npt.NDArray[Any], source: str) -> None:
    whole = np.isfinite(labels) & (labels == np.trunc(labels))
    if not whole.all():
        row = int(whole.argmin())
        remedy = (
            "It stands for one that is missing: put that, or drop the row"
            if np.isnan(labels[row])
            else "Classes are numbered 0, 1, 2, ...; quantities are predicted by "
            "eigenmlp.MLPRegressor, in Python"
        )
        raise DataFileError(
            f"{source} holds the label {labels[row]}, which is not a whole number, in row "
            f"{row + 1} (rows count from 1). {remedy}"
        )


def _check_distinct(distinct: npt.NDArray[Any], source: str, n_classes: int | None) -> None:
    known = distinct.dtype.kind in "biuf"
    if n_classes is not None:
        if known and distinct[0] >= 0 and distinct[-1] < n_classes:
            return
        wrong = next(label for label in distinct.tolist() if not (known and 0 <= label < n_classes))
        raise DataFileError(
            f"{source} holds the label {shown(wrong)}, but with {n_classes} classes labels must be "
            f"the numbers 0 to {n_classes - 1}. Number them as they were when the network was "
            "trained"
        )
    if known and np.array_equal(distinct, np.arange(len(distinct))):
        return
    labels = list(map(shown, distinct[:_SHOWN].tolist()))
    more = "" if len(distinct) <= _SHOWN else ", ..."
    pairs = ", ".join(f"{label}: {index}" for index, label in enumerate(labels))
    absent = ""
    if known and distinct[0] >= 0:
        absent = (
            ". If some classes are absent from this file on purpose, read it from Python, by "
            f"eigenmlp.datasets.read_arrays(..., n_classes={int(distinct[-1]) + 1})"
        )
    raise DataFileError(
        f"{source} holds the labels {', '.join(labels)}{more}, but {len(distinct)} "
        f"classes must be numbered 0 to {len(distinct) - 1}. This mapping does it: "
        f"{{{pairs}{more}}}. Apply it by `names, y = numpy.unique(labels, return_inverse=True)` "
        f"and save y; names[k] is then the old label of class k{absent}"
    )
