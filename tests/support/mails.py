"""Mails as readers get them: rendered, composed, and read back with the standard library."""

import email
import email.policy
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from functools import cache
from html import unescape

from quizmail.message import Letterhead, list_id, message_id
from quizmail.parsing import Mailbox
from quizmail.rendering import Parts, Renderer, Site
from quizmail.states import Kind
from tests.support.facts import reminder_facts, report_facts

SITE = Site("QuizMaster", "https://quiz.example.com", "12 Question Street\nLondon N1 9GU")
UNSUBSCRIBE_URL = "https://mail.example.com/u/WzEyLCJyZW1pbmRlciJd.h7b1Xo2Jq0"
SENDER = Mailbox("QuizMaster", "noreply@example.com")
RECIPIENT = Mailbox("Jörg Müller", "joerg@example.org")
FACTS = {Kind.REMINDER: reminder_facts, Kind.REPORT: report_facts}


def render(kind: Kind, site: Site = SITE, templates_dir=None, **changes) -> Parts:
    """The parts of a mail with the sample facts of its kind, changed by `changes`."""
    renderer = shipped(site) if templates_dir is None else Renderer(site, templates_dir)
    return renderer.render(kind, FACTS[kind](**changes), UNSUBSCRIBE_URL)


@cache
def shipped(site: Site) -> Renderer:
    """A renderer of the shipped templates, compiled once."""
    return Renderer(site)


def composed(parts: Parts = Parts("Hello", "Hello.\n", "<p>Hello.</p>\n"), **changes) -> bytes:  # noqa: B008
    """The bytes of a message with `parts`."""
    arguments = {
        "recipient": RECIPIENT,
        "parts": parts,
        "message_id": message_id(Kind.REMINDER, "7", "2026-11-23", "example.com"),
        "date": datetime(2026, 11, 23, 17, 0, tzinfo=UTC),
        "unsubscribe_url": UNSUBSCRIBE_URL,
        **changes,
    }
    listed = arguments.pop("list_id", None) or list_id(Kind.REMINDER, "example.com", "QuizMaster")
    return Letterhead(arguments.pop("sender", SENDER), listed).write(**arguments)


def read(raw: bytes) -> EmailMessage:
    """The message as a mail reader sees it."""
    return email.message_from_bytes(raw, policy=email.policy.default)


def mailbox(raw: bytes, header: str) -> tuple[str, str]:
    """The name and the address in `header`.

    Read by the library's older parser: the newer one keeps the space between two encoded words,
    which RFC 2047 section 6.2 wants ignored.
    """
    name, address = parseaddr(email.message_from_bytes(raw)[header])
    return str(make_header(decode_header(name))), address


def body(message: EmailMessage, subtype: str) -> str:
    """The plain or the HTML part, decoded."""
    part = message.get_body((subtype,))
    assert part is not None
    return part.get_content().replace("\r\n", "\n")


def visible(html: str) -> str:
    """What a reader sees of an HTML part, without its head, its preheader and its tags."""
    shown = re.sub(r"(?s)<!--.*?-->|<head.*?</head>|<div[^>]*preheader.*?</div>", " ", html)
    shown = re.sub(r"</?(b|span)\b[^>]*>", "", shown)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", shown)).split())
