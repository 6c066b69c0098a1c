"""A round: a few mails, sent one after the other over this thread's connection.

The next mail is composed when the server has said 354 to the one before. It is announced behind that one's
body, and claimed in the same commit that writes that one's outcome. So a mail in the middle of a round costs
one round trip and one commit.
"""

from secrets import token_hex
from typing import TYPE_CHECKING, NamedTuple

from peewee import InterfaceError, OperationalError

from quizmail import consequences, database, holds, replies
from quizmail.delivery import outcomes
from quizmail.delivery.selection import Selection
from quizmail.delivery.terms import Letter
from quizmail.mailer import NoAnswer, Ready, Reply
from quizmail.outbox import claim as claims
from quizmail.outbox.claim import Claim, Entry
from quizmail.outbox.telling import log
from quizmail.outbox.work import Work, load
from quizmail.recipients import suppressed
from quizmail.replies import Measure
from quizmail.states import DeliveryState, Failure, Skip

if TYPE_CHECKING:
    from quizmail.delivery.deliverer import Deliverer


class _Sent(NamedTuple):
    """A mail that the server has taken, and what is to be written of it."""

    letter: Letter
    entry: Entry


class Round:
    """Sends what of some planned deliveries may go now. Serves once, in one thread."""

    def __init__(self, deliverer: "Deliverer", works: list[Work]) -> None:
        self.deliverer, self.transport = deliverer, deliverer.transport()
        self.selection = Selection(deliverer, works)
        self._unwritten: _Sent | None = None  # its outcome is not written yet

    def run(self) -> dict[int, DeliveryState]:
        """Send, and return by row id the states afterwards."""
        try:
            letter = self.selection.take()
            while letter is not None:
                ahead = self._send(letter)
                if ahead and self.selection.is_stale(ahead):  # The server took its time with the one before.
                    self.selection.put_back(ahead)
                    ahead = None
                letter = ahead or self._next()
        except BaseException:
            self.transport.abandon()
            raise
        finally:
            self._write_pending()
        return self.selection.states

    def _next(self) -> Letter | None:
        """Return the next mail. That may take its time, and no outcome waits for it."""
        self._write_pending()
        return self.selection.take()

    def _send(self, letter: Letter) -> Letter | None:
        """Send one mail and return the next, if that was composed meanwhile."""
        if self.deliverer.stopping.is_set():
            claims.unrelease_all([letter.work.id])
            return None
        if self.selection.is_held(letter.work, letter.address):
            return None
        try:
            opened = self.transport.open(letter.envelope)
        except ValueError:  # an address that no SMTP command can carry
            self.selection.skip(letter.work, Skip.BAD_ADDRESS)
            return None
        if not isinstance(opened, NoAnswer) and self.selection.board.counts_failures(holds.ALL):
            holds.relieve(holds.ALL, Failure.RELAY_UNREACHABLE)
        if isinstance(opened, Ready):
            return self._hand_over(letter)
        self._write_pending()
        if isinstance(opened, NoAnswer):
            self._unreachable(letter, opened)
        else:
            self._refused_early(letter, opened)
        self.selection.board = holds.board()
        return None

    def _hand_over(self, letter: Letter) -> Letter | None:
        """Claim the mail for which the server waits, send its body, and return the next mail."""
        # Before the claim: a server that is kept waiting may go away, and a mail that is not claimed yet is
        # then put off, not unknown.
        ahead = self.selection.take(at_once=True)
        token, before = token_hex(16), self._unwritten
        recorded, claimed = self._claim(letter, token)
        if claimed:
            self.deliverer.in_flight[token] = letter.work
            try:
                answer = self.transport.body(letter.mail.content, ahead and ahead.envelope)
            except BaseException:
                self.deliverer.in_flight.pop(token)
                raise
            self._answered(letter, token, answer)
        else:
            self.transport.abandon()
            self._not_ours(letter)
        if before:  # Not sooner: between claim and body nothing may fail.
            self._follow_up(before, recorded)
        if not self.transport.has_word():
            self._write_pending()
        return ahead

    def _claim(self, letter: Letter, token: str) -> tuple[bool, bool]:
        """Write the outcome that waits and claim a mail in one commit; say of both whether it was done."""
        work, address, message_id = letter.work, letter.address, letter.mail.message_id
        wanted = Claim(work, token, address, message_id, self.deliverer.clock())
        if self._unwritten is None:
            return False, claims.claim(*wanted)
        recorded, claimed = claims.record_and_claim(self._unwritten.entry, wanted)
        self._unwritten = None
        return recorded, claimed

    def _answered(self, letter: Letter, token: str, answer: Reply | NoAnswer) -> None:
        """Write what became of a claimed mail; a yes may wait for the next commit."""
        now = self.deliverer.clock()
        if isinstance(answer, NoAnswer):
            self._record_and_tell(letter, Entry(letter.work, token, outcomes.unanswered(answer), now))
        elif answer.is_positive:
            self._unwritten = _Sent(letter, Entry(letter.work, token, outcomes.accepted(answer), now))
        else:
            consequence = replies.consequence_of(answer.stage, answer.code, answer.enhanced)
            outcome = outcomes.refused(letter.work, answer, consequence, now, self.deliverer.jitter)
            self._record_and_tell(letter, Entry(letter.work, token, outcome, now))
            limit = self.deliverer.terms.hold_after_failures
            consequences.follow(letter.work.kind, letter.address, answer, consequence, now, limit)
            self.selection.board = holds.board()

    def _write_pending(self) -> None:
        """Write the outcome that waits, if one does."""
        if self._unwritten is not None:
            sent, self._unwritten = self._unwritten, None
            self._follow_up(sent, self._record_patiently(sent.entry))

    def _follow_up(self, sent: _Sent, recorded: bool) -> None:
        """Do what follows from the server's yes, once that is written."""
        self.deliverer.in_flight.pop(sent.entry.token, None)
        work, address = sent.letter.work, sent.letter.address
        was_hit = address.lower() in self.selection.hit
        consequences.accepted(work.kind, address, self.selection.board, was_hit)
        if recorded:
            self.selection.tell(work, sent.entry.outcome.state, begun=sent.letter.begun)

    def _record_and_tell(self, letter: Letter, entry: Entry) -> None:
        try:
            if self._record_patiently(entry):
                outcome = entry.outcome
                self.selection.tell(letter.work, outcome.state, outcome.reason, letter.begun)
        finally:
            self.deliverer.in_flight.pop(entry.token, None)

    def _record_patiently(self, entry: Entry) -> bool:
        """Record the outcome; while our database is away, try again in place until the lease ends."""
        while True:
            try:
                return claims.record(*entry)
            except (OperationalError, InterfaceError):
                if self.deliverer.clock() - entry.now >= self.deliverer.terms.lease:
                    work, outcome = entry.work, entry.outcome
                    key = f"{work.kind} {work.id} {work.period}"
                    said = f"{outcome.state} {outcome.reply_code}"
                    log.exception("outcome lost: key=%s outcome=%r", key, said)
                    raise
                database.give_back(failed=True)  # A broken connection never mends; the next is new.
                self.deliverer.sleep(1)

    def _unreachable(self, letter: Letter, answer: NoAnswer) -> None:
        cause, detail = Failure.RELAY_UNREACHABLE, f"{answer.stage}: {answer.cause}"
        now, limit = self.deliverer.clock(), self.deliverer.terms.hold_after_failures
        holds.strike(holds.ALL, cause, detail, now, limit)
        self.selection.postpone(letter.work, cause, detail)

    def _refused_early(self, letter: Letter, reply: Reply) -> None:
        """Deal with a refusal before the claim; one of all our mail burns no try of this one."""
        work, now = letter.work, self.deliverer.clock()
        consequence = replies.consequence_of(reply.stage, reply.code, reply.enhanced)
        consequences.follow(
            work.kind, letter.address, reply, consequence, now, self.deliverer.terms.hold_after_failures
        )
        if consequence.measure is Measure.HOLD_ALL:
            self.selection.postpone(work, Failure.RELAY_REFUSES, reply.said)
            return
        outcome = outcomes.refused(work, reply, consequence, now, self.deliverer.jitter)
        if claims.record_unclaimed(work, outcome, now):
            self.selection.tell(work, outcome.state, outcome.reason, letter.begun)

    def _not_ours(self, letter: Letter) -> None:
        """Find out why the claim was refused, and say so on the row."""
        current, now = load(letter.work.id), self.deliverer.clock()
        if current is None or current.state is not DeliveryState.PLANNED:
            return
        if now >= current.expires_at:
            self.selection.expire(current)
            return
        stops = (
            (current.opted_out, Skip.OPTED_OUT),
            (current.paused_until is not None and now < current.paused_until, Skip.PAUSED),
            (bool(suppressed([letter.address])), Skip.SUPPRESSED),
        )
        reason = next((reason for stopped, reason in stops if stopped), None)
        if reason is None:
            self.selection.board = holds.board()
            claims.unrelease(current)
        else:
            self.selection.skip(current, reason)
