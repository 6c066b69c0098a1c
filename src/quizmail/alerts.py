"""Telling the administrator: once for each cause and day, in the log and by mail.

What a dead relay, worker or scheduler cannot mail about, ``/healthz`` and the exit code of ``status``
tell an outside monitor.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Any

from peewee import fn

from quizmail import holds
from quizmail.delivery import Transport
from quizmail.fields import encode_instant
from quizmail.mailer import Envelope, NoAnswer, Ready
from quizmail.models import Alert, Delivery, Run
from quizmail.parsing import Mailbox
from quizmail.states import DeliveryState, Failure, RunState

log = logging.getLogger(__name__)

#: An alert that the relay would not take is tried again after so long, which is at the next tick.
AGAIN = timedelta(seconds=50)

#: What happened longer ago than this is told no more.
RECENT = timedelta(days=1)


@dataclass(frozen=True)
class Alarm:
    """Tells `administrator`, if there is one; ``unknown_above``: as many unknown outcomes a day are borne."""

    administrator: Mailbox | None
    sender: Mailbox
    site_name: str
    transport: Callable[[], Transport]
    unknown_above: int

    def check(self, now: datetime) -> int:
        """Give an alert for every cause that was not told today and return how many there were."""
        told = 0
        # All are read first: SQLite refuses at once to write in the middle of a read that is out of date.
        for cause, text in list(self._causes(now)):
            day = now.date().isoformat()
            written = Alert.insert(cause=cause, day=day, at=now).on_conflict_ignore()
            is_new = bool(written.as_rowcount().execute())
            if is_new:
                told += 1
                log.error("alert cause=%s", cause)  # The text may repeat an address that a server said.
            this = (Alert.cause == cause) & (Alert.day == day) & Alert.mailed_at.is_null()
            if self.administrator and (is_new or self._is_my_turn(this, now)):
                self._mail(self.administrator, cause, text, now, this)
        return told

    def _is_my_turn(self, this: Any, now: datetime) -> bool:
        """Say whether an alert that could not be mailed is to be tried again, by this process."""
        return bool(Alert.update(at=now).where(this & (Alert.at <= now - AGAIN)).execute())

    def _causes(self, now: datetime) -> Iterator[tuple[str, str]]:
        for hold in holds.in_force(now):
            subject = f"{hold.scope} {hold.subject}".strip()
            yield f"held {subject} {hold.cause}", f"{subject} is held: {hold.cause} ({hold.detail or '-'})"
        since = now - RECENT
        recent = fn.COALESCE(Run.done_at, Run.started_at) > encode_instant(since)
        for run in Run.select().where((Run.state == RunState.MISSED) & recent):
            slot = run.slot.isoformat(timespec="minutes")
            yield (
                f"missed run {run.id}",
                f"the {run.kind} run {run.period} of {slot} was missed: who was not planned is not mailed",
            )
        claimed = Delivery.claimed_at > since
        unknown = Delivery.select().where(Delivery.stands(DeliveryState.UNKNOWN) & claimed).count()
        if unknown > self.unknown_above:
            yield "unknown", f"{unknown} deliveries have an unknown outcome: see `deliveries --state unknown`"
        aside = (Delivery.reason == Failure.NEVER_FINISHED) & (Delivery.released_at > since)
        if count := Delivery.select().where(Delivery.stands(DeliveryState.REJECTED) & aside).count():
            yield "set aside", f"{count} deliveries were set aside: every worker that took them died"

    def _mail(self, to: Mailbox, cause: str, text: str, now: datetime, this: Any) -> None:
        """Mail an alert, unless another process does; like every mail it is claimed before the body."""
        message = EmailMessage(policy=SMTP)
        message["From"] = formataddr((" ".join(self.site_name.split()), self.sender.address))
        message["To"] = to.address
        message["Subject"] = " ".join(f"[{self.site_name} mail] {cause}".split())
        message["Date"] = format_datetime(now)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(f"{text}\n\nRun `quizmail status` for more.\n")
        content = message.as_bytes()
        transport = self.transport()
        answer = transport.open(Envelope(self.sender.address, to.address, len(content)))
        if isinstance(answer, Ready):
            if not Alert.update(mailed_at=now).where(this).execute():
                transport.abandon()
                return
            answer = transport.body(content)
        if isinstance(answer, NoAnswer) or not answer.is_positive:
            # Not the server's own words, which may repeat the address.
            said = answer.cause if isinstance(answer, NoAnswer) else answer.code
            log.warning("the alert could not be mailed: %s: %s", answer.stage, said)
