"""Stored mails, parsed for reading: what the inbox page shows of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import lru_cache

from quizmail.demo.inbox import Inbox, arrival
from quizmail.states import Kind

#: What is not one of our kinds, such as a test mail.
OTHER = "other"

_SNIPPET = 140  # characters
_HEAD = re.compile(r"<head(?:\s[^>]*)?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mail:
    """One stored mail, decoded; ``arrived`` is UTC-aware, an absent part is an empty text."""

    name: str
    kind: str
    subject: str
    to: str
    arrived: datetime
    snippet: str

    def matches(self, kind: str, words: str) -> bool:
        """Say whether the mail is of `kind` (empty: any) and has every one of `words` in it."""
        haystack = f"{self.subject} {self.to} {self.snippet}".casefold()
        return kind in ("", self.kind) and all(word in haystack for word in words.casefold().split())


@dataclass(frozen=True, slots=True)
class Content:
    """All that a mail holds: its headers in their order, its parts, its source."""

    headers: list[tuple[str, str]]
    text: str
    html: str
    source: str


def mails(inbox: Inbox) -> Iterator[Mail]:
    """Yield the mails of `inbox`, newest first."""
    return (mail(inbox, name) for name in inbox.names())


@lru_cache(maxsize=5000)
def mail(inbox: Inbox, name: str) -> Mail:
    """Return the mail with this name; files never change, so each is parsed once."""
    message = _parsed(inbox.read(name))
    snippet = " ".join(_part(message, "plain").split())
    return Mail(
        name,
        _kind(message["List-Id"] or ""),
        str(message["Subject"] or "(no subject)"),
        str(message["To"] or "(nobody)"),
        arrival(name),
        snippet[:_SNIPPET] + "…" * (len(snippet) > _SNIPPET),
    )


def content(inbox: Inbox, name: str) -> Content:
    """Return all that the mail with this name holds.

    Raises:
        FileNotFoundError: when there is no such mail.
    """
    source = inbox.read(name)
    message = _parsed(source)
    return Content(
        [(header, str(value)) for header, value in message.items()],
        _part(message, "plain"),
        _part(message, "html"),
        source.decode("utf-8", "replace"),
    )


def opening_links_outside(html: str) -> str:
    """Return the document `html` with a base element that lets its links open in a new tab."""
    base = '<base target="_blank">'
    with_base, found = _HEAD.subn(lambda head: head.group() + base, html, count=1)
    return with_base if found else base + html


def _parsed(source: bytes) -> EmailMessage:
    message = message_from_bytes(source, policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101
    return message


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return str(part.get_content()) if isinstance(part, EmailMessage) else ""


def _kind(list_id: str) -> str:
    return next((kind.value for kind in Kind if f"<{kind.plural}." in list_id), OTHER)
