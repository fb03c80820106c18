"""What the runs of a sweep train on: samples, labels, and which of them are for what."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from eigenmlp.common.array_likes import WANTED_X, read_once, refuse_no_array
from eigenmlp.common.columns import checked_names, in_order, names_of
from eigenmlp.common.sparse_arrays import is_sparse, stored_arrays
from eigenmlp.common.words import listed, shown, type_of
from eigenmlp.datasets.splits import absences
from eigenmlp.losses import CrossEntropy, Loss, SquaredError
from eigenmlp.network.architecture import Architecture
from eigenmlp.network.samples import checked_samples

__all__ = ["Data"]

# X, which may be sparse, y and perhaps weights.
Part = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Data:
    """What the runs of a sweep train on.

    Parameters
    ----------
    train : (X, y) or (X, y, sample_weight)
        X : (n_samples, n_features) array, memory map or table of finite numbers; uint8 stays uint8,
        and sparse arrays and matrices stay sparse (those of other formats become CSR).
        y : (n_samples,) array of class indices from 0, or of texts or bools, which become indices;
        or (n_samples,) or (n_samples, n_outputs) array of numbers. sample_weight : (n_samples,)
        array, finite, >= 0.
    validation : (X, y) or (X, y, sample_weight)
        Decides which epoch of a run is its best.
    test : (X, y), (X, y, sample_weight) or None, default=None
        What runs are scored on at their end.
    class_names : sequence of str or None, default=None
        One name for each class index; None takes the texts that y consists of, or the indices.
    input_scale : float, default=1.0
        Multiplies the inputs inside the network.
    feature_names : sequence of str or None, default=None
        Names of X's columns; None takes a table's.

    Raises
    ------
    TypeError, ValueError
        If something is of another type, shape or range.

    Examples
    --------
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> y = np.where(X[:, 0] > 0, "yes", "no")
    >>> data = em.sweeps.Data(train=(X[:80], y[:80]), validation=(X[80:], y[80:]))
    >>> data
    Data(80 samples of 3 features to train, 20 to validate, 2 classes)
    """

    train: tuple[Any, ...]
    validation: tuple[Any, ...]
    test: tuple[Any, ...] | None = None
    class_names: Sequence[str] | None = None
    input_scale: float = 1.0
    feature_names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        given = {"train": self.train, "validation": self.validation}
        if self.test is not None:
            given["test"] = self.test
        for name, part in given.items():
            _check_pair(name, part)
        names = self.feature_names
        if names is None:
            names = names_of(self.train[0])
        parts = {name: _read(name, part, names) for name, part in given.items()}
        X = parts["train"][0]
        if names is not None:
            names = checked_names(names, X.shape[1])
        parts, found = _with_indices(parts)
        class_names = found if self.class_names is None else tuple(map(str, self.class_names))
        for name, part in parts.items():
            _check(name, part, parts["train"])
            if class_names is not None:
                _check_labels(name, part[1], len(class_names))
        for field, value in {
            **parts,
            "class_names": class_names,
            "feature_names": names,
        }.items():
            object.__setattr__(self, field, value)
        self.check_for(SquaredError() if self.n_classes is None else CrossEntropy())

    def __repr__(self) -> str:
        X, _ = self.train[:2]
        outputs = "numbers" if self.n_classes is None else f"{self.n_classes} classes"
        return (
            f"Data({X.shape[0]:,} samples of {X.shape[1]:,} features to train, "
            f"{len(self.validation[1]):,} to validate, "
            + ("" if self.test is None else f"{len(self.test[1]):,} to test, ")
            + f"{outputs})"
        )

    @property
    def parts(self) -> dict[str, Part]:
        """The parts that there are, "train", "val" and "test", as pairs or triples."""
        test = {} if self.test is None else {"test": self.test}
        return {"train": self.train, "val": self.validation, **test}

    @property
    def n_features(self) -> int:
        """Number of values in a sample."""
        return int(self.train[0].shape[1])

    @cached_property
    def n_classes(self) -> int | None:
        """Number of classes; None where y isn't class indices."""
        if self.class_names is not None:
            return len(self.class_names)
        labels = [part[1] for part in self.parts.values()]
        if any(y.ndim != 1 or y.dtype.kind not in "iu" or y.min() < 0 for y in labels):
            return None
        return max(int(y.max()) for y in labels) + 1

    def n_outputs(self, loss: Loss) -> int:
        """Return the number of outputs that a network needs for this loss.

        Raises
        ------
        ValueError
            If it is a loss of classes, and y isn't class indices.
        """
        y = self.train[1]
        if loss.output != "softmax":
            return 1 if y.ndim == 1 else int(y.shape[1])
        if self.n_classes is None:
            raise ValueError(
                f"loss {loss.name!r} is of classes, but y holds {y.dtype} of shape {y.shape}; pass "
                "(n_samples,) integer class indices or texts, or a loss of numbers such as "
                "'squared_error'"
            )
        return self.n_classes

    def check_for(self, loss: Loss) -> None:
        """Refuse what a network that is trained for this loss would refuse.

        Raises
        ------
        TypeError, ValueError
            Naming the part of the data.
        """
        sizes = [self.n_features, self.n_outputs(loss)]
        architecture = Architecture.of(
            sizes,
            activation="relu",
            dropout=0.0,
            normalization=None,
            output=loss.output,
            dtype="float32",
            input_scale=self.input_scale,
        )
        for name, (X, y, *weights) in self.parts.items():
            try:
                checked_samples(architecture, X, y, loss._targets, *weights)
            except (TypeError, ValueError) as error:
                part = "validation" if name == "val" else name
                raise type(error)(f"{part}: {error}") from error

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that affects training and the network.

        That is samples, labels, parts, scale, and the names of columns, which networks keep.
        """
        names = "" if self.feature_names is None else f" {[*self.feature_names]!r}"
        digest = hashlib.sha256(f"{self.input_scale!r} {self.n_classes}{names}".encode())
        for name, arrays in self.parts.items():
            if is_sparse(arrays[0]):
                digest.update(f"{name} sparse {arrays[0].shape}".encode())
            for array in stored_arrays(*arrays):
                digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def looked_at_again(self) -> Self:
        """Return the data, whose arrays may have been changed since they were last looked at."""
        self.__dict__.pop("fingerprint", None)
        return self

    @property
    def absences(self) -> list[str]:
        """Sentences on the classes that training, validation or test lack."""
        if self.class_names is None:
            return []
        words = {"train": "training", "val": "validation", "test": "test"}
        labels = [part[1] for part in self.parts.values()]
        ends = np.cumsum([len(y) for y in labels])
        rows = np.split(np.arange(ends[-1]), ends[:-1])
        parts = dict(zip((words[name] for name in self.parts), rows, strict=True))
        return absences(np.concatenate(labels), parts, self.class_names)


def _check_pair(name: str, part: object) -> None:
    if not isinstance(part, (tuple, list)) or len(part) not in {2, 3}:
        raise TypeError(
            f"{name} must be a pair (X, y), or a triple with the samples' weights; got "
            f"{type_of(part)}"
        )


def _read(name: str, part: tuple[Any, ...], names: Sequence[str] | None) -> Part:
    X, y, *weights = part
    try:
        refuse_no_array("X", X, WANTED_X)
        refuse_no_array("y", y, "(n_samples,) labels, or (n_samples, n_outputs) numbers")
        X = in_order(X, names, exact=True)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error
    # A map stays a map, which processes of one machine read where it lies.
    return tuple(
        array if isinstance(array, np.ndarray) or is_sparse(array) else np.asarray(array)
        for array in map(read_once, (X, y, *(w for w in weights if w is not None)))
    )


def _with_indices(parts: dict[str, Part]) -> tuple[dict[str, Part], tuple[str, ...] | None]:
    """Put class indices where labels are texts or bools, and return the classes' names."""
    labels = [part[1] for part in parts.values()]
    if not any(y.dtype.kind in "OUSTb" and y.ndim == 1 for y in labels):
        return parts, None
    try:
        classes = sorted({label for y in labels for label in y.tolist()})
    except TypeError as error:
        raise TypeError(
            f"y mixes labels of several types ({error}); pass texts alone, or class indices"
        ) from error
    missing = [label for label in classes if label is None or label != label]  # noqa: PLR0124
    if missing:
        raise ValueError(f"y has {shown(missing[0])} among its labels; leave such samples out")
    place = {label: index for index, label in enumerate(classes)}
    indexed = {
        name: (X, np.array([place[label] for label in y.tolist()], dtype=np.int64), *weights)
        for name, (X, y, *weights) in parts.items()
    }
    return indexed, tuple(map(str, classes))


