"""One mail, composed: facts to bytes, with its stable Message-ID and its unsubscribe link."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from quizmail import message
from quizmail.links import Links
from quizmail.parsing import Mailbox
from quizmail.rendering import Parts, Renderer
from quizmail.states import Kind


class Mail(NamedTuple):
    """A mail that is ready to be sent: its Message-ID, what it says, and its bytes with CRLF line ends."""

    message_id: str
    parts: Parts
    content: bytes


@dataclass(frozen=True)
class Composer:
    """Everything that a mail needs besides its facts and its reader."""

    renderer: Renderer
    links: Links
    sender: Mailbox
    site_name: str
    idempotency_header: str | None = None

    def compose(
        self,
        kind: Kind,
        key: tuple[str, str],
        recipient_id: int,
        address: str,
        facts: Mapping[str, Any],
        date: datetime,
    ) -> Mail:
        """Return the mail of `kind` for the `key` (user id, period); the same key gives the same Message-ID.

        Raises:
            CompositionError: when a template or a header cannot be written. Our own fault.
        """
        user_id, period = key
        domain = self.sender.address.rpartition("@")[2]
        message_id = message.message_id(kind, user_id, period, domain)
        unsubscribe_url = self.links.unsubscribe(recipient_id, kind)
        parts = self.renderer.render(kind, facts, unsubscribe_url)
        content = message.compose(
            sender=self.sender,
            recipient=Mailbox(facts["name"], address),
            parts=parts,
            message_id=message_id,
            date=date,
            list_id=message.list_id(kind, domain, self.site_name),
            unsubscribe_url=unsubscribe_url,
            extra=self._idempotency(message_id),
        )
        return Mail(message_id, parts, content)

    def _idempotency(self, message_id: str) -> list[tuple[str, str]]:
        """Return the header by which some relays recognise a mail that they have taken before."""
        key = message_id.strip("<>").partition("@")[0]
        return [(self.idempotency_header, key)] if self.idempotency_header else []
