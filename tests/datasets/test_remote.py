"""Downloads, against a server on this machine."""

import dataclasses
import hashlib
import http.server
import io
import logging
import re
import sys
import threading
import unicodedata
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pooch
import pytest

from eigenmlp.datasets import fetch_kmnist, fetch_kuzushiji49, remote
from eigenmlp.errors import DataFileError, DownloadError

Split = Literal["train", "test"]


class CountingHandler(http.server.SimpleHTTPRequestHandler):
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def send_header(self, keyword: str, value: str) -> None:
        cut_off = keyword == "Content-Length" and "short" in self.path
        super().send_header(keyword, "99999" if cut_off else value)

    def log_message(self, *_: Any) -> None:
        pass


@dataclasses.dataclass
class Server:
    folder: Path  # what it serves
    cache: Path  # where downloads go
    url: str
    asked: list[str]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serve Kuzushiji-49 of 5 and 3 images, and point the data set to it."""
    folder, cache = tmp_path / "served", tmp_path / "cache"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for split, n in (("train", 5), ("test", 3)):
        np.savez(folder / f"k49-{split}-imgs.npz", rng.integers(0, 256, (n, 28, 28), np.uint8))
        np.savez(folder / f"k49-{split}-labels.npz", np.arange(n, dtype=np.uint8) * 12)

    class Handler(CountingHandler):
        asked: ClassVar[list[str]] = []

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=str(folder))
    ) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{httpd.server_port}/"
        monkeypatch.setenv("EIGENMLP_DATA", str(cache))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(
            remote,
            "_KUZUSHIJI49",
            dataclasses.replace(remote._KUZUSHIJI49, base_url=url, md5=checksums(folder)),
        )
        yield Server(folder, cache, url, Handler.asked)
        httpd.shutdown()
        thread.join()


def checksums(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        for path in folder.iterdir()
    }


@pytest.mark.parametrize(("split", "n"), [("train", 5), ("test", 3)])
def test_downloads_once_and_reads(server: Server, split: Split, n: int) -> None:
    for _ in range(2):
        data = fetch_kuzushiji49(split)
        with np.load(server.folder / f"k49-{split}-imgs.npz") as archive:
            np.testing.assert_array_equal(data.X, archive["arr_0"].reshape(n, 784))
        assert data.X.dtype == np.uint8
        assert data.y.dtype == np.int64
        assert data.y.tolist() == [0, 12, 24, 36, 48][:n]
        assert [data.class_names[index] for index in data.y] == list("あすのゆゝ")[:n]
        assert data.image_shape == (28, 28)
    assert server.asked == [f"/k49-{split}-imgs.npz", f"/k49-{split}-labels.npz"]
    assert {path.name for path in server.cache.iterdir()} == {
        f"k49-{split}-imgs.npz",
        f"k49-{split}-labels.npz",
    }


@pytest.mark.usefixtures("server")
def test_attribution_is_logged_with_the_download() -> None:
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    pooch.get_logger().addHandler(handler)
    try:
        fetch_kuzushiji49("test")
        assert "created by CODH" in text.getvalue()
        assert "doi:10.20676/00000341, CC BY-SA 4.0" in text.getvalue()
        text.truncate(0)
        fetch_kuzushiji49("test")
        assert not text.getvalue()
    finally:
        pooch.get_logger().removeHandler(handler)
    for fetch in (fetch_kuzushiji49, fetch_kmnist):
        assert "CC BY-SA 4.0" in str(fetch.__doc__)


def test_progress_is_shown_on_a_terminal_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch_kuzushiji49("train")
    assert "100%" not in capsys.readouterr().err
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes stderr for a terminal
    monkeypatch.setenv("COLUMNS", "100")
    fetch_kuzushiji49("test")
    shown = capsys.readouterr().err
    size = (server.folder / "k49-test-imgs.npz").stat().st_size / 1000
    assert re.search(rf"k49-test-imgs\.npz.*{size:.1f}/{size:.1f}.*kB", shown)


def test_files_put_there_by_hand_need_no_server(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EIGENMLP_DATA", str(server.folder))
    assert len(fetch_kuzushiji49("train").X) == 5
    assert not server.asked


def test_a_damaged_copy_is_downloaded_again(server: Server) -> None:
    fetch_kuzushiji49("test")
    damaged = server.cache / "k49-test-imgs.npz"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    fetch_kuzushiji49("test")
    assert server.asked[2:] == ["/k49-test-imgs.npz"]
    assert checksums(server.cache).items() <= checksums(server.folder).items()


def test_wrong_checksum(server: Server) -> None:
    (server.folder / "k49-test-imgs.npz").write_bytes(b"something else")
    found = hashlib.md5(b"something else", usedforsecurity=False).hexdigest()
    with pytest.raises(
        DownloadError,
        match=rf"what {server.url}k49-test-imgs\.npz sent was not kept, for its checksum is wrong: "
        rf".*but got {found}.*\.\nTry again later",
    ):
        fetch_kuzushiji49("test")
    assert not list(server.cache.iterdir())


def test_connection_that_breaks_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    (server.folder / "short").mkdir()
    for path in server.folder.glob("*.npz"):
        path.rename(server.folder / "short" / path.name)
    dataset = dataclasses.replace(remote._KUZUSHIJI49, base_url=f"{server.url}short/")
    monkeypatch.setattr(remote, "_KUZUSHIJI49", dataset)
    with pytest.raises(
        DownloadError, match=rf"download of {server.url}short/k49-test-imgs\.npz broke off\."
    ):
        fetch_kuzushiji49("test")
    assert not list(server.cache.iterdir())


def test_server_without_the_file(server: Server) -> None:
    (server.folder / "k49-test-labels.npz").unlink()
    with pytest.raises(
        DownloadError, match=rf"answered 404 File not found to {server.url}k49-test-labels\.npz\."
    ):
        fetch_kuzushiji49("test")
    assert [path.name for path in server.cache.iterdir()] == ["k49-test-imgs.npz"]


def test_offline_says_which_files_to_put_where(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A port without a server: bound, but not listening.
    nowhere = http.server.HTTPServer(("127.0.0.1", 0), CountingHandler, bind_and_activate=False)
    with nowhere:
        nowhere.server_bind()
        url = f"http://127.0.0.1:{nowhere.server_port}/"
        dataset = dataclasses.replace(remote._KUZUSHIJI49, base_url=url)
        monkeypatch.setattr(remote, "_KUZUSHIJI49", dataset)
        with pytest.raises(DownloadError) as caught:
            fetch_kuzushiji49("train")
    names = ("k49-train-imgs.npz", "k49-train-labels.npz")
    assert str(caught.value) == (
        f"Kuzushiji-49: no connection to {url}{names[0]}.\n"
        f"Try again later, or put these files into {server.cache}\n"
        f"  {url}{names[0]} (MD5 {dataset.md5[names[0]]})\n"
        f"  {url}{names[1]} (MD5 {dataset.md5[names[1]]})\n"
        "or set the environment variable EIGENMLP_DATA to a folder that holds them."
    )


def test_cache_that_cannot_be_written(server: Server) -> None:
    server.cache.write_text("a file where the folder should be")
    with pytest.raises(
        DownloadError, match=r"k49-test-imgs\.npz could not be stored: .*\nTry again"
    ):
        fetch_kuzushiji49("test")


def test_labels_beyond_the_classes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(server.folder / "k49-test-labels.npz", np.array([0, 49, 1], np.uint8))
    monkeypatch.setattr(
        remote,
        "_KUZUSHIJI49",
        dataclasses.replace(remote._KUZUSHIJI49, md5=checksums(server.folder)),
    )
    with pytest.raises(DataFileError, match="label 49, but with 49 classes"):
        fetch_kuzushiji49("test")


def test_unknown_split_and_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match='split=\'val\' is unknown; use "train" or "test"'):
        fetch_kmnist("val")  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(
        ImportError, match=r"Downloading Kuzushiji-MNIST needs pooch.*eigenmlp\[study\]"
    ):
        fetch_kmnist("test")


@pytest.mark.parametrize(
    ("dataset", "prefix", "folder", "n_classes"),
    [(remote._KUZUSHIJI49, "k49", "k49", 49), (remote._KMNIST, "kmnist", "kmnist", 10)],
)
def test_the_data_sets(
    dataset: remote._RemoteDataset, prefix: str, folder: str, n_classes: int
) -> None:
    assert dataset.base_url == f"http://codh.rois.ac.jp/kmnist/dataset/{folder}/"
    assert dataset.files == {
        split: (f"{prefix}-{split}-imgs.npz", f"{prefix}-{split}-labels.npz")
        for split in ("train", "test")
    }
    assert set(dataset.md5) == {name for names in dataset.files.values() for name in names}
    assert all(re.fullmatch("[0-9a-f]{32}", md5) for md5 in dataset.md5.values())
    assert len(set(dataset.class_names)) == len(dataset.class_names) == n_classes
    for name in dataset.class_names:
        assert unicodedata.name(name).startswith("HIRAGANA")
