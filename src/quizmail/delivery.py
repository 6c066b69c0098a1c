"""One mail's way: still wanted? compose, open, claim, body, outcome.

The claim is made between the server's 354 and the first byte of the body, so we can be unsure of a mail
only when the process dies or the link breaks between the claim and the recorded answer
(RFC 1047); such a delivery becomes ``unknown`` and is never sent again by itself.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from peewee import InterfaceError, OperationalError

from quizmail import database, holds, replies, retries
from quizmail.audience import Audience
from quizmail.composing import Composer, Mail
from quizmail.consequences import accepted, domain_of, follow, kind_of
from quizmail.errors import CompositionError, PlatformUnavailable, SourceError
from quizmail.holds import Board, Subject
from quizmail.mailer import Envelope, NoAnswer, Ready, Reply
from quizmail.outbox import claim as outbox
from quizmail.outbox import valve
from quizmail.outbox.claim import Outcome, Work
from quizmail.outbox.valve import Pace
from quizmail.rechecking import still_wanted
from quizmail.recipients import suppressed
from quizmail.replies import Fate, Measure, Verdict
from quizmail.states import DeliveryState, Failure, Scope, Skip

log = logging.getLogger(__name__)


class Transport(Protocol):
    """What a delivery needs of the mailer; see ``mailer.Mailer``."""

    def open(self, envelope: Envelope) -> Ready | Reply | NoAnswer:
        """Bring the server to the point where it waits for the body."""

    def body(self, message: bytes) -> Reply | NoAnswer:
        """Send the body and wait for the answer."""

    def abandon(self) -> None:
        """Close the connection so that the server drops the mail."""


@dataclass(frozen=True)
class Terms:
    """The settings that a delivery goes by. ``lease``: how long a claim may wait for its outcome."""

    inactive_after: timedelta
    hold_after_failures: int
    lease: timedelta
    pace: Pace


@dataclass(frozen=True)
class Deliverer:
    """Delivers single mails. Safe to share between threads; `transport` gives each thread its own."""

    audience: Audience
    composer: Composer
    transport: Callable[[], Transport]
    terms: Terms
    clock: Callable[[], datetime]
    ring_later: Callable[[int, timedelta], None]
    jitter: retries.Jitter = random.uniform
    sleep: Callable[[float], None] = field(default=time.sleep)
    in_flight: dict[str, Work] = field(default_factory=dict)

    def deliver(self, delivery_id: int) -> DeliveryState | None:
        """Send the delivery if it is planned, due and still wanted; return its state afterwards.

        A doubled message, or one that comes late, finds the row changed and does nothing. None when
        there is no such delivery.
        """
        started = time.monotonic()
        work = outbox.load(delivery_id)
        if work is None or work.state is not DeliveryState.PLANNED:
            return work.state if work else None
        outcome = self._try(work)
        if outcome is not None:
            _log(work, outcome, started)
        return outcome.state if outcome else DeliveryState.PLANNED

    def _try(self, work: Work) -> Outcome | None:
        """Return what became of `work`; None when it is left as it is for another time."""
        now = self.clock()
        if now >= work.expires_at:
            return _done(outbox.expire(work), DeliveryState.EXPIRED)
        board = holds.board()
        if board.held_until([kind_of(work.kind), Subject(Scope.RUN, str(work.run_id))], now):
            outbox.unrelease(work)
            return None
        if not self._may_leave(work, now):
            return None
        now = self.clock()
        try:
            checked = still_wanted(self.audience, work, now, self.terms.inactive_after)
        except (PlatformUnavailable, SourceError) as problem:
            return self._postpone(work, Failure.PLATFORM_UNAVAILABLE, str(problem), now)
        if not isinstance(checked, tuple):
            return _done(outbox.skip(work, checked), DeliveryState.SKIPPED, checked)
        wanted, address = checked
        if until := board.held_until([domain_of(address)], now):
            return self._postpone(work, Failure.DOMAIN_HELD, "", now, until)
        try:
            mail = self._compose(wanted, address, now)
        except CompositionError as problem:
            return self._fault(work, problem, now)
        if board.counts_failures(kind_of(work.kind)):
            holds.relieve(kind_of(work.kind), Failure.COMPOSITION_FAILED)
        return self._send(wanted, address, mail, board)

    def _may_leave(self, work: Work, now: datetime) -> bool:
        """Wait for the delivery's send instant when that is soon; False when it is not to be sent now."""
        if self.terms.pace.is_free:
            early = work.due_at - now
            if timedelta(0) < early <= valve.CLOCKS_DIFFER:  # The clock of whoever released it is ahead.
                self.ring_later(work.id, early)
            return early <= timedelta(0)
        at = valve.admit(work.id, now, self.terms.pace)
        if at is None:
            return False
        if at > now + valve.SOON:
            self.ring_later(work.id, at - now - valve.SOON)
            return False
        self.sleep(max(0.0, (at - now).total_seconds()))
        return True

    def _compose(self, work: Work, address: str, now: datetime) -> Mail:
        key = (work.user_id, work.period)
        return self.composer.compose(work.kind, key, work.recipient_id, address, work.facts, now, work.id)

    def _fault(self, work: Work, problem: CompositionError, now: datetime) -> Outcome | None:
        log.error("cannot compose kind=%s id=%d: %s", work.kind, work.id, problem)
        cause = Failure.COMPOSITION_FAILED
        holds.strike(kind_of(work.kind), cause, str(problem), now, self.terms.hold_after_failures)
        return self._postpone(work, cause, str(problem), now)

    def _send(self, work: Work, address: str, mail: Mail, board: Board) -> Outcome | None:
        transport = self.transport()
        envelope = Envelope(mail.envelope_sender, address, len(mail.content), mail.envid)
        try:
            opened = transport.open(envelope)
        except ValueError:  # an address that no SMTP command can carry
            return _done(outbox.skip(work, Skip.BAD_ADDRESS), DeliveryState.SKIPPED, Skip.BAD_ADDRESS)
        now = self.clock()
        if isinstance(opened, NoAnswer):
            cause, detail = Failure.RELAY_UNREACHABLE, f"{opened.stage}: {opened.cause}"
            holds.strike(holds.ALL, cause, detail, now, self.terms.hold_after_failures)
            return self._postpone(work, cause, detail, now)
        if board.counts_failures(holds.ALL):
            holds.relieve(holds.ALL, Failure.RELAY_UNREACHABLE)
        if isinstance(opened, Reply):
            return self._refused_early(work, address, opened, now)
        token = uuid4().hex
        try:
            claimed = outbox.claim(work, token, address, mail.message_id, now)
        except BaseException:
            transport.abandon()
            raise
        if not claimed:
            transport.abandon()
            return self._refused(work, address, now)
        self.in_flight[token] = work
        try:
            return self._finish(work, token, address, transport.body(mail.content), board)
        finally:
            self.in_flight.pop(token, None)

    def give_up(self) -> int:
        """Write what still waits for its answer as unknown: the process ends. Return how many there were.

        An answer that comes all the same resolves its own claim.
        """
        database.give_back(failed=True)  # This thread's connection is as old as the process.
        outcome = Outcome(DeliveryState.UNKNOWN, Failure.SHUTDOWN)
        waiting = list(self.in_flight.items())
        return sum(outbox.record(work, token, outcome, self.clock()) for token, work in waiting)

    def _refused_early(self, work: Work, address: str, reply: Reply, now: datetime) -> Outcome | None:
        """Deal with a refusal before the claim; one of all our mail burns no try of this one."""
        verdict = replies.judge(reply.stage, reply.code, reply.enhanced)
        follow(work.kind, address, reply, verdict, now, self.terms.hold_after_failures)
        if verdict.measure is Measure.HOLD_ALL:
            return self._postpone(work, Failure.RELAY_REFUSES, reply.said, now)
        outcome = self._outcome(work, reply, verdict, now)
        return outcome if outbox.record_unclaimed(work, outcome, now) else None

    def _finish(
        self, work: Work, token: str, address: str, answer: Reply | NoAnswer, board: Board
    ) -> Outcome | None:
        now = self.clock()
        if isinstance(answer, NoAnswer):
            outcome = Outcome(
                DeliveryState.UNKNOWN, Failure.NO_ANSWER, stage=answer.stage, reply_text=answer.cause
            )
            return outcome if self._keep(work, token, outcome, now) else None
        if answer.is_positive:
            outcome = Outcome(DeliveryState.SENT, **_seen(answer))
            kept = self._keep(work, token, outcome, now)
            accepted(work.kind, address, board)
            return outcome if kept else None
        verdict = replies.judge(answer.stage, answer.code, answer.enhanced)
        outcome = self._outcome(work, answer, verdict, now)
        kept = self._keep(work, token, outcome, now)
        follow(work.kind, address, answer, verdict, now, self.terms.hold_after_failures)
        return outcome if kept else None

    def _outcome(self, work: Work, reply: Reply, verdict: Verdict, now: datetime) -> Outcome:
        """Decide by the codes, never by the text (RFC 5321 section 4.2.1)."""
        seen = _seen(reply)
        if verdict.fate is Fate.REJECT:
            return Outcome(DeliveryState.REJECTED, Failure.PERMANENT_REPLY, **seen)
        again = retries.next_try(work.kind, work.attempts + 1, now, self.jitter)
        if again is None:
            return Outcome(DeliveryState.REJECTED, Failure.TRIES_EXHAUSTED, **seen)
        return Outcome(DeliveryState.PLANNED, Failure.TEMPORARY_REPLY, due_at=again, **seen)

    def _keep(self, work: Work, token: str, outcome: Outcome, now: datetime) -> bool:
        """Record the outcome; while our database is away, try again in place until the lease ends."""
        while True:
            try:
                return outbox.record(work, token, outcome, now)
            except (OperationalError, InterfaceError):
                if self.clock() - now >= self.terms.lease:
                    key = f"{work.kind} {work.id} {work.period}"
                    said = f"{outcome.state} {outcome.reply_code}"
                    log.exception("outcome lost: key=%s outcome=%r", key, said)
                    raise
                database.give_back(failed=True)  # A broken connection never mends; the next is new.
                self.sleep(1)

    def _refused(self, work: Work, address: str, now: datetime) -> Outcome | None:
        """Find out why the claim was refused, and say so on the row."""
        current = outbox.load(work.id)
        if current is None or current.state is not DeliveryState.PLANNED:
            return None
        if now >= current.expires_at:
            return _done(outbox.expire(current), DeliveryState.EXPIRED)
        stops = (
            (current.opted_out, Skip.OPTED_OUT),
            (current.paused_until is not None and now < current.paused_until, Skip.PAUSED),
            (bool(suppressed([address])), Skip.SUPPRESSED),
        )
        reason = next((reason for stopped, reason in stops if stopped), None)
        if reason is None:
            outbox.unrelease(current)
            return None
        return _done(outbox.skip(current, reason), DeliveryState.SKIPPED, reason)

    def _postpone(
        self, work: Work, reason: Failure, detail: str, now: datetime, until: datetime | None = None
    ) -> Outcome | None:
        due_at = retries.postponed(until or now, self.jitter)
        outcome = Outcome(DeliveryState.PLANNED, reason, due_at=due_at)
        return outcome if outbox.postpone(work, reason, detail, due_at) else None


def _seen(reply: Reply) -> dict[str, Any]:
    """Return what an outcome keeps of a reply."""
    return {"stage": reply.stage, "reply_code": reply.code, "reply_text": reply.text}


def _done(changed: bool, state: DeliveryState, reason: Any = None) -> Outcome | None:
    return Outcome(state, reason) if changed else None


def _log(work: Work, outcome: Outcome, started: float) -> None:
    """Log one line for one outcome. It names our row, never the user or the address."""
    log.info(
        "delivery kind=%s id=%d period=%s state=%s reason=%s attempt=%d ms=%d",
        work.kind,
        work.id,
        work.period,
        outcome.state,
        outcome.reason or "-",
        work.attempts + 1,
        (time.monotonic() - started) * 1000,
    )
