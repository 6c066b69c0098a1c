"""What of a round may go now: due, not held, still wanted, composed. All the rest is dealt with here."""

import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from quizmail import holds, recipients, retries
from quizmail.delivery.terms import Letter
from quizmail.errors import CompositionError, PlatformUnavailable, SourceError
from quizmail.mailer import Envelope
from quizmail.outbox import claim as claims
from quizmail.outbox import valve
from quizmail.outbox.telling import log, tell
from quizmail.outbox.work import Work
from quizmail.rechecking import Checked, Wanted, still_wanted
from quizmail.states import DeliveryState, Failure, NotDue, Skip

if TYPE_CHECKING:
    from quizmail.delivery.deliverer import Deliverer

#: How long the check before sending is good for; what is sent later is checked again.
FRESH = timedelta(seconds=5)

#: How long a round may take. What it has not begun by then is given back, so that others share a slow server.
LONGEST = timedelta(seconds=30)

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Selection:
    """The deliveries of a round, and what becomes of them.

    Attributes:
        board: what is held, as it was read last.
        states: by row id, as far as it is known.
        hit: those of the addresses that could not be mailed of late, in lower case.
    """

    def __init__(self, deliverer: "Deliverer", works: list[Work]) -> None:
        self.deliverer, self.left = deliverer, deque(works)
        self.board = holds.board()
        self.states = {work.id: work.state for work in works}
        self.hit: set[str] = set()
        self._checked: Mapping[int, Checked] = {}
        self._checked_at = LONG_AGO
        self._first_checked_at: datetime | None = None  # when the first mail could go

    def take(self, *, at_once: bool = False) -> Letter | None:
        """Return the next mail that is to be sent, composed; None when there is none.

        Args:
            at_once: somebody waits: rather return None than ask the platform or wait for a send instant.
        """
        while self.left and not self._is_over():
            if self._is_fresh():
                work = self.left.popleft()
                letter = self._letter(work, self._checked[work.id])
                if letter is not None:
                    return letter
            elif at_once:
                return None
            else:
                self._check()
        if self.left:
            claims.unrelease_all(work.id for work in self.left)
            self.left.clear()
        return None

    def is_stale(self, letter: Letter) -> bool:
        """Say whether the check of a mail is not good any more, because something took its time since."""
        return self.deliverer.clock() - letter.checked_at >= FRESH

    def put_back(self, letter: Letter) -> None:
        """Let a mail that was not sent be the next one, after all that is left has been checked again."""
        self.left.appendleft(letter.work)
        self._checked_at = LONG_AGO

    def _is_over(self) -> bool:
        """Say whether the round is to begin no other mail. It begins one however long the check takes."""
        late = (
            self._first_checked_at is not None and self.deliverer.clock() - self._first_checked_at > LONGEST
        )
        return late or self.deliverer.stopping.is_set()

    def _is_fresh(self) -> bool:
        return self.deliverer.clock() - self._checked_at < FRESH

    def _check(self) -> None:
        """Put aside what cannot go now, and ask the judge again about all that is left."""
        self.left = deque(work for work in self.left if self._may_go(work))
        try:
            self._checked = still_wanted(
                self.deliverer.audience,
                self.left,
                self.deliverer.clock(),
                self.deliverer.terms.inactive_after,
            )
        except (PlatformUnavailable, SourceError) as problem:
            while self.left:
                self.postpone(self.left.popleft(), Failure.PLATFORM_UNAVAILABLE, str(problem))
            return
        addresses = [found.address for found in self._checked.values() if isinstance(found, Wanted)]
        self.hit |= recipients.hit_among(addresses)
        self._checked_at = self.deliverer.clock()
        self._first_checked_at = self._first_checked_at or self._checked_at

    def is_held(self, work: Work, address: str | None = None) -> bool:
        """Say whether a hold keeps the delivery back; if so, it waits for the end of that hold."""
        if not self.board.rows:
            return False
        now = self.deliverer.clock()
        if self.board.held_until([holds.on_kind(work.kind), holds.on_run(work.run_id)], now):
            claims.unrelease(work)
            return True
        until = self.board.held_until([holds.on_domain(address)], now) if address else None
        if until:
            self.postpone(work, Failure.DOMAIN_HELD, "", until)
        return until is not None

    def postpone(self, work: Work, reason: Failure, detail: str, until: datetime | None = None) -> None:
        """Let the delivery wait about a minute, or until then, without using up a try."""
        due_at = retries.postponed(until or self.deliverer.clock(), self.deliverer.jitter)
        if claims.postpone(work, reason, detail, due_at):
            self.tell(work, DeliveryState.PLANNED, reason)

    def skip(self, work: Work, reason: Skip | NotDue) -> None:
        """End a delivery that is not wanted, or cannot be sent to its address."""
        if claims.skip(work, reason):
            self.tell(work, DeliveryState.SKIPPED, reason)

    def expire(self, work: Work) -> None:
        """End a delivery whose time has passed."""
        if claims.expire(work):
            self.tell(work, DeliveryState.EXPIRED)

    def tell(
        self, work: Work, state: DeliveryState, reason: StrEnum | None = None, begun: float | None = None
    ) -> None:
        """Remember what became of a delivery, and log it."""
        self.states[work.id] = state
        elapsed = (time.monotonic() - begun) * 1000 if begun else 0
        tell(work.kind, work.id, work.period, state, reason, work.attempts + 1, elapsed)

    def _may_go(self, work: Work) -> bool:
        now = self.deliverer.clock()
        if now >= work.expires_at:
            self.expire(work)
            return False
        return not self.is_held(work) and self._may_leave(work, now)

    def _may_leave(self, work: Work, now: datetime) -> bool:
        """Wait for the delivery's send instant when that is soon; False when it is not to be sent now."""
        if self.deliverer.terms.pace.is_free:
            early = work.due_at - now
            if timedelta(0) < early <= valve.CLOCKS_DIFFER:  # The clock of whoever released it is ahead.
                self.deliverer.ring_later(work.id, early)
            return early <= timedelta(0)
        at = valve.admit(work.id, now, self.deliverer.terms.pace)
        if at is None:
            return False
        if at > now + valve.SOON:
            self.deliverer.ring_later(work.id, at - now - valve.SOON)
            return False
        self.deliverer.sleep(max(0.0, (at - now).total_seconds()))
        return True

    def _letter(self, work: Work, checked: Checked) -> Letter | None:
        """Return the mail that is to be sent; None when there is none, and the delivery is dealt with."""
        begun = time.monotonic()
        if not isinstance(checked, Wanted):
            self.skip(work, checked)
            return None
        wanted, address = checked
        if self.is_held(wanted, address):
            return None
        try:
            letter = self._compose(wanted, address, begun)
        except CompositionError as problem:
            self._fault(work, problem)
            return None
        if self.board.counts_failures(holds.on_kind(work.kind)):
            holds.relieve(holds.on_kind(work.kind), Failure.COMPOSITION_FAILED)
        return letter

    def _compose(self, work: Work, address: str, begun: float) -> Letter:
        key, now = (work.user_id, work.period), self.deliverer.clock()
        mail = self.deliverer.composer.compose(
            work.kind, key, work.recipient_id, address, work.facts, now, work.id
        )
        envelope = Envelope(mail.envelope_sender, address, len(mail.content), mail.envid)
        return Letter(work, address, mail, begun, envelope, self._checked_at)

    def _fault(self, work: Work, problem: CompositionError) -> None:
        log.error("cannot compose kind=%s id=%d: %s", work.kind, work.id, problem)
        cause, now = Failure.COMPOSITION_FAILED, self.deliverer.clock()
        limit = self.deliverer.terms.hold_after_failures
        holds.strike(holds.on_kind(work.kind), cause, str(problem), now, limit)
        self.board = holds.board()
        self.postpone(work, cause, str(problem))
