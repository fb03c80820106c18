"""Samples of files, as a model takes them."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from eigenmlp.cli.described import plain
from eigenmlp.cli.labels import has_names, targets_of
from eigenmlp.common.words import listed
from eigenmlp.datasets.files import read_samples
from eigenmlp.errors import DataFileError
from eigenmlp.export.view import feature_names_of, view_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["ModelInput", "columns_in_order", "samples_for"]

_SHOWN = 20  # names in a message


class ModelInput(NamedTuple):
    """Samples for a model.

    Attributes
    ----------
    X : (n_samples, n_features) array
        In the order of the model's columns.
    targets : array or None
        As the model's network takes them; None without labels.
    """

    X: NDArray[Any]
    targets: NDArray[Any] | None


def samples_for(
    model: Any,
    images: str,
    labels: str | None,
    *,
    header: bool | None = None,
    array: str | None = None,
    class_numbers: bool = False,
) -> ModelInput:
    """Read samples, a table's columns by the names that the model knows.

    With `class_numbers`, the labels of classes with names may be their numbers, from 0.

    Raises
    ------
    DataFileError
        If the files can't be read, or don't fit the model.
    """
    view = view_of(model)
    names = feature_names_of(model)
    found = read_samples(
        images,
        labels,
        columns=names,
        header=header,
        array=array,
        text_labels=has_names(view),
    )
    n_inputs = view.network.layer_sizes[0]
    if found.left_aside:
        _tell(f"{images}: left aside, for the model knows no such columns: ", found.left_aside)
    if names is None and found.feature_names is not None and len(found.feature_names) != n_inputs:
        raise DataFileError(
            f"{images} has {len(found.feature_names)} columns, {listed(found.feature_names)}, but "
            f"the model takes {n_inputs}, whose names it doesn't know. Leave out those that are no "
            "features; that of the labels is left out by --labels"
        )
    if names is not None and found.feature_names is None:
        _tell(f"{images} names no columns, which are taken for those of the model: ", names)
    targets = None
    if found.labels is not None:
        targets = targets_of(
            view,
            found.labels,
            found.label_source,
            n_samples=len(found.X),
            class_numbers=class_numbers,
        )
    return ModelInput(found.X, targets)


@contextlib.contextmanager
def columns_in_order() -> Iterator[None]:
    """Let estimators take arrays, whose columns are in order, without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)
        yield


def _tell(what: str, names: tuple[str, ...]) -> None:
    typer.echo(plain(what + listed(names, most=_SHOWN)), err=True)
