"""Data sets downloaded once, checked and kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from eigenmlp.common.extras import require
from eigenmlp.common.live import LiveDisplay, progress_console
from eigenmlp.common.words import shown
from eigenmlp.datasets.dataset import Dataset
from eigenmlp.datasets.files import read_arrays
from eigenmlp.errors import DownloadError

if TYPE_CHECKING:
    import pooch
    from rich.progress import Progress

__all__ = ["KUZUSHIJI_ATTRIBUTION", "fetch_kmnist", "fetch_kuzushiji49"]

KUZUSHIJI_ATTRIBUTION = (
    '"KMNIST Dataset" (created by CODH), adapted from "Kuzushiji Dataset" (created by NIJL and '
    "others), doi:10.20676/00000341, CC BY-SA 4.0"
)

Split = Literal["train", "test"]
_IMAGE_SHAPE = (28, 28)
_FOLDER_VARIABLE = "EIGENMLP_DATA"
_CHUNK = 2**16  # bytes between two updates of the progress bar


@dataclass(frozen=True, kw_only=True)
class _RemoteDataset:
    """Where the files of a data set are, and how to know them again."""

    title: str
    base_url: str  # ends with a slash
    files: Mapping[Split, tuple[str, str]]  # images, labels
    md5: Mapping[str, str]  # by file name
    class_names: tuple[str, ...]


_KUZUSHIJI49 = _RemoteDataset(
    title="Kuzushiji-49",
    base_url="http://codh.rois.ac.jp/kmnist/dataset/k49/",
    files=MappingProxyType(
        {
            "train": ("k49-train-imgs.npz", "k49-train-labels.npz"),
            "test": ("k49-test-imgs.npz", "k49-test-labels.npz"),
        }
    ),
    md5=MappingProxyType(
        {
            "k49-train-imgs.npz": "7ac088b20481cf51dcd01ceaab89d821",
            "k49-train-labels.npz": "44a8e1b893f81e63ff38d73cad420f7a",
            "k49-test-imgs.npz": "d352e201d846ce6b94f42c990966f374",
            "k49-test-labels.npz": "4da6f7a62e67a832d5eb1bd85c5ee448",
        }
    ),
    class_names=tuple(
        "あいうえおかきくけこさしすせそたちつてとなにぬねの"
        "はひふへほまみむめもやゆよらりるれろわゐゑをんゝ"
    ),
)
_KMNIST = _RemoteDataset(
    title="Kuzushiji-MNIST",
    base_url="http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    files=MappingProxyType(
        {
            "train": ("kmnist-train-imgs.npz", "kmnist-train-labels.npz"),
            "test": ("kmnist-test-imgs.npz", "kmnist-test-labels.npz"),
        }
    ),
    md5=MappingProxyType(
        {
            "kmnist-train-imgs.npz": "a183fbc01ed9a345513b145673d3d0bb",
            "kmnist-train-labels.npz": "b0e1d240e8afec72b50437fc3bc5908a",
            "kmnist-test-imgs.npz": "dace6de62ca8b90843cc45366337d02e",
            "kmnist-test-labels.npz": "3ae489a79983d0fe386152684e3b5412",
        }
    ),
    class_names=tuple("おきすつなはまやれを"),
)


def fetch_kuzushiji49(split: Split) -> Dataset:
    """Load Kuzushiji-49, downloading it the first time: 49 classes of cursive hiragana.

    28 by 28 pixels, white on black; 232,365 images to train and 38,547 to test, about
    63 MB and 11 MB to download. The classes differ in size: balanced accuracy says more
    than accuracy.

    Parameters
    ----------
    split : {"train", "test"}
        Which part of the data set.

    Returns
    -------
    Dataset
        ``X`` of uint8, shape (n_samples, 784), ``y`` of int64, the kana as class names.

    Raises
    ------
    DownloadError
        If the server cannot be reached, or the checksum of what it sent is wrong; the text
        says which files to put where by hand.
    ImportError
        If pooch is missing (extra ``study``).
    ValueError
        If `split` is neither "train" nor "test".

    Notes
    -----
    Files are kept in the cache folder of the operating system, in ``eigenmlp``, or where
    the environment variable ``EIGENMLP_DATA`` says, and checked at every call.

    Attribution: "KMNIST Dataset" (created by CODH), adapted from "Kuzushiji Dataset"
    (created by NIJL and others), doi:10.20676/00000341, licence CC BY-SA 4.0. Whoever
    publishes something made from it gives this attribution. See T. Clanuwat et al., "Deep
    Learning for Classical Japanese Literature", arXiv:1812.01718.

    Examples
    --------
    >>> import eigenmlp as em
    >>> X, y, class_names, image_shape = em.datasets.fetch_kuzushiji49(
    ...     "test"
    ... )  # doctest: +SKIP
    """
    return _fetch(_KUZUSHIJI49, split)


def fetch_kmnist(split: Split) -> Dataset:
    """Load Kuzushiji-MNIST, downloading it the first time: ten classes of cursive hiragana.

    28 by 28 pixels, white on black; 60,000 images to train and 10,000 to test, as many of
    each class, about 18 MB and 3 MB to download.

    Parameters
    ----------
    split : {"train", "test"}
        Which part of the data set.

    Returns
    -------
    Dataset
        ``X`` of uint8, shape (n_samples, 784), ``y`` of int64, the kana as class names.

    Raises
    ------
    DownloadError
        If the server cannot be reached, or the checksum of what it sent is wrong; the text
        says which files to put where by hand.
    ImportError
        If pooch is missing (extra ``study``).
    ValueError
        If `split` is neither "train" nor "test".

    Notes
    -----
    Where files are kept, and the attribution that the licence CC BY-SA 4.0 asks for, are
    those of `fetch_kuzushiji49`.

    Examples
    --------
    >>> import eigenmlp as em
    >>> X, y, class_names, image_shape = em.datasets.fetch_kmnist("test")  # doctest: +SKIP
    """
    return _fetch(_KMNIST, split)


def _fetch(dataset: _RemoteDataset, split: Split) -> Dataset:
    if split not in dataset.files:
        raise ValueError(f'split={shown(split)} is unknown; use "train" or "test"')
    purpose = f"Downloading {dataset.title}"
    pooch = require("pooch", extra="study", purpose=purpose)
    keeper = pooch.create(
        path=pooch.os_cache("eigenmlp"),
        env=_FOLDER_VARIABLE,
        base_url=dataset.base_url,
        registry={name: f"md5:{md5}" for name, md5 in dataset.md5.items()},
    )
    names = dataset.files[split]
    missing = [name for name in names if not (keeper.abspath / name).exists()]
    if missing:
        pooch.get_logger().info("%s: %s", dataset.title, KUZUSHIJI_ATTRIBUTION)
    for name in names:
        try:
            _download(keeper, name)
        except (OSError, ValueError) as error:
            raise DownloadError(
                f"{dataset.title}: {_cause(error, keeper, name)}\n"
                + _by_hand(dataset, names, keeper.abspath)
            ) from error
    images, labels = (keeper.abspath / name for name in names)
    X, y = read_arrays(images, labels, n_classes=len(dataset.class_names))
    assert y is not None  # noqa: S101  since labels were given
    return Dataset(X, y, dataset.class_names, _IMAGE_SHAPE)


def _download(keeper: "pooch.Pooch", name: str) -> None:
    """Bring a file into the cache unless it is there and its checksum is right."""
    # Imported here, as only downloads show a progress bar.
    from pooch import HTTPDownloader  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = progress_console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    bar = _DownloadBar(progress, name, LiveDisplay(progress.get_renderable, console, redirect=True))
    try:
        keeper.fetch(name, downloader=HTTPDownloader(progressbar=bar, chunk_size=_CHUNK))
    finally:
        bar.close()


class _DownloadBar:
    """What pooch expects of a progress bar, drawn by rich.

    It starts when the size is known, so that the messages before stay above it.
    """

    def __init__(self, progress: "Progress", name: str, display: LiveDisplay) -> None:
        self._progress = progress
        self._task = progress.add_task(name, total=None)
        self._display = display

    @property
    def total(self) -> float | None:
        return self._progress.tasks[0].total

    @total.setter
    def total(self, n_bytes: int) -> None:
        self._progress.update(self._task, total=n_bytes or None)
        self._display.start()

    def update(self, n_bytes: int) -> None:
        self._progress.advance(self._task, n_bytes)

    def reset(self) -> None:
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        self._display.stop()


def _cause(error: OSError | ValueError, keeper: "pooch.Pooch", name: str) -> str:
    # A dependency of pooch, imported after it.
    from requests import ConnectionError as NoConnection  # noqa: PLC0415
    from requests import HTTPError, RequestException, Timeout  # noqa: PLC0415

    url = keeper.get_url(name)
    if isinstance(error, HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason} to {url}."
    if isinstance(error, Timeout):
        return f"the server did not answer in time when asked for {url}."
    if isinstance(error, NoConnection):
        return f"no connection to {url}."
    if isinstance(error, RequestException):
        return f"the download of {url} broke off."
    if isinstance(error, ValueError):
        return f"what {url} sent was not kept, for its checksum is wrong: {error}."
    return f"{name} could not be stored: {error}."


def _by_hand(dataset: _RemoteDataset, names: tuple[str, str], folder: Path) -> str:
    files = "\n".join(f"  {dataset.base_url}{name} (MD5 {dataset.md5[name]})" for name in names)
    return (
        f"Try again later, or put these files into {folder}\n{files}\n"
        f"or set the environment variable {_FOLDER_VARIABLE} to a folder that holds them."
    )
