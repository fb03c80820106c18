"""Reading images and labels from files of many kinds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from eigenmlp.common.arguments import flag
from eigenmlp.common.words import listed, shown
from eigenmlp.datasets.csv_files import read_csv
from eigenmlp.datasets.feather_files import read_feather
from eigenmlp.datasets.idx import read_idx
from eigenmlp.datasets.kinds import FileKind, StrPath, file_kind, is_there
from eigenmlp.datasets.numpy_files import npz_names, npz_shapes, read_npy, read_npz, with_shapes
from eigenmlp.datasets.parquet_files import read_parquet
from eigenmlp.datasets.tables import feature_matrix, label_column
from eigenmlp.datasets.values import to_classes, to_rows
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SampleFile", "read_arrays", "read_samples"]

_ARRAY_READERS = {FileKind.NPY: read_npy, FileKind.IDX: read_idx}
_TABLES = {FileKind.CSV, FileKind.PARQUET, FileKind.FEATHER}

_Array = npt.NDArray[Any]


@dataclass(frozen=True)
class SampleFile:
    """Samples as files hold them.

    Attributes
    ----------
    X : ndarray of uint8, float32 or float64, shape (n_samples, n_features)
        As `read_arrays` returns it.
    labels : ndarray or None
        As the file holds them, of whatever type and shape.
    label_source : str
        Names the labels in errors.
    feature_names : tuple of str or None
        Names of X's columns, in their order, where a table told them.
    left_aside : tuple of str
        Columns of the table that are neither in X nor the labels.
    """

    X: _Array
    labels: _Array | None
    label_source: str
    feature_names: tuple[str, ...] | None
    left_aside: tuple[str, ...]

    def class_numbers(self, n_classes: int | None = None) -> npt.NDArray[np.int64] | None:
        """Return the labels as `read_arrays` does."""
        if self.labels is None:
            return None
        return to_classes(
            self.labels, self.label_source, n_samples=len(self.X), n_classes=n_classes
        )


def read_arrays(
    images: StrPath,
    labels: StrPath | None = None,
    *,
    n_classes: int | None = None,
    header: bool | None = None,
    array: str | None = None,
) -> tuple[_Array, npt.NDArray[np.int64] | None]:
    """Read images, and their labels if there are any, from files.

    ==============  =======================================================================
    ``.npy``        NumPy array, memory-mapped: read from disk as it is used
    ``.npz``        NumPy archive
    IDX             the format of MNIST, plain or ``.gz``; known by ``idx`` or ``ubyte`` in
                    the name
    ``.csv``        comma-separated table, UTF-8 (needs the extra ``study``)
    ``.parquet``    Parquet table, or a folder of its parts (needs the extra ``parquet``)
    ``.feather``    Feather table (needs the extra ``parquet``)
    ==============  =======================================================================

    Files are never unpickled.

    Parameters
    ----------
    images : str or path-like
        A file with one sample along the first axis, or one per row of a table. Images of any
        shape are flattened to rows.
    labels : str or path-like, optional
        A file with one label per sample. For a table of images it may also be the name of
        its label column, and for a ``.npz`` the name of its label array; every other
        column, and the only other array, is then the images. A name wins over a file of
        the same name; a `pathlib.Path` is always a file. None: the images are unlabelled,
        and every column of a table is a feature.
    n_classes : int, optional
        Number of classes when it is known, so that the file need not show all of them.
        None: labels must be 0...C-1, each occurring.
    header : bool, optional
        Whether the first line of CSV tables names the columns. False: it holds values like
        the others, and the columns are called ``"1"``, ``"2"``, .... None: it does, but where
        one of the names is a number, an error asks. It does not concern other files.
    array : str, optional
        Name of the array of a ``.npz`` that is the images, where there are several.

    Returns
    -------
    X : ndarray of uint8, float32 or float64, shape (n_samples, n_features)
        Possibly read-only. Their types decide, never their values: uint8 only what the file
        holds as an array of uint8, as images are. Truth values, integers of up to 16 bits and
        float16 are read as float32, wider integers as float64. Columns of a table are no
        image: also those of uint8 are read as float32.
    y : ndarray of int64, shape (n_samples,), or None
        Class numbers, 0...C-1; None without labels.

    Raises
    ------
    DataFileError
        If a file is missing, empty, cut off, not of the kind its name says or ambiguous,
        holds values that are not finite numbers, or does not fit the other one; the text
        says how to go on. Labels that are not 0...C-1 are refused with the mapping that
        would make them so.
    ImportError
        If a table is to be read and the extra is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "digits.npz"
    ...     np.savez(path, images=np.zeros((5, 8, 8), np.uint8), labels=[0, 1, 2, 1, 0])
    ...     X, y = em.datasets.read_arrays(path, "labels")
    >>> X.shape, X.dtype
    ((5, 64), dtype('uint8'))
    >>> y
    array([0, 1, 2, 1, 0])
    """
    if n_classes is not None and n_classes < 1:
        raise ValueError(f"n_classes={n_classes} must be at least 1")
    samples = read_samples(images, labels, header=header, array=array)
    return samples.X, samples.class_numbers(n_classes)


def read_samples(
    images: StrPath,
    labels: StrPath | None = None,
    *,
    columns: Sequence[str] | None = None,
    header: bool | None = None,
    array: str | None = None,
    text_labels: bool = False,
) -> SampleFile:
    """Read samples with the names of their columns, and labels of any kind.

    Parameters
    ----------
    images, labels
        As for `read_arrays`.
    columns : sequence of str or None, default=None
        The columns that X is to have of a table, in this order, wherever they stand in it; others
        are left aside, whatever they hold. None takes all but the labels, as they stand. Files
        that name no columns, tables without a header among them, go by their places.
    header, array
        As for `read_arrays`.
    text_labels : bool, default=False
        Take the labels in CSV tables for texts, also where they look like numbers: 01 is not 1.

    Raises
    ------
    DataFileError
        As `read_arrays`, but for what the labels are; and if a table lacks one of the columns.
    ImportError
        As `read_arrays`.
    """
    if header is not None:
        flag("header", header)
    path = Path(images)
    kind = file_kind(path)
    names: tuple[str, ...] | None = None
    left_aside: tuple[str, ...] = ()
    if array is not None and kind is not FileKind.NPZ:
        raise DataFileError(
            f"{path} is no .npz, of whose arrays --array (in Python array) names one"
        )
    if kind in _TABLES:
        frame = _read_table(path, kind, header, lambda name: text_labels and name == labels)
        frame, raw_labels = _without_labels(frame, path, labels)
        present = tuple(frame.columns)
        if not (kind is FileKind.CSV and header is False):
            names = present if columns is None else _chosen(columns, present, path, labels)
            taken = set(names)
            left_aside = tuple(name for name in present if name not in taken)
            frame = frame[list(names)]
        values = feature_matrix(frame, str(path))
    elif kind is FileKind.NPZ:
        values, raw_labels = _read_archive(path, labels, array)
    else:
        values, raw_labels = _ARRAY_READERS[kind](path), None
    X = to_rows(values, str(path))
    source = str(labels)
    if raw_labels is not None:
        source = f"{path}[{shown(source)}]"
    elif labels is not None:
        raw_labels = _read_label_file(Path(labels), header, lambda _: text_labels)
    return SampleFile(X, raw_labels, source, names, left_aside)


def _read_table(
    path: Path, kind: FileKind, header: bool | None, is_text: Callable[[str], bool]
) -> "pd.DataFrame":
    if kind is FileKind.CSV:
        return read_csv(path, header, is_text=is_text)
    # Both tell the types of their columns.
    return read_feather(path) if kind is FileKind.FEATHER else read_parquet(path)


def _without_labels(
    frame: "pd.DataFrame", path: Path, labels: StrPath | None
) -> tuple["pd.DataFrame", _Array | None]:
    if not _is_name(labels, list(frame.columns), path, "column"):
        return frame, None
    name = str(labels)
    return frame.drop(columns=name), label_column(frame, name, f"{path}[{shown(name)}]")


def _chosen(
    columns: Sequence[str], present: tuple[str, ...], path: Path, labels: StrPath | None
) -> tuple[str, ...]:
    there = set(present)
    missing = [name for name in columns if name not in there]
    if missing:
        taken = f" ({shown(labels)} is taken for the labels)" if labels in missing else ""
        raise DataFileError(
            f"{path} lacks {len(missing)} of the {len(columns)} columns that the model was trained "
            f"on: {listed(missing, most=100)}{taken}. It has: {listed(present)}. Name the "
            "columns as they were then"
        )
    return tuple(columns)


def _read_archive(
    path: Path, labels: StrPath | None, array: str | None
) -> tuple[_Array, _Array | None]:
    names = npz_names(path)
    named = _is_name(labels, names, path, "array")
    others = [name for name in names if not (named and name == labels)]
    if array is not None:
        if array not in others:
            is_labels = f", besides {shown(labels)}, which is the labels" if named else ""
            has = with_shapes(npz_shapes(path))
            raise DataFileError(f"{path} has no array {shown(array)}{is_labels}; it has {has}")
        others = [array]
    if len(others) != 1:
        but = f" besides {shown(labels)}" if named else ""
        shapes = {name: shape for name, shape in npz_shapes(path).items() if name in others}
        raise DataFileError(
            f"{path} holds {len(others)} arrays{but}: {with_shapes(shapes)}. Which one is the "
            "images cannot be told: name it by --array of train and predict (in Python array=...), "
            "or save one array, or one of images and one of labels and name that of the labels"
        )
    return read_npz(path, others[0]), read_npz(path, str(labels)) if named else None


def _is_name(labels: StrPath | None, names: list[str], path: Path, what: str) -> bool:
    """Whether `labels` names a column or an array of the file of images."""
    if not isinstance(labels, str):
        return False
    if labels in names:
        return True
    if not is_there(Path(labels)):
        raise DataFileError(
            f"{path} has no {what} {shown(labels)}, and there is no such file either. It has: "
            f"{listed(names)}"
        )
    return False


def _read_label_file(path: Path, header: bool | None, is_text: Callable[[str], bool]) -> _Array:
    kind = file_kind(path)
    if kind in _ARRAY_READERS:
        return _ARRAY_READERS[kind](path)
    if kind is FileKind.NPZ:
        names = npz_names(path)
        if len(names) == 1:
            return read_npz(path, names[0])
        what = "arrays"
    else:
        frame = _read_table(path, kind, header, is_text)
        names = list(frame.columns)
        if len(names) == 1:
            return label_column(frame, names[0], str(path))
        what = "columns"
    raise DataFileError(
        f"{path} holds {len(names)} {what}: {listed(names)}. A file of labels must hold one: "
        "save the labels alone"
    )
