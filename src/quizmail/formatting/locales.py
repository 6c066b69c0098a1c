"""What people write for a locale, made sense of: ``de_AT``, ``DE``, ``de-CH-1996``, ``en_GB.UTF-8``."""

import re
from collections.abc import Iterator

from babel import localedata

_RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})

#: Language, script and region (RFC 5646 section 2.1); variants and a POSIX encoding may follow.
_LOCALE = re.compile(
    r"\s*([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))?(?:[-_.@].*)?\s*", re.IGNORECASE
)


def candidates(locale: str) -> Iterator[str]:
    """Yield the BCP 47 tags that serve a reader with `locale`, the best first; none for what is no locale.

    ``de-Latn-AT`` is followed by ``de-AT``, ``de-Latn`` and ``de``.
    """
    match = _LOCALE.fullmatch(locale)
    if match is None:
        return
    language, script, region = match.groups("")
    language, script, region = language.lower(), script.title(), region.upper()
    if script and region:
        yield f"{language}-{script}-{region}"
    if region:
        yield f"{language}-{region}"
    if script:
        yield f"{language}-{script}"
    yield language


def known_tag(locale: str) -> str | None:
    """Return the best of the `candidates` that CLDR has data for, or None."""
    return next((tag for tag in candidates(locale) if localedata.exists(tag.replace("-", "_"))), None)


def direction(tag: str) -> str:
    """Return ``rtl`` or ``ltr``, the direction in which the language `tag` is written."""
    return "rtl" if tag.partition("-")[0].lower() in _RIGHT_TO_LEFT else "ltr"
