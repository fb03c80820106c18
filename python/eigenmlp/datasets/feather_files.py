"""Feather files, which are Arrow's tables as they lie in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eigenmlp.common.extras import require
from eigenmlp.datasets.arrow_tables import PURPOSE, arrow_errors_told, frame_of, plain_table
from eigenmlp.datasets.kinds import looks_like
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["read_feather"]

_MAGIC = b"ARROW1\0\0"


def read_feather(path: Path) -> pd.DataFrame:
    """Read a Feather file; an index that pandas wrote is a column like others.

    Raises
    ------
    DataFileError
        If the file is not Feather's, is cut off or damaged; if columns or an index have no name or
        several the same one; if a column is of a type that pandas lacks.
    ImportError
        If pandas or pyarrow is missing.
    """
    pyarrow = require("pyarrow", extra="parquet", purpose=PURPOSE)
    ipc = require("pyarrow.ipc", extra="parquet", purpose=PURPOSE)
    with path.open("rb") as stream:
        head = stream.read(8)
    if head != _MAGIC:
        raise DataFileError(
            f"{path} is not a Feather file: it {looks_like(head)}. Check that it is the file you "
            "meant"
        )
    with arrow_errors_told(path), pyarrow.OSFile(str(path)) as file:
        table = ipc.open_file(file).read_all()
        # Arrow takes places within texts and dictionaries as they are, also those out of bounds.
        table.validate(full=True)
    return frame_of(plain_table(table, path), path)
