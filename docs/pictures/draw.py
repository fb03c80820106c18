"""Draw the pictures that the pages show, by the code of the pages themselves.

    python docs/pictures/draw.py

A page's examples run as its tests run them; pictures are those displays that they leave. Another,
models-for-tables.png, is the one that benchmarks/tables.py makes.
"""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

PICTURES = Path(__file__).resolve().parent
# Of each page, the names of displays, and the file that each goes to.
PAGES = {"tables.md": {"importance": "importance.png", "display": "predictions.png"}}


def names_left_by(page: Path) -> dict[str, Any]:
    """Run the examples of a page; return what they leave, by name."""
    test = doctest.DocTestParser().get_doctest(page.read_text(), {}, page.name, str(page), 0)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    if doctest.DocTestRunner(optionflags=flags).run(test, clear_globs=False).failed:
        raise SystemExit(f"the examples of {page.name} fail")
    return test.globs


def main() -> None:
    for name, pictures in PAGES.items():
        left = names_left_by(PICTURES.parent / name)
        for display, file in pictures.items():
            left[display].figure_.savefig(PICTURES / file, dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    main()
