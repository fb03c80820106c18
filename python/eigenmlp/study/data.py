"""The data a study runs on: images, labels, split, and how to show them."""

import dataclasses
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from eigenmlp import datasets
from eigenmlp.common.words import listed, shown
from eigenmlp.datasets import Dataset
from eigenmlp.datasets.files import read_samples
from eigenmlp.errors import DataFileError
from eigenmlp.study.origin import Origin
from eigenmlp.sweeps.data import Data

__all__ = [
    "DATASETS",
    "StudyData",
    "load_dataset",
    "load_files",
    "make_study_data",
    "with_unlabelled",
]

SPLIT_FRACTIONS = (0.8, 0.1, 0.1)
SPLIT_SEED = 0
N_SAMPLES = 5000
N_UNLABELLED = 1000
N_QUICK = 1000


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StudyData:
    """What the study runs on: images of classes, split, and how to show them.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        All images; uint8 stays uint8.
    y : ndarray of shape (n,)
        Class indices.
    split : tuple of three index arrays
        Rows for training, validation and test.
    class_names : tuple of str
        One name for each class.
    name : str
        "glyphs", "digits", "kuzushiji49", "kmnist", or the name of the image file.
    description : str
        One sentence for the report: what the images are, where from, under which licence.
    image_shape : (int, int) or None
        Height and width of an image; None when the features are not a square image.
    unlabelled : ndarray of shape (m, n_features) or None
        Further images, to be predicted at the end.
    input_scale : float, default=1.0
        Multiplies the inputs inside the network.
    feature_names : tuple of str or None, default=None
        Names of X's columns, if they are of a table.
    origin : Origin or None, default=None
        Options of ``eigenmlp study`` that load the same data; None where there are none.
    """

    X: np.ndarray
    y: np.ndarray
    split: tuple[np.ndarray, np.ndarray, np.ndarray]
    class_names: tuple[str, ...]
    name: str
    description: str
    image_shape: tuple[int, int] | None
    unlabelled: np.ndarray | None
    input_scale: float = 1.0
    feature_names: tuple[str, ...] | None = None
    origin: Origin | None = None

    def __repr__(self) -> str:
        return f"StudyData({self.name!r}: {len(self.X)} images, {self.n_classes} classes)"

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def n_features(self) -> int:
        """Number of values of an image."""
        return int(self.X.shape[1])

    @cached_property
    def for_runs(self) -> Data:
        """What the study's runs train on."""
        train, validation, test = ((self.X[rows], self.y[rows]) for rows in self.split)
        return Data(
            train=train,
            validation=validation,
            test=test,
            class_names=self.class_names,
            input_scale=self.input_scale,
            feature_names=self.feature_names,
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that affects training: images, labels, split and scale."""
        return self.for_runs.fingerprint


def make_study_data(
    X: np.ndarray,
    y: np.ndarray,
    *,
    name: str,
    description: str,
    class_names: tuple[str, ...],
    image_shape: tuple[int, int] | None,
    input_scale: float,
    unlabelled: np.ndarray | None = None,
) -> StudyData:
    """Split the rows 80 : 10 : 10 by a seeded permutation, the same for every study."""
    train, val, test = datasets.split(X, y, SPLIT_FRACTIONS, rng=SPLIT_SEED)
    return StudyData(
        name=name,
        description=description,
        X=X,
        y=y,
        split=(train, val, test),
        class_names=class_names,
        image_shape=image_shape,
        unlabelled=unlabelled,
        input_scale=input_scale,
    )


def load_dataset(name: str, *, quick: bool = False) -> StudyData:
    """Load one of the data sets the study knows; `quick` takes 1,000 images instead of 5,000.

    Raises
    ------
    ValueError
        If there is no data set of that name.
    """
    try:
        load = DATASETS[name]
    except KeyError:
        raise ValueError(
            f"there is no data set called {shown(name)}. Choose from: {', '.join(DATASETS)}"
        ) from None
    data = load(N_QUICK if quick else N_SAMPLES)
    return dataclasses.replace(data, origin=Origin(dataset=name, quick=quick))


def load_files(
    images: Path, labels: Path | str, *, header: bool | None = None, quick: bool = False
) -> StudyData:
    """Load images and labels as `datasets.read_arrays` does; `quick` takes 1,000 rows at most.

    It keeps a row of every class, and takes more where there are more classes. uint8 images are
    scaled by 1/255; other numbers, tables' among them, are taken as they are.
    """
    samples = read_samples(images, labels, header=header)
    X, y = samples.X, samples.class_numbers()
    assert y is not None  # noqa: S101  labels were asked for
    n_classes = int(y.max()) + 1
    if quick and len(X) > N_QUICK:
        rows = _quick_rows(y)
        X, y = X[rows], y[rows]
    scaled = X.dtype == np.uint8
    # What is not a text in a name can't be written to the page.
    file_name = images.name.encode("utf-8", "backslashreplace").decode()
    # Of a column or an array of the images' file, the source begins with that file's name.
    own_file = samples.label_source == str(labels)
    data = make_study_data(
        X,
        y,
        name=file_name.partition(".")[0],
        description=(
            f"{len(X):,} rows of {file_name}, {n_classes} classes, "
            + ("pixels divided by 255." if scaled else "values taken as they are.")
        ),
        class_names=tuple(map(str, range(n_classes))),
        image_shape=_square(X.shape[1]),
        input_scale=1 / 255 if scaled else 1.0,
    )
    origin = Origin(
        images=images.absolute(),
        labels=str(Path(labels).absolute() if own_file else labels),
        header=header,
        quick=quick,
    )
    return dataclasses.replace(data, feature_names=samples.feature_names, origin=origin)


def with_unlabelled(data: StudyData, images: Path, *, header: bool | None = None) -> StudyData:
    """Return the data with the images of a file as those to predict.

    Columns of a table go by name, if those of the study have names.

    Warns
    -----
    UserWarning
        If the table has further columns, which are left aside.

    Raises
    ------
    DataFileError
        If they are not like the images of the study.
    """
    samples = read_samples(images, columns=data.feature_names, header=header)
    X = samples.X
    if samples.left_aside:
        warnings.warn(
            f"{images}: left aside, for the study knows no such columns: "
            f"{listed(samples.left_aside)}",
            UserWarning,
            stacklevel=2,
        )
    if X.shape[1] != data.n_features:
        raise DataFileError(
            f"{images} cannot be predicted: its images consist of {X.shape[1]} values, those of "
            f"the study of {data.n_features} values; bring both to the same form"
        )
    # Floats of either type are the same numbers; bytes are scaled, and so mean others.
    if X.dtype != data.X.dtype and np.uint8 in {X.dtype.type, data.X.dtype.type}:
        raise DataFileError(
            f"{images} cannot be predicted: its images consist of {X.dtype} numbers, those of the "
            f"study of {data.X.dtype} numbers; bring both to the same form"
        )
    origin = data.origin
    if origin is not None:  # one option says of all files whether they have a header
        agree = origin.images is None or origin.header == header
        wanted = dataclasses.replace(origin, predict=images.absolute(), header=header)
        origin = wanted if agree else None
    return dataclasses.replace(data, unlabelled=X, origin=origin)


def _quick_rows(y: np.ndarray) -> np.ndarray:
    """Draw rows without losing a class: the first of each in a random order, and those before."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(y))
    _, firsts = np.unique(y[order], return_index=True)
    others = np.setdiff1d(np.arange(len(y)), firsts)
    places = np.concatenate([firsts, others[: max(0, N_QUICK - len(firsts))]])
    return np.asarray(order[np.sort(places)])


def _square(n_features: int) -> tuple[int, int] | None:
    side = round(n_features**0.5)
    return (side, side) if side * side == n_features and side >= 8 else None


def _glyphs(n_samples: int) -> StudyData:
    glyphs = datasets.load_glyphs(n_samples)
    further = datasets.load_glyphs(N_UNLABELLED, rng=1)
    return make_study_data(
        glyphs.X,
        glyphs.y,
        name="glyphs",
        description=(
            f"{n_samples:,} brush characters of {len(glyphs.class_names)} classes, 28 × 28 pixels, "
            "drawn by eigenmlp itself as a stand-in for the report's images."
        ),
        class_names=glyphs.class_names,
        image_shape=glyphs.image_shape,
        input_scale=1 / 255,
        unlabelled=further.X,
    )


def _digits(n_samples: int) -> StudyData:
    from sklearn.datasets import load_digits  # noqa: PLC0415  slow to import

    digits = load_digits()
    X, y = digits.data.astype(np.uint8)[:n_samples], digits.target[:n_samples]
    return make_study_data(
        X,
        y,
        name="digits",
        description=(
            f"{len(X):,} handwritten digits, 8 × 8 pixels of 17 grey levels, "
            "from scikit-learn (UCI optical recognition of handwritten digits)."
        ),
        class_names=tuple(map(str, digits.target_names)),
        image_shape=(8, 8),
        input_scale=1 / 16,
    )


def _kuzushiji(
    fetch: Callable[[Literal["train"]], Dataset], name: str, title: str
) -> Callable[[int], StudyData]:
    def load(n_samples: int) -> StudyData:
        whole = fetch("train")
        rows = _balanced_sample(whole.y, n_samples + N_UNLABELLED)
        return make_study_data(
            whole.X[rows[:n_samples]],
            whole.y[rows[:n_samples]],
            name=name,
            description=(
                f"{n_samples:,} images of {title}'s training split, every class equally likely, "
                f"28 × 28 pixels. {datasets.KUZUSHIJI_ATTRIBUTION}."
            ),
            class_names=whole.class_names,
            image_shape=whole.image_shape,
            input_scale=1 / 255,
            unlabelled=whole.X[rows[n_samples:]],
        )

    return load


def _balanced_sample(y: np.ndarray, n: int) -> np.ndarray:
    """Draw n different rows: first the class, uniformly, then a row of it.

    5,000 images drawn so have about 102 ± 10 a class, as the report's have 73 to 122;
    Kuzushiji-49 itself has classes fifteen times as frequent as others.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    n_classes = int(y.max()) + 1
    counts = np.bincount(rng.integers(n_classes, size=n), minlength=n_classes)
    drawn = [
        rng.choice(np.flatnonzero(y == label), size=count, replace=False)
        for label, count in enumerate(counts)
    ]
    return rng.permutation(np.concatenate(drawn))


DATASETS: dict[str, Callable[[int], StudyData]] = {
    "glyphs": _glyphs,
    "digits": _digits,
    "kuzushiji49": _kuzushiji(datasets.fetch_kuzushiji49, "kuzushiji49", "Kuzushiji-49"),
    "kmnist": _kuzushiji(datasets.fetch_kmnist, "kmnist", "Kuzushiji-MNIST"),
}
"""Loaders by name; each takes how many images to use."""
