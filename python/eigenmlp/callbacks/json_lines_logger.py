"""Write the history to a file of JSON lines while training runs."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from eigenmlp.callbacks.row_logger import RowLogger

if TYPE_CHECKING:
    from io import TextIOWrapper

__all__ = ["JSONLinesLogger"]


class JSONLinesLogger(RowLogger):
    """Write one JSON object per epoch, on a line of its own: the epoch and every history column.

    Each line is valid JSON by RFC 8259; numbers have the digits that give the same float64
    back. JSON has no NaN and no infinities: as in JavaScript, they become ``null``. Each line
    reaches the file as its epoch ends, so a run that is killed leaves all the epochs it
    finished. A run that is resumed begins with the lines of the epochs that it has behind it,
    so that the file is always the whole run's.

    Parameters
    ----------
    path : str or os.PathLike
        File to write, usually named ``*.jsonl``, in a folder that exists. A file that is there is
        overwritten when training begins, also by a second training run with the same object.

    Raises
    ------
    TypeError
        If `path` is not a path.
    OSError
        In training, if the file cannot be written.

    References
    ----------
    T. Bray, "The JavaScript Object Notation (JSON) Data Interchange Format", RFC 8259, 2017.
    JSON Lines, https://jsonlines.org.

    Examples
    --------
    >>> import json
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> X, y = np.eye(2), np.arange(2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = Path(folder, "log.jsonl")
    ...     history = em.train(
    ...         em.Network([2, 2], rng=0), X, y, optimizer=em.optimizers.SGD(),
    ...         learning_rate=0.1, epochs=3, callbacks=[em.callbacks.JSONLinesLogger(log)],
    ...     )
    ...     rows = [json.loads(line) for line in log.read_text().splitlines()]
    >>> [row["epoch"] for row in rows]
    [0, 1, 2]
    >>> [row["train_loss"] for row in rows] == history["train_loss"]
    True
    """

    _default_name = "log.jsonl"

    def _write(self, file: TextIOWrapper, row: dict[str, float]) -> None:
        finite = {name: value if math.isfinite(value) else None for name, value in row.items()}
        file.write(json.dumps(finite, allow_nan=False) + "\n")
