"""What the tests of the command line share."""

import csv
import io
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

N_FEATURES, N_CLASSES = 12, 3


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


class Data(NamedTuple):
    X: npt.NDArray[np.uint8]
    y: npt.NDArray[np.int64]


def fitted(kind: Any, X: Any, y: Any, **options: Any) -> Any:
    """Fit an estimator a little, with L-BFGS."""
    sizes: Any = {"hidden_layer_sizes": (5,), "max_iter": 20, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(**sizes, solver="lbfgs", **options).fit(X, y)


def rows(text: str) -> tuple[list[str], npt.NDArray[Any]]:
    """Return the header and the cells of CSV."""
    header, *cells = csv.reader(io.StringIO(text, newline=""))
    return header, np.array(cells)
