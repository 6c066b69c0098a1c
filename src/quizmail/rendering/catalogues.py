"""What our sentences say in another language: the shipped catalogues, and two made up to test layouts.

A catalogue is the file ``locales/<language>/LC_MESSAGES/quizmail.po``. It is read when the first mail in
its language is written; nothing has to be compiled beforehand. What it lacks, and what would fail, is said
in English: a mail never waits for a translation.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import NamedTuple

from quizmail.rendering import pseudo

#: The language of the sentences in templates and code.
SOURCE = "en"

_FOLDER = Path(__file__).parents[1] / "locales"
#: A placeholder, or a per cent sign. Whatever else begins with one stands for itself.
_PLACE = re.compile(r"%%|%\((\w+)\)s")


class Message(NamedTuple):
    """One sentence: its only form, or the forms that go with a count and what picks one (None: English)."""

    forms: tuple[str, ...]
    plural_form: Callable[[float], int] | None

    def form(self, count: float) -> str:
        """Return the form that goes with `count`."""
        return self.forms[(0 if count == 1 else 1) if self.plural_form is None else self.plural_form(count)]


@dataclass(frozen=True)
class Catalogue:
    """The sentences of one language, by their context and English singular."""

    tag: str
    entries: Mapping[tuple[str | None, str], tuple[str, ...]] = field(default_factory=dict, repr=False)
    plural_form: Callable[[float], int] | None = None
    #: Makes up what a sentence says, for a language that nobody speaks.
    make_up: Callable[[str], str] | None = None

    def find(self, context: str | None, *source: str) -> Message:
        """Return the sentence whose English is `source`, a singular or a singular and a plural.

        It is the English one if there is none in this language.
        """
        if self.make_up is not None:
            return Message(tuple(map(self.make_up, source)), None)
        forms = self.entries.get((context, source[0]))
        if forms is None or (len(source) == 2 and self.plural_form is None):
            return Message(source, None)
        return Message(forms, self.plural_form) if len(source) == 2 else Message(forms[:1], None)


def placeholders(form: str) -> set[str]:
    """Return the names that `form` has a place for: ``%(name)s``."""
    return {name for name in _PLACE.findall(form) if name}


def pieces(form: str) -> list[tuple[str, bool]]:
    """Split `form` into text and placeholders: pairs of a text and False, or of a name and True."""
    found: list[tuple[str, bool]] = []
    for number, piece in enumerate(_PLACE.split(form)):
        if number % 2 == 0:
            found.append((piece, False))
        else:
            found.append(("%", False) if piece is None else (piece, True))
    return [each for each in found if each[0]]


def available() -> frozenset[str]:
    """Return the tags of the languages that mails are written in, English among them."""
    return frozenset({SOURCE} | {path.parts[-3].replace("_", "-") for path in _files()})


@cache
def catalogue(tag: str) -> Catalogue:
    """Return the catalogue of one of the `available` languages, or of a made-up one."""
    if tag == SOURCE:
        return Catalogue(tag)
    if tag in pseudo.MAKE_UP:
        return Catalogue(tag, make_up=pseudo.message_maker(tag))
    return load(tag, _FOLDER / tag.replace("-", "_") / "LC_MESSAGES" / "quizmail.po")


def load(tag: str, path: Path) -> Catalogue:
    """Read a catalogue; entries that are empty, fuzzy or have a placeholder too many are left out."""
    # Loaded here, because a process that writes English alone needs no parser.
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        catalog = read_po(file, locale=tag.replace("-", "_"))
    entries = {}
    for message in catalog:
        source, forms = _tuple(message.id), _tuple(message.string)
        allowed = set().union(*map(placeholders, source))
        if not message.fuzzy and all(forms) and all(placeholders(form) <= allowed for form in forms):
            entries[message.context, source[0]] = forms
    entries.pop((None, ""), None)
    return Catalogue(tag, entries, _of_any_number(c2py(catalog.plural_expr)))


def _of_any_number(rule: Callable[[int], int]) -> Callable[[float], int]:
    """Return `rule` for fractions too, which are as plural as the whole number above them, and never one."""

    def plural_form(count: float) -> int:
        whole = abs(int(count))
        return rule(whole if whole == abs(count) else max(2, whole + 1))

    return plural_form


def _tuple(strings: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (strings,) if isinstance(strings, str) else tuple(strings or ("",))


@cache
def _files() -> tuple[Path, ...]:
    return tuple(_FOLDER.glob("*/LC_MESSAGES/quizmail.po"))
