"""A text file's lines, whatever encoding it has, packed by gzip or not."""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Any

from eigenmlp.common.words import reason, shown
from eigenmlp.datasets.kinds import looks_like
from eigenmlp.errors import DataFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["TextLines"]

_OTHERS = (b"PK\x03\x04", b"PAR1", b"\x93NUMPY", b"\x80")  # files that are no text


class TextLines:
    """A file's text, line by line, as often as it is asked for."""

    def __init__(self, path: Path, encoding: str | None) -> None:
        self._path = path
        self._encoding = encoding
        self._content = path.read_bytes()
        self._raw = io.BytesIO()
        self._stream = io.TextIOWrapper(self._raw)  # held, since it closes what it reads
        self._codec = "utf-8"
        self.told: list[str] = []

    def open(self) -> None:
        """Tell the encoding; only within `errors_told`."""
        head = self._binary().read(16)
        signature = next(filter(head.startswith, _OTHERS), None)
        if signature is not None or head.lower().startswith((b"<!doctype", b"<html")):
            raise DataFileError(
                f"{self._path} is no table of text: it {looks_like(head)}. Write the table as CSV, "
                "or Parquet, with the name that belongs to it"
            )
        if self._encoding is not None:
            self._codec = codecs.lookup(self._encoding).name
        elif head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self._codec = "utf-16"
            self.told.append("read as UTF-16")

    def lines(self, first: int = 1) -> Iterator[str]:
        """Return the lines from one on, whatever ends them; they end with a newline each."""
        self._stream = stream = io.TextIOWrapper(self._binary(), self._codec)
        if stream.read(1) != "\ufeff":  # a byte-order mark
            stream.seek(0)
        return islice(stream, first - 1, None)

    def share(self) -> float:
        """Return how much of the file has been read."""
        return self._raw.tell() / max(len(self._content), 1)

    def _binary(self) -> Any:
        self._raw = io.BytesIO(self._content)
        if self._content.startswith(b"\x1f\x8b"):
            return gzip.GzipFile(fileobj=self._raw)
        return self._raw

    @contextlib.contextmanager
    def errors_told(self) -> Iterator[None]:
        """Tell errors of unpacking, decoding and splitting as the file's."""
        try:
            yield
        except (DataFileError, IndexError, KeyError):
            raise
        except (LookupError, UnicodeError, OSError, EOFError, zlib.error, csv.Error) as error:
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> DataFileError:
        if isinstance(error, LookupError):
            return DataFileError(f"--encoding {shown(self._encoding)} is unknown; latin-1 is one")
        if isinstance(error, csv.Error):
            return DataFileError(f"{self._path}: {error}")
        if not isinstance(error, UnicodeError):
            return DataFileError(f"{self._path} is damaged or cut off: {reason(error)}")
        return DataFileError(
            f"{self._path} is not text in {self._encoding or 'UTF-8'} ({self._place_of(error)}). "
            "If it comes from an older program, pass --encoding latin-1"
        )

    def _place_of(self, error: UnicodeError) -> str:
        try:  # again, since a stream counts from a place of its own
            content = self._binary().read()
            content.decode(self._codec)
        except UnicodeDecodeError as whole:
            line = content[: whole.start].count(b"\n") + 1
            return f"{whole.reason} in line {line}"
        except (UnicodeError, OSError, EOFError, zlib.error):
            pass
        return reason(error)
