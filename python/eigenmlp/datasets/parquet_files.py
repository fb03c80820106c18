"""Parquet tables, read by Arrow: one file, or a folder of parts."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from eigenmlp.common.extras import require
from eigenmlp.common.words import listed, reason, shortened, shown
from eigenmlp.datasets.arrow_tables import (
    PURPOSE,
    arrow_errors_told,
    frame_of,
    plain_table,
)
from eigenmlp.datasets.kinds import looks_like
from eigenmlp.datasets.tables import check_names
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

__all__ = ["read_parquet"]

_MAGIC = b"PAR1"  # both the first and the last four bytes of a Parquet file
_HIDDEN = ("_", ".")  # how names begin of what Spark and others keep beside the parts
_GAP = "__HIVE_DEFAULT_PARTITION__"
_WHOLE = re.compile(r"-?\d{1,15}")
_DECIMAL = re.compile(r"-?\d+\.\d+(?:[eE][+-]?\d+)?")
_MOST_NAMES = 20  # in a message


def read_parquet(path: Path, advance: Callable[[float], None] | None = None) -> pd.DataFrame:
    """Read a Parquet table, its pages compared with their checksums.

    An index that pandas wrote is a column like others. Of a folder all parts are read, in the order
    of their names; names of folders in it such as ``year=2020`` become columns.

    Parameters
    ----------
    path : Path
        A file, or a folder of them.
    advance : callable or None, default=None
        Is called with the share of the parts that is read.

    Raises
    ------
    DataFileError
        If a file is not Parquet, is cut off or damaged; if columns or an index have no name or
        several the same one; if a column is of a type that pandas lacks; if a folder has no parts,
        or such with other columns, or those of a Delta table.
    ImportError
        If pandas or pyarrow is missing.
    """
    if not path.is_dir():
        return frame_of(_table_of(path), path)
    pyarrow = require("pyarrow", extra="parquet", purpose=PURPOSE)
    paths = _parts_of(path)
    folders = [_named_folders(part.relative_to(path).parts[:-1]) for part in paths]
    parts: list[Any] = []
    for done, (part, folder) in enumerate(zip(paths, folders, strict=True), start=1):
        if folder.keys() != folders[0].keys():
            raise DataFileError(
                f"{part} lies in folders with the names {listed([*folder]) or 'of no column'}, but "
                f"{paths[0]} in such with {listed([*folders[0]]) or 'of no column'}. Name them "
                "alike"
            )
        table = _table_of(part, is_part=True)
        check_names([*table.column_names, *folder], part)
        parts.append(_like(table, part, parts[0] if parts else table, paths[0]))
        if advance is not None:
            advance(done / len(paths))
    try:
        whole = pyarrow.concat_tables(parts, promote_options="permissive")
    except pyarrow.ArrowException as error:  # such as integers that are no floats
        raise DataFileError(
            f"{path}: its parts have columns of types that don't go together: {reason(error)}. "
            "Write them with the same types"
        ) from error
    frame = frame_of(whole, path)
    for name in folders[0]:
        values = _typed([folder[name] for folder in folders])
        lengths = [part.num_rows for part in parts]
        frame[name] = [value for value, n in zip(values, lengths, strict=True) for _ in range(n)]
    return frame


def _table_of(path: Path, *, is_part: bool = False) -> Any:
    parquet = require("pyarrow.parquet", extra="parquet", purpose=PURPOSE)
    with path.open("rb") as stream:
        head = stream.read(8)
    if not head.startswith(_MAGIC):
        raise DataFileError(
            f"{path} is not a Parquet file: it {looks_like(head)}. Check that it is the file you "
            "meant"
        )
    # Not read_table, which makes columns of folders' names such as year=2020.
    with (
        arrow_errors_told(path),
        parquet.ParquetFile(path, page_checksum_verification=True) as file,
    ):
        check_names(file.schema_arrow.names, path)
        table = file.read()
        table.validate(full=True)  # its texts, which are UTF-8
    return plain_table(table, path, is_part=is_part)


def _parts_of(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder and those below it, in the order of their numbers."""
    if (folder / "_delta_log").is_dir():
        raise DataFileError(
            f"{folder} is a Delta table, whose log says which of the parts count. Write it as "
            "plain Parquet"
        )
    found = []
    others = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(_HIDDEN)]
        seen = [name for name in files if not name.startswith(_HIDDEN)]
        found += [Path(place, name) for name in seen if name.lower().endswith(".parquet")]
        others += [name for name in seen if not name.lower().endswith(".parquet")]
    if not found:
        has = f"; it has {listed(sorted(others), most=5)}" if others else ""
        raise DataFileError(
            f"{folder} is a folder without Parquet files, whose names end in .parquet{has}. Give "
            "the path of one file, or of a folder of Parquet's parts"
        )
    return sorted(found, key=lambda part: _by_numbers(str(part.relative_to(folder))))


def _by_numbers(name: str) -> list[tuple[int, str]]:
    """Return what sorts part-2 before part-10."""
    return [
        (int(text), "") if text.isdecimal() else (-1, text) for text in re.split(r"(\d+)", name)
    ]


def _named_folders(names: tuple[str, ...]) -> dict[str, str | None]:
    """Return the columns that stand in the names of folders, as in year=2020."""
    pairs = (name.partition("=") for name in names)
    texts = {unquote(name): unquote(value) for name, equals, value in pairs if equals}
    return {name: None if text == _GAP else text for name, text in texts.items()}


def _typed(texts: list[str | None]) -> list[Any]:
    there = [text for text in texts if text is not None]
    for pattern, kind in ((_WHOLE, int), (_DECIMAL, float)):
        if there and all(map(pattern.fullmatch, there)):
            return [None if text is None else kind(text) for text in texts]
    return list(texts)


def _like(table: Any, path: Path, first: Any, first_path: Path) -> Any:
    """Return a part with its columns in the order of the first part.

    Raises
    ------
    DataFileError
        If it has other columns, or of other types.
    """
    pyarrow = require("pyarrow", extra="parquet", purpose=PURPOSE)
    names = first.column_names
    missing = [name for name in names if name not in table.column_names]
    further = [name for name in table.column_names if name not in names]
    if missing or further:
        lacks = f"lacks the columns {_quoted(missing)}" if missing else ""
        has = f"has the further columns {_quoted(further)}" if further else ""
        raise DataFileError(
            f"{path} {' and '.join(filter(None, [lacks, has]))}, other than {first_path}. All "
            "parts of a table must have the same: write it again, or name one file"
        )
    table = table.select(names)
    for one, other in zip(table.schema, first.schema, strict=True):
        try:
            pyarrow.unify_schemas(
                [pyarrow.schema([one]), pyarrow.schema([other])], promote_options="permissive"
            )
        except pyarrow.ArrowException as error:
            raise DataFileError(
                f"{path}: column {shown(one.name)} is of type {shortened(one.type)}, but of type "
                f"{shortened(other.type)} in {first_path}. Write all parts with the same types"
            ) from error
    return table


def _quoted(names: list[str]) -> str:
    return listed([*map(shown, names)], most=_MOST_NAMES)
