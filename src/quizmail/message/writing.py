"""The whole message, and the two identifiers that a mail keeps for ever.

The bytes are written directly. The standard library's ``EmailMessage`` needs some 3 ms for a mail
and folds a long List-Unsubscribe address into encoded words, which RFC 2047 section 5 forbids.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Protocol

from quizmail.message import headers
from quizmail.message.canonical import Canonical
from quizmail.message.encoding import encode, encode_pieces
from quizmail.parsing import Mailbox
from quizmail.states import Kind

#: The headers that are the same in every mail: RFC 8058 section 3.1, RFC 3834 section 5, and what
#: responders out of office look at.
_FIXED = (
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    "Auto-Submitted: auto-generated\r\n"
    "Precedence: bulk\r\n"
    "X-Auto-Response-Suppress: All\r\n"
    "MIME-Version: 1.0\r\n"
)


class Parts(Protocol):
    """What a message says: `rendering.Parts`, which this package does not know."""

    @property
    def subject(self) -> str:
        """One line."""

    @property
    def text(self) -> str:
        """The plain text part."""

    @property
    def pieces(self) -> Sequence[str]:
        """The HTML part, a whole document, in pieces of which most are the same in many mails."""

    @property
    def language(self) -> str:
        """A BCP 47 tag."""


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


def feedback_id(kind: Kind, period: str, language: str, sender_id: str) -> str:
    """Return the Feedback-ID of a month's mails: ``reminder_2026-11:kind_reminder:lang_en:quiz``.

    Gmail counts complaints for each of the four fields by itself; none may say what another one says, and
    none may point at a reader (Google Workspace answer 6254652). A `sender_id` has no underscores.
    """
    return f"{kind}_{period[:7]}:kind_{kind}:lang_{language}:{sender_id}"


class Letterhead:
    """What all mails of one kind from one sender have in common. Threads may share it."""

    def __init__(self, sender: Mailbox, list_id: str) -> None:
        """Write the fixed headers, once.

        Args:
            sender: From; its address is ASCII, a domain in its A-label form.
            list_id: as ``list_id`` returns it.

        Raises:
            CompositionError: when the sender cannot stand in a header.
        """
        self._from = f"From: {headers.mailbox('From', *sender)}\r\n"
        self._list_id = f"List-Id: {list_id}\r\n"

    def write(
        self,
        *,
        recipient: Mailbox,
        parts: Parts,
        message_id: str,
        date: datetime,
        unsubscribe_url: str,
        unsubscribe_mailto: str | None = None,
        extra: Iterable[tuple[str, str]] = (),
    ) -> Canonical:
        """Return the message as bytes, without the dot-stuffing of SMTP.

        The same arguments give the same bytes.

        Args:
            recipient: To; the name may be empty, the address is ASCII like the sender's.
            parts: what it says.
            message_id: as ``message_id`` returns it.
            date: when the message was completed, UTC-aware (RFC 5322 section 3.6.1).
            unsubscribe_url: one-click address (RFC 8058), ASCII, at most 900 characters.
            unsubscribe_mailto: a mailto URL that does the same (RFC 2369), if there is one.
            extra: more headers, each a name and a value that needs no encoding.

        Raises:
            CompositionError: when an address, a URL or an extra header cannot stand in a header.
        """
        boundary = "=_" + hashlib.sha256(message_id.encode()).hexdigest()[:32]
        head = (
            f"{self._from}"
            f"To: {headers.mailbox('To', *recipient)}\r\n"
            f"Subject: {headers.subject(parts.subject)}\r\n"
            f"Date: {_rfc5322(int(date.timestamp()))}\r\n"
            f"Message-ID: {message_id}\r\n"
            f"{self._list_id}"
            f"List-Unsubscribe: {headers.unsubscribe(unsubscribe_url, unsubscribe_mailto)}\r\n"
            f"{_FIXED}"
            f"Content-Language: {parts.language}\r\n"
            f"{''.join(headers.checked(extra))}"
            f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'
        )
        delimiter = f"\r\n--{boundary}".encode()
        # Plain first, richest last (RFC 2046 section 5.1.4).
        plain, rich = _part("plain", *encode(parts.text)), _part("html", *encode_pieces(parts.pieces))
        return Canonical(
            b"".join((head.encode("ascii"), delimiter, *plain, delimiter, *rich, delimiter, b"--\r\n"))
        )


@lru_cache(maxsize=64)
def _rfc5322(timestamp: int) -> str:
    """Return seconds since 1970 as a date with the zone +0000; many mails are completed in one second."""
    return format_datetime(datetime.fromtimestamp(timestamp, UTC))


def _part(subtype: str, encoding: str, encoded: bytes) -> tuple[bytes, bytes]:
    head = f"\r\nContent-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode("ascii"), encoded
