"""Reads a report page back: its tables, its text, its anchors and everything it refers to."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "link", "img", "br"}


@dataclass
class Page(HTMLParser):
    """A parsed page.

    `tables` holds the body rows of every table by section anchor, `text` the visible text by
    section anchor (the header's under ""), `references` every src and href.
    """

    tables: dict[str, list[list[list[str]]]] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    images: list[dict[str, str]] = field(default_factory=list)
    style: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._section = ""
        self._open: list[str] = []

    @classmethod
    def read(cls, path: Path) -> "Page":
        page = cls()
        page.feed(path.read_text("utf-8"))
        page.close()
        assert not page._open, f"never closed: {page._open}"
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self.tags.append(tag)
        self.references += [values[key] for key in ("src", "href") if key in values]
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "section":
            self._section = values["id"]
        if tag == "img":
            self.images.append({**values, "section": self._section})
        if tag == "table":
            self.tables.setdefault(self._section, []).append([])
        if tag == "tr" and "tbody" in self._open:
            self.tables[self._section][-1].append([])
        if tag in ("td", "th") and "tbody" in self._open:
            self.tables[self._section][-1][-1].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"{tag} closed out of turn"
        if tag == "section":
            self._section = ""

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            self.style += data
            return
        self.text[self._section] = self.text.get(self._section, "") + data
        if "tbody" in self._open and self._open[-1] in ("td", "th"):
            self.tables[self._section][-1][-1][-1] += data
