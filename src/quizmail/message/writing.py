"""The whole message, and the two identifiers that a mail keeps for ever.

The bytes are written directly. The standard library's ``EmailMessage`` needs some 3 ms for a mail
and folds a long List-Unsubscribe address into encoded words, which RFC 2047 section 5 forbids.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Protocol

from quizmail.message import headers
from quizmail.message.encoding import encode
from quizmail.parsing import Mailbox
from quizmail.states import Kind


class Parts(Protocol):
    """What a message says."""

    @property
    def subject(self) -> str:
        """One line."""

    @property
    def text(self) -> str:
        """The plain text part."""

    @property
    def html(self) -> str:
        """The HTML part, a whole document."""


def message_id(kind: Kind, user_id: str, period: str, domain: str) -> str:
    """Return the Message-ID of the one mail of `kind` to `user_id` for `period`, brackets included.

    It is the same on every try, so that a mailbox can drop a second copy (RFC 5322 section 3.6.4).
    Ids may be addresses, so the user's is only in it as part of a hash.
    """
    key = "\0".join((kind.value, user_id, period)).encode("utf-8", "surrogatepass")
    return f"<{kind.value}.{period}.{hashlib.sha256(key).hexdigest()[:32]}@{domain}>"


def list_id(kind: Kind, sender_domain: str, site_name: str) -> str:
    """Return the List-Id of `kind`: ``QuizMaster reminders <reminders.example.com>`` (RFC 2919)."""
    return headers.labelled("List-Id", f"{site_name} {kind.plural}", f"{kind.plural}.{sender_domain}")


def compose(
    *,
    sender: Mailbox,
    recipient: Mailbox,
    parts: Parts,
    message_id: str,
    date: datetime,
    list_id: str,
    unsubscribe_url: str,
    language: str = "en",
    extra: Iterable[tuple[str, str]] = (),
) -> bytes:
    """Return the message as bytes with CRLF line ends, and without the dot-stuffing of SMTP.

    The same arguments give the same bytes.

    Args:
        sender: From; its address and the recipient's are ASCII, a domain in its A-label form.
        recipient: To; the name may be empty.
        parts: subject, text and HTML.
        message_id: as ``message_id`` returns it.
        date: when the message was completed, UTC-aware (RFC 5322 section 3.6.1).
        list_id: as ``list_id`` returns it.
        unsubscribe_url: one-click address (RFC 8058), ASCII, at most 900 characters.
        language: the parts' language, a BCP 47 tag.
        extra: more headers, each a name and a value that needs no encoding.

    Raises:
        CompositionError: when an address, the URL or an extra header cannot stand in a header.
    """
    boundary = "=_" + hashlib.sha256(message_id.encode()).hexdigest()[:32]
    lines = (
        ("From", headers.mailbox("From", *sender)),
        ("To", headers.mailbox("To", *recipient)),
        ("Subject", headers.subject(parts.subject)),
        ("Date", format_datetime(date.astimezone(UTC))),
        ("Message-ID", message_id),
        ("MIME-Version", "1.0"),
        ("Content-Language", language),
        ("List-Id", list_id),
        ("List-Unsubscribe", headers.web_address(unsubscribe_url)),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Auto-Submitted", "auto-generated"),
        ("Precedence", "bulk"),
        ("X-Auto-Response-Suppress", "All"),
        *headers.checked(extra),
        ("Content-Type", f'multipart/alternative;\r\n boundary="{boundary}"'),
    )
    head = "".join([f"{name}: {value}\r\n" for name, value in lines]).encode("ascii")
    delimiter = f"\r\n--{boundary}".encode()
    # Plain first, richest last (RFC 2046 section 5.1.4).
    plain, rich = _part("plain", parts.text), _part("html", parts.html)
    return b"".join((head, delimiter, *plain, delimiter, *rich, delimiter, b"--\r\n"))


def _part(subtype: str, body: str) -> tuple[bytes, bytes]:
    encoding, encoded = encode(body)
    head = f"\r\nContent-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode("ascii"), encoded
