"""One mail, composed: facts to bytes, with its stable Message-ID and its unsubscribe link."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from quizmail import message
from quizmail.links import Links
from quizmail.message import Letterhead, Signer
from quizmail.parsing import Mailbox
from quizmail.rendering import Parts, Renderer
from quizmail.returns import ReturnPaths
from quizmail.states import Kind

#: A mail has fewer bytes than this. Gmail cuts what is longer than some 102 000 of them.
_TOO_LARGE = 80_000

#: How many quizzes are named at least, however large the mail. The subject of a reminder needs one.
_FEWEST = {Kind.REMINDER: 1, Kind.REPORT: 0}


class Mail(NamedTuple):
    """A composed mail: its bytes, and where it is returned to.

    Attributes:
        message_id: with its brackets; the same on every try.
        parts: what it says.
        content: its bytes, with CRLF line ends.
        envelope_sender: a bare ASCII address, where it is returned to.
        envid: what a delivery report is to repeat (RFC 3461); None when none is asked for.
    """

    message_id: str
    parts: Parts
    content: bytes
    envelope_sender: str
    envid: str | None


@dataclass(frozen=True)
class Composer:
    """Everything that a mail needs besides its facts and its reader. Threads may share it.

    Attributes:
        sender: the From of every kind that has none in `senders`. Its domain is in the Message-IDs and
            List-Ids of all of them, so that these stay as they are when a kind gets a From of its own.
        idempotency_header: the header by which the relay recognises a mail that it has taken before.
        senders: the From of single kinds.
        returns: makes the envelope senders; without it a mail returns to its From.
        feedback_sender_id: by which Gmail counts complaints, if it is to.
        signer: signs every mail, unless the relay does.
    """

    renderer: Renderer
    links: Links
    sender: Mailbox
    site_name: str
    idempotency_header: str | None = None
    senders: Mapping[Kind, Mailbox] = field(default_factory=dict)
    returns: ReturnPaths | None = None
    feedback_sender_id: str | None = None
    signer: Signer | None = None

    def compose(
        self,
        kind: Kind,
        key: tuple[str, str],
        recipient_id: int,
        address: str,
        facts: Mapping[str, Any],
        date: datetime,
        delivery_id: int = 0,
    ) -> Mail:
        """Return the mail of `kind` for the `key` (user id, period); the same key gives the same Message-ID.

        Without a `delivery_id`, our row id, it has no page of its own and no address to return to.
        A mail that would be too large names fewer quizzes than the facts do, and counts the others.

        Raises:
            CompositionError: when a template or a header cannot be written. Our own fault.
        """
        user_id, period = key
        message_id = message.message_id(kind, user_id, period, self._domain)
        unsubscribe_url = self.links.unsubscribe(recipient_id, kind)
        view_url = self.links.view(delivery_id) if delivery_id else None
        parts = self.renderer.render(kind, facts, unsubscribe_url, view_url)
        content = self._letterheads[kind].write(
            recipient=Mailbox(facts["name"], address),
            parts=parts,
            message_id=message_id,
            date=date,
            unsubscribe_url=unsubscribe_url,
            unsubscribe_mailto=self.links.mailto(recipient_id, kind),
            extra=self._extra(message_id, kind, period, parts.language),
        )
        if self.signer:
            content = self.signer.sign(content, date)
        if len(content) >= _TOO_LARGE and len(facts["quizzes"]) > _FEWEST[kind]:
            return self.compose(kind, key, recipient_id, address, _one_less(facts), date, delivery_id)
        return Mail(message_id, parts, content, *self._return_path(kind, delivery_id, address))

    def sender_of(self, kind: Kind) -> Mailbox:
        """Return the From of the mails of `kind`."""
        return self.senders.get(kind, self.sender)

    def _return_path(self, kind: Kind, delivery_id: int, address: str) -> tuple[str, str | None]:
        """Return the envelope sender and the envelope's id."""
        if self.returns is None or not delivery_id:
            return self.sender_of(kind).address, None
        return self.returns.address(delivery_id, address), self.returns.token(delivery_id, address)

    def _extra(self, message_id: str, kind: Kind, period: str, language: str) -> list[tuple[str, str]]:
        """Return the headers that settings ask for."""
        extra = []
        if self.idempotency_header:
            extra.append((self.idempotency_header, message_id.strip("<>").partition("@")[0]))
        if self.feedback_sender_id:
            told = message.feedback_id(kind, period, language, self.feedback_sender_id)
            extra.append(("Feedback-ID", told))
        return extra

    @cached_property
    def _domain(self) -> str:
        return self.sender.address.rpartition("@")[2]

    @cached_property
    def _letterheads(self) -> Mapping[Kind, Letterhead]:
        return {
            kind: Letterhead(self.sender_of(kind), message.list_id(kind, self._domain, self.site_name))
            for kind in Kind
        }


def _one_less(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the facts with their last quiz among those that are counted only."""
    return {**facts, "quizzes": facts["quizzes"][:-1], "more": facts["more"] + 1}
