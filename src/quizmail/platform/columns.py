"""Values as platforms keep them: lenient booleans, small numbers, texts that go into headers and subjects."""

import re
from typing import Any

#: The texts of false; every other text is true. SQL uses the same words (``attempts.is_true``).
FALSE_WORDS = ("", "0", "0.0", "0.00", "f", "false", "n", "no", "none", "null", "off")

#: The most characters kept of a user's name and of a quiz's title.
LONGEST_NAME = 200
LONGEST_TITLE = 300

_DURATION = re.compile(r"(\d{1,3}):(\d{2})(?::\d{2})?")


def flag(raw: Any, default: bool) -> bool:
    """Return a boolean kept as a boolean, a number or a word; NULL is `default`."""
    if raw is None:
        return default
    if isinstance(raw, str):
        return raw.strip().lower() not in FALSE_WORDS
    return bool(raw)


def line(raw: Any, longest: int) -> str:
    """Return `raw` as one line of text: without control characters, at most `longest` characters."""
    text = raw if isinstance(raw, str) else "" if raw is None else str(raw)
    if not text.isprintable():
        text = "".join(each if each.isprintable() else " " for each in text)
        text = " ".join(text.split())
    return text.strip()[:longest].rstrip()


def line_or_none(raw: Any, longest: int) -> str | None:
    """Return `raw` as one line of text, None when nothing is left."""
    return line(raw, longest) or None


def positive(raw: Any) -> int | None:
    """Return a whole number above 0; NULL, 0 and what is no number are None, which means no limit."""
    try:
        number = int(float(raw)) if raw is not None else 0
    except (ValueError, TypeError, OverflowError):
        return None
    return number if number > 0 else None


def minutes(raw: Any) -> int | None:
    """Return a duration in whole minutes, kept as a number or as ``h:mm`` or ``h:mm:ss``."""
    match = _DURATION.fullmatch(raw.strip()) if isinstance(raw, str) else None
    return positive(int(match[1]) * 60 + int(match[2])) if match else positive(raw)


def web_address(raw: Any) -> str | None:
    """Return an absolute http or https URL without spaces; None for anything else."""
    text = raw.strip() if isinstance(raw, str) else ""
    usable = text.startswith(("http://", "https://")) and text.isprintable() and " " not in text
    return text if usable else None
