"""Samples and targets, checked for a network and given to the core."""

from numpy.typing import ArrayLike

from eigenmlp._native import _core
from eigenmlp.common.array_likes import WANTED_X, refuse_no_array
from eigenmlp.common.sparse_arrays import as_csr, is_sparse
from eigenmlp.network.architecture import Architecture

__all__ = ["checked_samples", "refuse_no_arrays"]


def refuse_no_arrays(
    output: str, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
) -> None:
    """Refuse what is not an array, naming what a network with such an output takes."""
    refuse_no_array("X", X, WANTED_X)
    wanted = (
        "(n_samples,) integer class indices"
        if output == "softmax"
        else "(n_samples, n_outputs) numbers"
    )
    refuse_no_array("y", y, wanted)
    if sample_weight is not None:
        refuse_no_array("sample_weight", sample_weight, "(n_samples,) weights, or None")


def checked_samples(
    architecture: Architecture,
    X: ArrayLike,
    y: ArrayLike | None = None,
    kind: _core.TargetKind = _core.TargetKind.labels,
    sample_weight: ArrayLike | None = None,
) -> _core.Samples:
    """Check values and shapes, and convert them where the core can't read them as they lie.

    Raises
    ------
    TypeError, ValueError
        If something is of another type, shape or range.
    """
    if is_sparse(X):
        X = as_csr(X)
    sizes, single = architecture.layer_sizes, architecture.dtype == "float32"
    return _core.Samples(X, y, kind, sample_weight, sizes[0], sizes[-1], single)
