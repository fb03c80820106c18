"""Tables of NumPy's files: the columns of one array, or arrays that are columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.common.extras import require
from eigenmlp.common.words import listed, shortened, shown
from eigenmlp.datasets.numpy_files import npz_shapes, read_npy, read_npz, with_shapes
from eigenmlp.datasets.tables import check_names
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["read_array_table"]


def read_array_table(
    path: Path, array: str | None, beside: Collection[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the table of a .npy or .npz file, and what was left aside.

    Columns of an array are called 1, 2, ..., other arrays by their names. Empty texts are gaps.

    Parameters
    ----------
    path : Path
    array : str or None
        The array of a .npz that is the table. None: the only one; the only one with columns beside
        one without, as X and y; or all, if each is a column.
    beside : collection of str
        Other arrays of a .npz that are columns as well.

    Raises
    ------
    DataFileError
        If the file can't be read, which of its arrays is the table can't be told, or it is none.
    ImportError
        If pandas is missing.
    """
    pandas = require("pandas", extra="study", purpose="Reading a table")
    told: list[str] = []
    if path.suffix.lower() == ".npy":
        columns = _columns(read_npy(path), None, str(path))
    else:
        shapes = npz_shapes(path)
        if array is not None and array not in shapes:
            raise DataFileError(
                f"{path} has no array {shown(array)} for --array; it has {with_shapes(shapes)}"
            )
        names = [array] if array is not None else _tables_of(shapes, path)
        named = [name for name in shapes if name in beside and name not in names]
        columns = {}
        for name in (*names, *named):
            source = f"{path}[{shown(name)}]"
            found = _columns(
                read_npz(path, name), name, source, single=len(names) > 1 or name in named
            )
            check_names([*columns, *found], path)
            columns |= found
        lengths = {name: len(values) for name, values in columns.items()}
        if len({*lengths.values()}) > 1:
            raise DataFileError(
                f"{path}: its arrays have different numbers of rows: {with_shapes(shapes)}. Name "
                "such as belong together"
            )
        left = [shown(name) for name in shapes if name not in {*names, *named}]
        if left:
            told.append(f"left aside, for they are no columns: {listed(left)}")
    return pandas.DataFrame(columns), told


def _tables_of(shapes: Mapping[str, tuple[int, ...]], path: Path) -> list[str]:
    """Tell the arrays that make up the table, where that is plain."""
    if len(shapes) == 1 or {len(shape) for shape in shapes.values()} == {1} == {
        len({*shapes.values()})
    }:
        return [*shapes]
    wide = [name for name, shape in shapes.items() if len(shape) == 2]
    narrow = [name for name, shape in shapes.items() if len(shape) == 1]
    if len(wide) == len(narrow) == 1 and len(shapes) == 2:
        (X,), (y,) = wide, narrow
        if shapes[X][0] == shapes[y][0]:
            return [X]
    raise DataFileError(
        f"{path} holds {len(shapes)} arrays, {with_shapes(shapes)}, and which of them is the table "
        "can't be told. Name it by --array; another one that is named as --target, --labels or "
        "--id is a column beside it"
    )


def _columns(
    values: NDArray[Any], name: str | None, source: str, *, single: bool = False
) -> dict[str, Any]:
    """Return the columns of an array by name; of a `single` one there may be no others."""
    if values.dtype.kind not in "biufUS":
        raise DataFileError(
            f"{source} holds values of type {shortened(values.dtype)}, which a table doesn't have. "
            "Save numbers or texts"
        )
    if single and values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 1 and name is not None:
        return {name: _cells(values)}
    if values.ndim != 2 or single:
        what = "a column is one-dimensional" if single else "a table has rows and columns"
        raise DataFileError(
            f"{source} has shape {values.shape}, but {what}. Images are trained on by --labels"
        )
    return {str(place + 1): _cells(values[:, place]) for place in range(values.shape[1])}


def _cells(values: NDArray[Any]) -> Any:
    kind = values.dtype.kind
    if kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if kind in "US":
        return [text or None for text in values.tolist()]
    # Not of another byte order, nor of NumPy's longest floats, which pandas has not.
    native = values.dtype.newbyteorder("=")
    return values.astype(np.float64 if kind == "f" and native.itemsize > 8 else native)
