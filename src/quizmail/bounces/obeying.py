"""What follows from what came back: for the delivery's history, the address and the reader's preferences."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quizmail.bounces.reading import Action, Complaint, Fate, Letter, read
from quizmail.database import transaction
from quizmail.errors import InvalidToken
from quizmail.links import Links
from quizmail.models import Attempt, Delivery, Recipient
from quizmail.recipients import COMPLAINT, REPORTED, hit, suppress
from quizmail.replies import Measure, consequence_of_report
from quizmail.returns import Returned, ReturnPaths
from quizmail.states import Kind, Preference, Return

log = logging.getLogger(__name__)

#: Feedback reports that are no complaint: RFC 5965 section 7.3, RFC 6591.
_NO_COMPLAINTS = {"not-spam", "auth-failure"}

#: Who writes the rows of a delivery's history that come from here.
_BY = "report"


class Finding(StrEnum):
    """What a message turned out to be. Counted and printed."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    DELAYED = "delayed"  # a report that the mail is still being tried: nothing follows
    DELIVERED = "delivered"  # a report of success: nothing follows
    NO_COMPLAINT = "no_complaint"  # a feedback report such as not-spam: nothing follows
    AUTO_REPLY = "auto_reply"
    REPEATED = "repeated"  # this came back for this delivery before
    GONE = "gone"  # of a delivery that is kept no more
    UNIDENTIFIED = "unidentified"  # without a valid token, or no report at all: not ours to judge


@dataclass(frozen=True)
class Desk:
    """Reads what came back. `returns` None: no mail of ours has a return path of its own."""

    returns: ReturnPaths | None
    links: Links

    def handle(self, raw: bytes, now: datetime, recipient: str = "") -> Finding:
        """Read one message, do what follows from it, and say what it was.

        The same message, or another one of the same kind about the same delivery, counts once.
        `recipient` is the envelope's, if it is known.
        """
        letter = read(raw, recipient)
        if letter.complaint is not None:
            return self._complaint(letter, letter.complaint, now)
        if letter.fates:
            return self._report(letter, now)
        if self._unsubscribe(letter.subjects):
            return Finding.UNSUBSCRIBED
        return Finding.AUTO_REPLY if letter.is_automatic else Finding.UNIDENTIFIED

    def _report(self, letter: Letter, now: datetime) -> Finding:
        returned = self._returned(letter.clues)
        if returned is None:
            return Finding.UNIDENTIFIED
        fate, address = _ours(letter, returned)
        if fate.action is Action.DELAYED:
            return Finding.DELAYED
        if fate.action is not Action.FAILED:
            return Finding.DELIVERED
        with transaction():
            noted = _note(returned.delivery_id, Return.BOUNCED, fate.evidence, now)
            if isinstance(noted, Finding):
                return noted
            _judge(address, fate, noted, now)
        return Finding.BOUNCED

    def _complaint(self, letter: Letter, complaint: Complaint, now: datetime) -> Finding:
        if complaint.type in _NO_COMPLAINTS:
            return Finding.NO_COMPLAINT
        returned = self._returned(letter.clues)
        if returned is None:
            # Many providers leave nothing of the envelope; the mail's own link says who was mailed.
            links = (word.strip("<>,").rpartition("/")[2] for link in letter.links for word in link.split())
            return Finding.COMPLAINED if self._unsubscribe(links, *Kind) else Finding.UNIDENTIFIED
        address = _mailed(returned, [*complaint.addresses, *letter.mailed_to])
        said = f"feedback report: {complaint.type[:40] or 'other'}"
        with transaction():
            noted = _note(returned.delivery_id, Return.COMPLAINED, said, now)
            if isinstance(noted, Finding):
                return noted
            if address:
                suppress(address, COMPLAINT, None, now, said)
            else:
                _turn_off(noted.recipient_id, *Kind)
        return Finding.COMPLAINED

    def _returned(self, clues: Iterable[str]) -> Returned | None:
        """Return what the first valid token says."""
        if self.returns is None:
            return None
        read = (self.returns.read(clue) or self.returns.read_token(clue) for clue in clues)
        return next((found for found in read if found), None)

    def _unsubscribe(self, texts: Iterable[str], *kinds: Kind) -> bool:
        """Obey the first unsubscribe token in `texts`, for its own kind or for `kinds`; False without one."""
        for text in texts:
            try:
                recipient_id, kind = self.links.read_subject(text)
            except InvalidToken:
                continue
            return _turn_off(recipient_id, *(kinds or (kind,)))
        return False


def _ours(letter: Letter, returned: Returned) -> tuple[Fate, str | None]:
    """Return what the report says of our recipient, and his address if it is told.

    One of several that do not name him may be about somebody behind a list: then nobody is to blame.
    """
    for fate in letter.fates:
        if address := _mailed(returned, fate.addresses):
            return fate, address
    if len(letter.fates) == 1:
        return letter.fates[0], _mailed(returned, letter.mailed_to)
    return min(letter.fates, key=lambda fate: fate.action is Action.FAILED), None


def _mailed(returned: Returned, named: Iterable[str]) -> str | None:
    """Return the one of the addresses that the delivery was mailed to."""
    return next((address for address in named if returned.was_mailed_to(address)), None)


def _note(delivery_id: int, what: Return, evidence: str, now: datetime) -> Delivery | Finding:
    """Write `what` into the delivery's history, and return the delivery; a Finding if it is not to count."""
    this = Delivery.id == delivery_id
    # The row is locked until the transaction ends: two readers of one report must not both count it.
    if not Delivery.update(attempts=Delivery.attempts).where(this).execute():
        return Finding.GONE
    if Attempt.select().where((Attempt.delivery == delivery_id) & (Attempt.outcome == what)).exists():
        return Finding.REPEATED
    delivery: Delivery = Delivery.get(this)
    Attempt.insert(
        delivery=delivery_id, number=delivery.attempts, at=now, outcome=what, by=_BY, reply_text=evidence
    ).execute()
    log.info("came back kind=%s id=%d outcome=%s", delivery.kind, delivery_id, what)
    return delivery


def _judge(address: str | None, fate: Fate, delivery: Delivery, now: datetime) -> None:
    consequence = consequence_of_report(fate.status)
    if address is None:
        log.warning("a report does not name the address that was mailed: id=%d %s", delivery.id, fate.status)
    elif consequence.measure is Measure.SUPPRESS:
        suppress(address, consequence.meaning, fate.status, now, fate.evidence)
    elif consequence.measure is Measure.SOFT_HIT:
        sent = delivery.sent_at or delivery.claimed_at
        hit(address, f"{REPORTED}{consequence.meaning}", fate.status, now, fate.evidence, sent)


def _turn_off(recipient_id: int, *kinds: Kind) -> bool:
    """Set the recipient's preferences for `kinds` to off; False when there is no such recipient."""
    off = {Recipient.preference_for(kind): Preference.OFF for kind in kinds}
    return bool(Recipient.update(off).where(Recipient.id == recipient_id).execute())
