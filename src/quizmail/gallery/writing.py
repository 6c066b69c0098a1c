"""The gallery on disk: three files for each mail, and the page that shows them all."""

import email
import email.policy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from quizmail.composing import Composer, Mail
from quizmail.gallery.page import Entry, page
from quizmail.gallery.samples import Sample, samples

INDEX = "index.html"
_ADDRESS = "joerg@example.org"
#: Links are signed for nobody and for no delivery: they change and show nothing.
_NOBODY = 0
_NO_DELIVERY = 2**31 - 1


class Shown(NamedTuple):
    """A sample and the mail that it became."""

    sample: Sample
    mail: Mail


def compose_all(composer: Composer, wanted: Iterable[Sample]) -> Iterator[Shown]:
    """Yield each of the samples `wanted` with its mail.

    Raises:
        CompositionError: when a template or a header cannot be written.
    """
    for sample in wanted:
        key = (sample.name, sample.period)
        mail = composer.compose(
            sample.kind, key, _NOBODY, _ADDRESS, sample.facts, sample.at, delivery_id=_NO_DELIVERY
        )
        yield Shown(sample, mail)


def write_gallery(composer: Composer, folder: Path) -> Path:
    """Write every mail as .html, .txt and .eml into `folder`; return the path of the page that shows them.

    Raises:
        CompositionError: when a template or a header cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shown = list(compose_all(composer, samples()))
    for sample, mail in shown:
        (folder / f"{sample.name}.html").write_text(mail.parts.html, encoding="utf-8")
        (folder / f"{sample.name}.txt").write_text(mail.parts.text, encoding="utf-8")
        (folder / f"{sample.name}.eml").write_bytes(mail.content)
    index = folder / INDEX
    index.write_text(page([_entry(each) for each in shown]), encoding="utf-8")
    return index


def _entry(shown: Shown) -> Entry:
    sample, mail = shown
    headers = email.message_from_bytes(mail.content, policy=email.policy.default)
    return Entry(
        kind=sample.kind,
        state=sample.state,
        locale=sample.locale,
        name=sample.name,
        sender=headers["From"],
        subject=mail.parts.subject,
        text=mail.parts.text,
        size=len(mail.content),
    )
