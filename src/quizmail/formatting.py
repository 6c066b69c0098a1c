"""Numbers, dates and words as a reader sees them, in one place for every mail.

Everything takes the reader's locale, a BCP 47 tag such as ``de-DE`` or None, and answers in the
language that ``language`` chooses for it. Today that is always English. What many readers share,
the titles and closing times of the same quizzes, is remembered.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from unicodedata import bidirectional
from zoneinfo import ZoneInfo

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})

#: Controls, and the marks that turn the direction of all that follows them (Unicode UAX 9): a name
#: must not be able to rearrange the sentence around it. Lone surrogates cannot be encoded at all.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_SPACES = re.compile(r"\s+")


@lru_cache(maxsize=4096)
def one_line(text: str, longest: int | None = None) -> str:
    """Return `text` on one line, without controls, its runs of white space one space each.

    Args:
        text: what a user or an author wrote; anything at all.
        longest: the most characters to return; a longer text ends with an ellipsis.
    """
    if not (text.isascii() and text.isprintable() and "  " not in text):
        text = _SPACES.sub(" ", _UNWANTED.sub(" ", text))
    text = text.strip()
    if longest is None or len(text) <= longest:
        return text
    return text[: longest - 1].rstrip() + "…"


def language(locale: str | None) -> str:
    """Return the BCP 47 tag of the language in which a reader with `locale` is addressed."""
    return "en"


def direction(tag: str) -> str:
    """Return ``rtl`` or ``ltr``, the direction in which the language `tag` is written."""
    return "rtl" if tag.partition("-")[0].lower() in _RIGHT_TO_LEFT else "ltr"


@lru_cache(maxsize=4096)
def number(value: float, locale: str | None = None) -> str:
    """Return `value` with at most one decimal: ``83.3``, ``100``, ``1,204``, ``-0.5``."""
    if isinstance(value, int):
        return f"{value:,}"
    text = f"{value:,.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def change(value: float, before: float) -> float:
    """Return by how much `value` differs from `before`, both as they are shown.

    The difference of the unrounded figures could contradict the two that the reader sees.
    """
    return round(round(value, 1) - round(before, 1), 1)


def count(value: int, one: str, many: str, locale: str | None = None) -> str:
    """Return ``1 quiz`` or ``2 quizzes`` for the forms `one` and `many`."""
    return f"{number(value, locale)} {one if value == 1 else many}"


def day(date: datetime, locale: str | None = None) -> str:
    """Return ``Tue 24 Nov``."""
    return f"{_WEEKDAYS[date.weekday()]} {date.day} {_MONTHS[date.month - 1][:3]}"


@lru_cache(maxsize=4096)
def closing(instant: str, zone: str, locale: str | None = None) -> str:
    """Return when something closes: ``closes Tue 24 Nov, 18:00``, on the clocks of `zone`.

    Midnight belongs to the day that ends with it, which is how people read "open until Tuesday".

    Args:
        instant: ISO 8601 text with an offset.
        zone: an IANA zone name.
        locale: the reader's.
    """
    local = datetime.fromisoformat(instant).astimezone(ZoneInfo(zone))
    if local.hour == local.minute == 0:
        return f"closes at the end of {day(local - timedelta(days=1), locale)}"
    return f"closes {day(local, locale)}, {local:%H:%M}"


def month(period: str, locale: str | None = None) -> str:
    """Return ``October 2026`` for the period ``2026-10``."""
    return f"{month_name(period, locale)} {period[:4]}"


def month_name(period: str, locale: str | None = None, *, later: int = 0) -> str:
    """Return ``October`` for the period ``2026-10``, or the month `later` months after it."""
    return _MONTHS[(int(period[5:7]) - 1 + later) % 12]


def zone_name(zone: str, locale: str | None = None) -> str:
    """Return how a zone is called in a sentence: ``Berlin``, ``New York``, ``UTC``."""
    return zone.rpartition("/")[2].replace("_", " ")


def listed(details: Iterable[str | bool | None]) -> str:
    """Return those of `details` that say something on one line: ``Geography · 10 min``."""
    return " · ".join([isolated(detail) for detail in details if isinstance(detail, str) and detail])


def isolated(text: str) -> str:
    """Return `text` so that, written from right to left, it leaves the order of what follows alone.

    First strong isolate and pop directional isolate (Unicode UAX 9) are invisible.
    """
    if text.isascii() or not any(bidirectional(letter) in {"R", "AL"} for letter in text):
        return text
    return f"\u2068{text}\u2069"


@lru_cache(maxsize=4096)
def initial(text: str) -> str:
    """Return the first letter or digit of `text` as a capital, or a question mark."""
    return next((letter.upper()[:1] for letter in text if letter.isalnum()), "?")
