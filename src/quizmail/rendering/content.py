"""What goes into a mail and what comes out: the site and its brand, facts as templates see them, parts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from quizmail import formatting
from quizmail.rendering.remembering import Alike
from quizmail.states import Kind

#: The most characters of a fact that are shown.
_LONGEST = {"name": 60, "title": 140, "category": 40, "strongest": 40, "weakest": 40}
_CHANGED = frozenset({str, dict, list})
_WEB_ADDRESS = re.compile(r"https?://[^\s<>\"'\\]{1,2000}")

#: What rows planned by earlier versions do not say.
_UNSAID: Mapping[Kind, Mapping[str, Any]] = {
    Kind.REMINDER: {"fresh": 0, "streak": 0, "variant": 0},
    Kind.REPORT: {
        "first": False,
        "categories": [],
        "strongest": None,
        "weakest": None,
        "percentile": None,
        "suggestion": None,
    },
}


@dataclass(frozen=True)
class Brand:
    """How a site looks.

    Attributes:
        logo_url: the https address of a square picture.
        color: ``#rrggbb`` of the head and the button, on which white can be read.
        accent_color: ``#rrggbb`` of bars and badges, on which white can be read.
        footer: one more line at the foot.
    """

    logo_url: str | None = None
    color: str | None = None
    accent_color: str | None = None
    footer: str | None = None


@dataclass(frozen=True)
class Site:
    """The platform that the mails are about. `postal_address` may have several lines."""

    name: str
    url: str | None
    postal_address: str
    brand: Brand = Brand()


@dataclass(frozen=True)
class Parts:
    """What one mail says.

    Attributes:
        subject: one line.
        pieces: what its HTML document is made of. The templates' own are the same objects in every mail.
        language: a BCP 47 tag.
    """

    subject: str
    text: str
    pieces: Sequence[str]
    language: str = "en"

    @property
    def html(self) -> str:
        """The HTML document."""
        return "".join(self.pieces)


def shown_site(site: Site) -> SimpleNamespace:
    """Return what templates call ``site``."""
    lines = site.postal_address.splitlines()
    return SimpleNamespace(
        name=formatting.one_line(site.name, _LONGEST["name"]),
        url=_shown("url", site.url),
        logo_url=_shown("url", site.brand.logo_url),
        footer=formatting.one_line(site.brand.footer or ""),
        address_lines=[line for each in lines if (line := formatting.one_line(each))],
    )


def shown_facts(kind: Kind, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a mail of `kind` as templates see them.

    Text is on one line and of sane length, objects have attributes, addresses that are none are None.
    """
    return {**_UNSAID[kind], **_all_shown(facts)}


def _all_shown(values: Mapping[str, Any]) -> dict[str, Any]:
    # Facts are what JSON holds, so that exact types tell them apart. Most of them are short texts.
    shown = {}
    for name, value in values.items():
        if type(value) is str and name != "url":
            shown[name] = formatting.one_line(value, _LONGEST.get(name))
        else:
            shown[name] = _shown(name, value) if type(value) in _CHANGED else value
    return shown


def _shown(name: str, value: Any) -> Any:
    if type(value) is str:
        if name == "url":
            return value if _WEB_ADDRESS.fullmatch(value) else None
        return formatting.one_line(value, _LONGEST.get(name))
    if type(value) is dict:
        try:
            return _alike(tuple(value), *value.values())
        except TypeError:  # It holds what can be changed.
            return Alike(**_all_shown(value))
    if type(value) is list:
        return [_shown(name, each) for each in value]
    return value


@lru_cache(maxsize=512, typed=True)
def _alike(names: tuple[str, ...], *values: Any) -> Alike:
    """Return the one object for all facts that say the same: most mails name the same few quizzes."""
    return Alike(**_all_shown(dict(zip(names, values, strict=True))))
