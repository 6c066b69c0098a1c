"""A round: a few mails, sent one after the other over this thread's connection.

The next mail is composed when the server has said 354 to the one before. It is announced behind that one's
body, and claimed in the same commit that writes that one's outcome. So a mail in the middle of a round costs
one round trip and one commit.
"""

from secrets import token_hex
from typing import TYPE_CHECKING, NamedTuple

from peewee import InterfaceError, OperationalError

from quizmail import consequences, database, holds, replies
from quizmail.consequences import follow
from quizmail.delivery import outcomes
from quizmail.delivery.selection import Selection
from quizmail.delivery.terms import Letter, log
from quizmail.mailer import NoAnswer, Ready, Reply
from quizmail.outbox import claim as outbox
from quizmail.outbox.claim import Claim, Entry
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

    def __init__(self, parts: "Deliverer", works: list[Work]) -> None:
        self.parts, self.transport = parts, parts.transport()
        self.selection = Selection(parts, works)
        self._sent: _Sent | None = None  # its outcome is not written yet

    def run(self) -> dict[int, DeliveryState]:
        """Send, and return by row id the states afterwards."""
        try:
            letter = self.selection.take()
            while letter is not None:
                ahead = self._send(letter)
                if ahead and self.selection.is_stale(ahead):  # The server took its time with the one before.
                    self.selection.put_back(ahead)
                    ahead = None
                letter = ahead or self._take()
        except BaseException:
            self.transport.abandon()
            raise
        finally:
            self._write_sent()
        return self.selection.states

    def _take(self) -> Letter | None:
        """Return the next mail. That may take its time, and no outcome waits for it."""
        self._write_sent()
        return self.selection.take()

    def _send(self, letter: Letter) -> Letter | None:
        """Send one mail and return the next, if that was composed meanwhile."""
        if self.parts.stopping.is_set():
            outbox.give_back([letter.work.id])
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
        self._write_sent()
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
        token, before = token_hex(16), self._sent
        claimed, recorded = self._claim(letter, token)
        if claimed:
            self.parts.in_flight[token] = letter.work
            try:
                answer = self.transport.body(letter.mail.content, ahead and ahead.envelope)
            except BaseException:
                self.parts.in_flight.pop(token)
                raise
            self._answered(letter, token, answer)
        else:
            self.transport.abandon()
            self._not_ours(letter)
        if before:  # Not sooner: between claim and body nothing may fail.
            self._follow_up(before, recorded)
        if not self.transport.has_word():
            self._write_sent()
        return ahead

    def _claim(self, letter: Letter, token: str) -> tuple[bool, bool]:
        """Claim a mail, and write the outcome of the one before in the same commit; say what was done."""
        work, address, message_id = letter.work, letter.address, letter.mail.message_id
        wanted = Claim(work, token, address, message_id, self.parts.clock())
        if self._sent is None:
            return outbox.claim(*wanted), False
        recorded, claimed = outbox.record_and_claim(self._sent.entry, wanted)
        self._sent = None
        return claimed, recorded

    def _answered(self, letter: Letter, token: str, answer: Reply | NoAnswer) -> None:
        """Write what became of a claimed mail; a yes may wait for the next commit."""
        now = self.parts.clock()
        if isinstance(answer, NoAnswer):
            self._write(letter, Entry(letter.work, token, outcomes.unanswered(answer), now))
        elif answer.is_positive:
            self._sent = _Sent(letter, Entry(letter.work, token, outcomes.accepted(answer), now))
        else:
            verdict = replies.judge(answer.stage, answer.code, answer.enhanced)
            outcome = outcomes.refused(letter.work, answer, verdict, now, self.parts.jitter)
            self._write(letter, Entry(letter.work, token, outcome, now))
            limit = self.parts.terms.hold_after_failures
            follow(letter.work.kind, letter.address, answer, verdict, now, limit)
            self.selection.board = holds.board()

    def _write_sent(self) -> None:
        """Write the outcome that waits, if one does."""
        if self._sent is not None:
            sent, self._sent = self._sent, None
            self._follow_up(sent, self._keep(sent.entry))

    def _follow_up(self, sent: _Sent, recorded: bool) -> None:
        """Do what follows from the server's yes, once that is written."""
        self.parts.in_flight.pop(sent.entry.token, None)
        work, address = sent.letter.work, sent.letter.address
        was_hit = address.lower() in self.selection.hit
        consequences.accepted(work.kind, address, self.selection.board, was_hit)
        if recorded:
            self.selection.tell(work, sent.entry.outcome.state, begun=sent.letter.begun)

    def _write(self, letter: Letter, entry: Entry) -> None:
        try:
            if self._keep(entry):
                outcome = entry.outcome
                self.selection.tell(letter.work, outcome.state, outcome.reason, letter.begun)
        finally:
            self.parts.in_flight.pop(entry.token, None)

    def _keep(self, entry: Entry) -> bool:
        """Record the outcome; while our database is away, try again in place until the lease ends."""
        while True:
            try:
                return outbox.record(*entry)
            except (OperationalError, InterfaceError):
                if self.parts.clock() - entry.now >= self.parts.terms.lease:
                    work, outcome = entry.work, entry.outcome
                    key = f"{work.kind} {work.id} {work.period}"
                    said = f"{outcome.state} {outcome.reply_code}"
                    log.exception("outcome lost: key=%s outcome=%r", key, said)
                    raise
                database.give_back(failed=True)  # A broken connection never mends; the next is new.
                self.parts.sleep(1)

    def _unreachable(self, letter: Letter, answer: NoAnswer) -> None:
        cause, detail = Failure.RELAY_UNREACHABLE, f"{answer.stage}: {answer.cause}"
        now, limit = self.parts.clock(), self.parts.terms.hold_after_failures
        holds.strike(holds.ALL, cause, detail, now, limit)
        self.selection.postpone(letter.work, cause, detail)

    def _refused_early(self, letter: Letter, reply: Reply) -> None:
        """Deal with a refusal before the claim; one of all our mail burns no try of this one."""
        work, now = letter.work, self.parts.clock()
        verdict = replies.judge(reply.stage, reply.code, reply.enhanced)
        follow(work.kind, letter.address, reply, verdict, now, self.parts.terms.hold_after_failures)
        if verdict.measure is Measure.HOLD_ALL:
            self.selection.postpone(work, Failure.RELAY_REFUSES, reply.said)
            return
        outcome = outcomes.refused(work, reply, verdict, now, self.parts.jitter)
        if outbox.record_unclaimed(work, outcome, now):
            self.selection.tell(work, outcome.state, outcome.reason, letter.begun)

    def _not_ours(self, letter: Letter) -> None:
        """Find out why the claim was refused, and say so on the row."""
        current, now = load(letter.work.id), self.parts.clock()
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
            outbox.unrelease(current)
        else:
            self.selection.skip(current, reason)
