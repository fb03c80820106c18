"""What the sections of the report are made with: headings, figures and sample images."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eigenmlp.common.extras import require
from eigenmlp.study.data import StudyData
from eigenmlp.study.report import figures
from eigenmlp.study.report.markup import data_uri
from eigenmlp.study.results import StudyResults

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Page", "Sample", "Section"]


@dataclass(frozen=True)
class Section:
    """A section of the page: its anchor, its heading, and its content as HTML."""

    anchor: str
    title: str
    parts: Sequence[str]

    def html(self) -> str:
        """Return the section with its heading."""
        body = "\n".join(part for part in self.parts if part)
        return f'<section id="{self.anchor}">\n<h2>{escape(self.title)}</h2>\n{body}\n</section>'


@dataclass(frozen=True)
class Sample:
    """An image of the data and what to write under it, in one line or two."""

    row: int
    text: str
    detail: str = ""


@dataclass(frozen=True)
class Page:
    """The data and results that the page shows, and the folder that its figures are kept in."""

    data: StudyData
    study: StudyResults
    folder: Path

    def plot(self, name: str, figure: "Figure", *, alt: str, caption: str, css: str = "") -> str:
        """Write the figure's files and return it for the page.

        As an image inside the page it keeps its own ids, which those of other SVGs would clash
        with.
        """
        svg = figures.save(figure, self.folder, name)
        return (
            f'<figure class="{f"plot {css}".strip()}">'
            f'<img src="{data_uri(svg.encode(), "image/svg+xml")}" alt="{escape(alt)}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )

    def samples(self, samples: Iterable[Sample], css: str = "") -> str:
        """Return images of the data side by side."""
        body = "\n".join(
            f'<figure><img src="{self._image(sample.row)}" alt="image {sample.row}">'
            f"<figcaption>{escape(sample.text)}"
            + (f"<br><span>{escape(sample.detail)}</span>" if sample.detail else "")
            + "</figcaption></figure>"
            for sample in samples
        )
        return f'<div class="{f"samples {css}".strip()}">\n{body}\n</div>'

    def _image(self, row: int) -> str:
        """Encode one row of the data as a grey image, black to white over its own values."""
        image = require("matplotlib.image", extra="study", purpose="Showing images in the report")
        png = io.BytesIO()
        pixels = np.asarray(self.data.X[row]).reshape(self.data.image_shape)
        image.imsave(png, pixels, cmap="gray", format="png", metadata={"Software": None})
        return data_uri(png.getvalue(), "image/png")
