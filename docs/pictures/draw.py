"""Draw the pictures that the pages show, by the code of the pages themselves.

    python docs/pictures/draw.py

A page's examples run as its tests run them; pictures are the displays and figures that they leave.
Another, models-for-tables.png, is the one that benchmarks/tables.py makes.
"""

from __future__ import annotations

import contextlib
import doctest
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

PICTURES = Path(__file__).resolve().parent
# Of each page, the names of displays or figures, and the file that each goes to.
PAGES = {
    "tables.md": {"importance": "importance.png", "display": "predictions.png"},
    "text.md": {"figure": "words.png"},
}


def names_left_by(page: Path) -> dict[str, Any]:
    """Run the examples of a page; return what they leave, by name."""
    test = doctest.DocTestParser().get_doctest(page.read_text(), {}, page.name, str(page), 0)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    with contextlib.chdir(page.parents[1]):
        failed = doctest.DocTestRunner(optionflags=flags).run(test, clear_globs=False).failed
    if failed:
        raise SystemExit(f"the examples of {page.name} fail")
    return test.globs


def main() -> None:
    for name, pictures in PAGES.items():
        left = names_left_by(PICTURES.parent / name)
        for shown, file in pictures.items():
            figure = getattr(left[shown], "figure_", left[shown])
            figure.savefig(PICTURES / file, dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    main()
