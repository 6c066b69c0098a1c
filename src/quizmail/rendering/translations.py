"""How a reader is addressed: the language, its sentences, and how figures and dates are written.

For templates and pages::

    language = for_locale("de-AT", site_locale="en")     # None, junk and unknown languages are welcome
    language.tag                                         # "de-AT", for lang=
    language.direction                                   # "ltr", for dir=
    language.gettext("Hi %(name)s,", name="Ada")         # plain text; also ngettext, pgettext, npgettext
    language.number(1204), language.percent(83.333)      # "1.204", "83,3 %"; the filters below

    environment = Translating(language.catalogue, loader=..., autoescape=True, ...)
    environment.get_template("x.html").render(locale=language, ...)

One `Translating` environment serves a catalogue (English, German), not a region: sentences are translated
when a template is compiled. The filters are in it already; they write for the variable ``locale`` of the
context, a `Language`, so a macro that uses them is imported ``with context``. In templates:

- ``{{ _("Hi %(name)s,", name=name) }}``, ``gettext``, ``ngettext("%(n)s quiz", "%(n)s quizzes", count,
  n=count | number)``, ``pgettext("context", "…")``, ``npgettext("context", "…", "…", count, n=…)``.
- The message is a literal, since no tool could find another. ``%`` is written ``%%``, always.
- A message is text: ``&`` and ``<`` in it are escaped in HTML like any value. Markup goes in by a value:
  ``{% set who %}<b>{{ name }}</b>{% endset %}{{ _("Hi %(name)s,", name=who) }}``.
- Filters: ``number``, ``percent``, ``day`` (of a date), ``month``, ``month_name(later=-1)``, ``zone_name``,
  ``clock`` (of a time), ``closing(zone)`` (of an instant in ISO 8601 text), besides those of `formatting`
  that are the same in every language.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from quizmail import formatting
from quizmail.rendering import pseudo
from quizmail.rendering.catalogues import SOURCE, Catalogue, available, catalogue, pieces
from quizmail.rendering.translating import Translating

__all__ = ["Language", "Translating", "for_locale", "for_locales"]

#: By whose rules figures and dates are written for a language that nobody speaks.
_FORMATS = {"en-XA": "en", "ar-XB": "ar"}


class Language:
    """How readers of one locale are addressed. Threads may share it."""

    def __init__(self, tag: str, sentences: Catalogue) -> None:
        """`tag` is a BCP 47 tag that CLDR knows, or a made-up language; `sentences` are in its language."""
        self.tag = tag
        self.catalogue = sentences
        self.direction = formatting.direction(tag)
        self._formats = _FORMATS.get(tag, tag)
        self._disguise = pseudo.MAKE_UP["en-XA"] if tag == "en-XA" else str

    def gettext(self, message: str, /, **values: object) -> str:
        """Return `message` in this language, `values` in their places."""
        return _filled(self.catalogue.find(None, message).forms[0], values)

    def ngettext(self, one: str, many: str, count: float, /, **values: object) -> str:
        """Return the form of a message that goes with `count`."""
        return _filled(self.catalogue.find(None, one, many).form(count), {"num": count, **values})

    def pgettext(self, context: str, message: str, /, **values: object) -> str:
        """Return `message` as it is said in `context`."""
        return _filled(self.catalogue.find(context, message).forms[0], values)

    def npgettext(self, context: str, one: str, many: str, count: float, /, **values: object) -> str:
        """Return the form of a message that goes with `count`, as it is said in `context`."""
        return _filled(self.catalogue.find(context, one, many).form(count), {"num": count, **values})

    def number(self, value: float) -> str:
        """Return ``83.3``, ``1,204``."""
        return formatting.number(value, self._formats)

    def percent(self, value: float) -> str:
        """Return ``83.3%`` for 83.333."""
        return formatting.percent(value, self._formats)

    def day(self, on: date) -> str:
        """Return ``Tue 24 Nov``."""
        return self._disguise(formatting.day(on, self._formats))

    def clock(self, at: time) -> str:
        """Return ``18:00``."""
        return self._disguise(formatting.clock(at, self._formats))

    def month(self, period: str) -> str:
        """Return ``October 2026`` for the period ``2026-10``."""
        return self._disguise(formatting.month(period, self._formats))

    def month_name(self, period: str, later: int = 0) -> str:
        """Return ``October`` for the period ``2026-10``, or the month `later` months after it."""
        return self._disguise(formatting.month_name(period, self._formats, later=later))

    def zone_name(self, zone: str) -> str:
        """Return ``Berlin`` for ``Europe/Berlin``."""
        return self._disguise(formatting.zone_name(zone, self._formats))

    def closing(self, instant: str, zone: str) -> str:
        """Return when something closes: ``closes Tue 24 Nov, 18:00``, on the clocks of `zone`.

        Midnight belongs to the day that ends with it, which is how people read "open until Tuesday".

        Args:
            instant: ISO 8601 text with an offset.
            zone: an IANA zone name.
        """
        return _closing(self, instant, zone)


@lru_cache(maxsize=4096)
def _closing(language: Language, instant: str, zone: str) -> str:
    local = datetime.fromisoformat(instant).astimezone(ZoneInfo(zone))
    if local.hour == local.minute == 0:
        day = language.day(local.date() - timedelta(days=1))
        return language.gettext("closes at the end of %(day)s", day=day)
    clock = language.clock(local.time().replace(second=0, microsecond=0))
    return language.gettext("closes %(day)s, %(time)s", day=language.day(local.date()), time=clock)


def for_locale(locale: str | None, site_locale: str) -> Language:
    """Return the language for a reader with `locale`, whatever it holds: the site's for one without ours.

    Of the locale's own region are the figures and dates, if CLDR knows the region.
    """
    return for_locales([locale], site_locale)


def for_locales(locales: Iterable[str | None], site_locale: str) -> Language:
    """Return the language for the first of `locales` that we have one for, or the site's, or English."""
    wanted = (_language(locale) for locale in (*locales, site_locale, SOURCE) if locale)
    return next(language for language in wanted if language)


@lru_cache(maxsize=1024)
def _language(locale: str) -> Language | None:
    if locale in pseudo.MAKE_UP:
        return _of(locale, locale)
    ours = next((tag for tag in formatting.candidates(locale) if tag in available()), None)
    return _of(formatting.known_tag(locale) or ours, ours) if ours else None


@cache
def _of(tag: str, ours: str) -> Language:
    return Language(tag, catalogue(ours))


def _filled(form: str, values: dict[str, Any]) -> str:
    return "".join(str(values[text]) if is_place else text for text, is_place in pieces(form))
