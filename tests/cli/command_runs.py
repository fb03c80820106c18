"""What the tests of the command line share."""

from collections.abc import Callable
from typing import NamedTuple

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
