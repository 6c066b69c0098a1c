"""Words as people wrote them, fit to stand in a sentence of ours."""

import re
from collections.abc import Iterable
from functools import lru_cache
from unicodedata import bidirectional

#: Controls, and the marks that turn the direction of all that follows them (Unicode UAX 9): a name
#: must not be able to rearrange the sentence around it. Lone surrogates cannot be encoded at all.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_SPACES = re.compile(r"\s+")
#: Of all letters that are written from right to left, the one that Unicode has first.
_FIRST_FROM_THE_RIGHT = "\u05be"


@lru_cache(maxsize=4096)
def one_line(text: str, longest: int | None = None) -> str:
    """Return `text` on one line, without controls, its runs of white space one space each.

    Args:
        text: what a user or an author wrote; anything at all.
        longest: the most characters to return; a longer text ends with an ellipsis.
    """
    # What is printable has neither of the above, nor any white space but plain spaces.
    if not text.isprintable() or "  " in text:
        text = _SPACES.sub(" ", _UNWANTED.sub(" ", text))
    text = text.strip()
    if longest is None or len(text) <= longest:
        return text
    return text[: longest - 1].rstrip() + "…"


def listed(details: Iterable[str | bool | None]) -> str:
    """Return those of `details` that say something on one line: ``Geography · 10 min``."""
    return " · ".join(
        [each if each.isascii() else isolated(each) for each in details if isinstance(each, str) and each]
    )


def isolated(text: str) -> str:
    """Return `text` so that, written from right to left, it leaves the order of what follows alone.

    First strong isolate and pop directional isolate (Unicode UAX 9) are invisible.
    """
    if text.isascii() or max(text) < _FIRST_FROM_THE_RIGHT:
        return text
    if not any(bidirectional(letter) in {"R", "AL"} for letter in text):
        return text
    return f"\u2068{text}\u2069"


@lru_cache(maxsize=4096)
def initial(text: str) -> str:
    """Return the first letter or digit of `text` as a capital, or a question mark."""
    return next((letter.upper()[:1] for letter in text if letter.isalnum()), "?")
