"""A user's values and names in the words of a message: enough to know them by, however long."""

from collections.abc import Sequence

__all__ = ["listed", "reason", "shortened", "shown", "type_of"]

_MOST = 60  # characters of a value
_MOST_OF_REASON = 300  # of what others say of an error, which may hold a value
_END = 15  # of them from the end


def shortened(value: object, most: int = _MOST) -> str:
    """Return the text of a value, of a longer one the beginning and the end.

    Examples
    --------
    >>> from eigenmlp.common.words import shortened
    >>> shortened("a short one")
    'a short one'
    >>> shortened("from A" + " and on" * 1000 + " to Z")
    'from A and on and on and on and on and on an... on and on to Z (7,011 characters)'
    """
    text = str(value)
    if len(text) <= most:
        return text
    return f"{text[: most - _END - 1]}...{text[-_END:]} ({len(text):,} characters)"


def shown(value: object) -> str:
    """Return a value's representation, shortened."""
    return shortened(repr(value))


def type_of(value: object) -> str:
    """Return the name of a value's type with its article.

    Examples
    --------
    >>> from eigenmlp.common.words import type_of
    >>> type_of([]), type_of(1)
    ('a list', 'an int')
    """
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


def reason(error: BaseException) -> str:
    """Return what an error of others says, shortened."""
    return shortened(str(error).strip().rstrip("."), _MOST_OF_REASON)


def listed(names: Sequence[object], *, most: int = 10) -> str:
    """List names, the first `most` of them and each shortened, and how many there are.

    One that begins or ends with a space is in quotes, for it looks like another.

    Examples
    --------
    >>> from eigenmlp.common.words import listed
    >>> listed(["age", "height", "weight"], most=2)
    'age, height, ... (3 in all)'
    >>> listed(["age", " age"])
    "age, ' age'"
    """
    texts = [str(name) for name in names[:most]]
    few = ", ".join(shortened(text if text == text.strip() else repr(text)) for text in texts)
    return few + (f", ... ({len(names)} in all)" if len(names) > most else "")
