"""Numbers, dates and times as the Unicode CLDR knows that a locale writes them, by Babel.

Locales are named by BCP 47 tags that `locales.known_tag` has returned; the data of each are loaded when it
is first asked for. What a mail shows is remembered: Babel takes some ten microseconds for a figure, and
readers share most of them, above all when rounded.
"""

from datetime import date, datetime, time
from decimal import Decimal
from functools import cache, lru_cache

from babel import Locale
from babel.dates import format_skeleton, format_time, get_timezone_location
from babel.numbers import format_decimal, format_percent

#: Those of CLDR for plain English are of the United States. Where no region is known the day comes
#: first and the clock has 24 hours, which everybody reads.
_WITHOUT_REGION = {"en": "en-GB"}

#: Narrow no-break spaces are missing from fonts that mail clients use.
_SPACES = str.maketrans({"\u202f": "\u00a0", "\u2009": "\u00a0"})


@lru_cache(maxsize=8192)
def number(value: float, tag: str = "en") -> str:
    """Return `value` with at most one decimal: ``83.3``, ``100``, ``1,204``, ``-0.5``."""
    return _number(round(value, 1) + 0.0, tag)


@lru_cache(maxsize=8192)
def percent(value: float, tag: str = "en") -> str:
    """Return `value`, in percent, with at most one decimal: ``83.3%``, or ``83,3 %`` in German."""
    return _percent(round(value, 1) + 0.0, tag)


def change(value: float, before: float) -> float:
    """Return by how much `value` differs from `before`, both as they are shown.

    The difference of the unrounded figures could contradict the two that the reader sees.
    """
    return round(round(value, 1) - round(before, 1), 1)


@lru_cache(maxsize=1024)
def day(on: date, tag: str = "en") -> str:
    """Return ``Tue 24 Nov``, ``Tue, Nov 24`` or ``Di., 24. Nov.``; of a datetime, its local date."""
    return format_skeleton("MMMEd", on, locale=_locale(tag)).translate(_SPACES)


@lru_cache(maxsize=1440)
def clock(at: time, tag: str = "en") -> str:
    """Return ``18:00`` or ``6:00 PM``."""
    return format_time(at, "short", locale=_locale(tag)).translate(_SPACES)


@lru_cache(maxsize=256)
def month(period: str, tag: str = "en") -> str:
    """Return ``October 2026`` for the period ``2026-10``."""
    return format_skeleton("yMMMM", datetime.fromisoformat(f"{period[:7]}-01"), locale=_locale(tag))


@lru_cache(maxsize=256)
def month_name(period: str, tag: str = "en", *, later: int = 0) -> str:
    """Return ``October`` for the period ``2026-10``, or the month `later` months after it."""
    name: str = _locale(tag).months["stand-alone"]["wide"][(int(period[5:7]) - 1 + later) % 12 + 1]
    return name


@lru_cache(maxsize=1024)
def zone_name(zone: str, tag: str = "en") -> str:
    """Return how a zone is called in a sentence: ``Berlin``, ``New York``, ``Wien``, ``UTC``."""
    own = zone.rpartition("/")[2].replace("_", " ")
    if "/" not in zone or zone.startswith("Etc/"):
        return own
    try:
        return get_timezone_location(zone, locale=_locale(tag), return_city=True).rpartition("/")[2]
    except LookupError:
        return own


@lru_cache(maxsize=2048)
def _number(value: float, tag: str) -> str:
    return format_decimal(value, format="#,##0.#", locale=_locale(tag)).translate(_SPACES)


@lru_cache(maxsize=2048)
def _percent(value: float, tag: str) -> str:
    locale = _locale(tag)
    pattern = locale.percent_formats[None].pattern.replace("#,##0", "#,##0.#")
    pattern = pattern.replace("#,##,##0", "#,##,##0.#")
    return format_percent(Decimal(str(value)) / 100, format=pattern, locale=locale).translate(_SPACES)


@cache
def _locale(tag: str) -> Locale:
    return Locale.parse(_WITHOUT_REGION.get(tag, tag), sep="-")