def _check(name: str, part: Part, train: Part) -> None:
    X, y, *weights = part
    if X.ndim != 2 or X.dtype.kind not in "biuf":
        raise ValueError(
            f"{name}: X is {X.dtype} of shape {X.shape}; it must be (n_samples, n_features) numbers"
        )
    if not all(X.shape):
        raise ValueError(f"{name}: X has shape {X.shape}, without samples or without features")
    if X.shape[1] != train[0].shape[1]:
        raise ValueError(
            f"{name}: X has {X.shape[1]} features, but that of train has {train[0].shape[1]}"
        )
    if y.dtype.kind not in "biuf" or y.ndim not in {1, 2} or y.shape[1:] != train[1].shape[1:]:
        raise ValueError(
            f"{name}: y is {y.dtype} of shape {y.shape}; it must be (n_samples,) labels or "
            "numbers, or (n_samples, n_outputs) numbers, in every part alike"
        )
    for what, array in (("y", y), *(("sample_weight", array) for array in weights)):
        if len(array) != X.shape[0]:
            raise ValueError(f"{name}: {what} has {len(array)} entries for {X.shape[0]} samples")


def _check_labels(name: str, y: np.ndarray, n_classes: int) -> None:
    if y.ndim != 1 or y.dtype.kind not in "iu":
        raise ValueError(
            f"{name}: y is {y.dtype} of shape {y.shape}, but there are class_names; it must be "
            "(n_samples,) integer class indices"
        )
    wrong = np.flatnonzero((y < 0) | (y >= n_classes))
    if len(wrong):
        raise ValueError(
            f"{name}: y has {y[wrong[0]]} for sample {wrong[0]} (from 0), but there are "
            f"class_names for 0 to {n_classes - 1}: {listed([*map(str, range(n_classes))], most=3)}"
        )
