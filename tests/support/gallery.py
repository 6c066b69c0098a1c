"""Every mail of the gallery, composed as a deployment would, and parsed once for the whole suite."""

from functools import cache

import html5lib

from quizmail import wiring
from quizmail.composing import Composer
from quizmail.gallery import compose_all, samples
from quizmail.gallery.samples import Sample
from quizmail.settings import load
from tests.support.configuration import environment
from tests.support.mails import read

SITE_NAME = "QuizMaster"
POSTAL_LINES = ("12 Question Street", "London N1 9GU")


class Specimen:
    """One mail: its sample, its bytes, what it was made of, and how readers and browsers understand it."""

    def __init__(self, sample: Sample, mail) -> None:
        self.sample = sample
        self.name = sample.name
        self.raw: bytes = mail.content
        self.parts = mail.parts
        self.message = read(mail.content)
        parser = html5lib.HTMLParser(namespaceHTMLElements=False)
        self.document = parser.parse(mail.parts.html)
        self.errors = parser.errors


def composer(**changes: str) -> Composer:
    """A composer of the shipped templates, with every header that settings can ask for."""
    settings = environment(
        SITE_NAME=SITE_NAME,
        POSTAL_ADDRESS="\n".join(POSTAL_LINES),
        MAIL_UNSUBSCRIBE_ADDRESS="unsubscribe@mail.example.com",
        FEEDBACK_SENDER_ID="quizmaster",
        **changes,
    )
    return wiring.composer_of(load(settings))


@cache
def specimens() -> tuple[Specimen, ...]:
    """Every mail."""
    return tuple(Specimen(*each) for each in compose_all(composer(), samples()))


@cache
def branded() -> tuple[Specimen, ...]:
    """The usual mails of a site with a logo, colours and a line of its own."""
    brand = {"BRAND_LOGO_URL": "https://quiz.example.com/logo.png", "BRAND_FOOTER": "Made in London"}
    usual = [sample for sample in samples() if sample.state == "usual"]
    return tuple(Specimen(*each) for each in compose_all(composer(**brand), usual))


def faults(find) -> dict[str, object]:
    """What `find` finds wrong with each mail, by its name; nothing found is left out."""
    found = ((each.name, find(each)) for each in specimens())
    return {name: each for name, each in found if each}
