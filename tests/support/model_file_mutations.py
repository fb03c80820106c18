"""Damage to model files: of bytes, of the text of the header, and of the JSON in it."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["damaged"]


class Raw:
    """Text that goes into a file as it is, though it may not be JSON."""

    def __init__(self, text: str) -> None:
        self.text = text


# JSON that someone means harm with, or that another program may write.
NASTY = st.one_of(
    st.sampled_from(
        [
            *(None, True, False, 0, -1, 1, 2, 3, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**300),
            *(0.5, -0.0, 1e308, 5e-324, float("nan"), float("inf"), float("-inf")),
            *("", "float32", "float64", "object", "batch", "relu", "layers.0.weight", "\ud800"),
            *("MLPClassifier", "MLPRegressor", "<U999999", "|O", "<M8[s]", "x" * 3000, "\x1b[2J"),
            *([], {}, [[]], [None], [10**9] * 3, ["relu"] * 50, [1] * 3000, {"": 0}),
            *({"float": "nan"}, {"tuple": [1]}, {"dict": [[1, 2]]}, {"dict": [[[], 2]]}),
            {"dtype": "<U2", "values": ["a", "b"]},
            {"dtype": "F32", "shape": [2**32, 2**32], "data_offsets": [0, 0]},
        ]
    ),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.recursive(
        st.none() | st.integers(-3, 300) | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    ),
    st.integers(1, 3000).map(lambda depth: Raw("[" * depth + "]" * depth)),
    st.sampled_from(['{"a": 1, "a": 2}', "NaN", "1e999", "-0", "9" * 5000, "{", '"\\ud8"']).map(
        Raw
    ),
)


@st.composite
def damaged(draw: st.DrawFn, files: list[bytes]) -> bytes:
    """Draw one of the files, and what has happened to it."""
    content = draw(st.sampled_from(files))
    kind = draw(st.sampled_from(["bytes", "length", "header", "metadata", "metadata", "cut"]))
    if kind == "cut":
        return content[: draw(st.integers(0, len(content) - 1))]
    if kind == "length":
        length = draw(st.integers(0, 2**64 - 1) | st.integers(0, len(content) + 9))
        return length.to_bytes(8, "little") + content[8:]
    if kind == "bytes":
        return draw(spoilt(content))
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    if kind == "header":
        text = draw(changed(header))
    else:
        inner = draw(changed(json.loads(header["__metadata__"]["eigenmlp"])))
        header["__metadata__"]["eigenmlp"] = inner
        text = json.dumps(header)
    new = text.encode("utf-8", "surrogatepass")
    return len(new).to_bytes(8, "little") + new + content[8 + length :]


@st.composite
def spoilt(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw bytes replaced, put in or taken out, a few at a place."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, min(len(content), 1 + draw(st.sampled_from([9, 400, 10**6])))))
        stop = start + draw(st.integers(0, 8))
        content = content[:start] + draw(st.binary(max_size=8)) + content[stop:]
    return content


@st.composite
def changed(draw: st.DrawFn, document: Any) -> str:
    """Draw the text of a document some of whose parts are others, gone, doubled or renamed."""
    raw: dict[str, str] = {}
    for _ in range(draw(st.integers(1, 3))):
        places = list(places_of(document))
        if not places:
            break
        parent, key = draw(st.sampled_from(places))
        what = draw(st.sampled_from(["replace", "replace", "remove", "repeat", "rename"]))
        value = parent[key]
        if what == "replace":
            # A copy, since it may be changed in its turn.
            value = copy.deepcopy(draw(NASTY))
            if isinstance(value, Raw):
                raw[f"raw {len(raw)}"] = value.text
                value = f"raw {len(raw) - 1}"
            parent[key] = value
        elif what == "remove":
            del parent[key]
        elif isinstance(parent, list):
            parent.insert(key, value)
        else:
            parent[draw(st.text(max_size=4))] = value
            if what == "rename":
                del parent[key]
    text = json.dumps(document)
    for name, replacement in raw.items():
        text = text.replace(f'"{name}"', replacement)
    return text


def places_of(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container with every key or index in it."""
    keys: Any = document.keys() if isinstance(document, dict) else range(len(document))
    for key in keys:
        yield document, key
        if isinstance(document[key], (dict, list)):
            yield from places_of(document[key])
