"""What an operator may start by hand: a run, a dry run, or one user's mail."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from quizmail import slots
from quizmail.audience import Member, Quiz
from quizmail.dispatch import BATCH, Dispatcher, Progress, no_progress, tell
from quizmail.errors import QuizmailError
from quizmail.models import Run
from quizmail.outbox import plan as plans
from quizmail.outbox import release
from quizmail.outbox.claim import unrelease_all
from quizmail.outbox.plan import PlannedRow
from quizmail.outbox.resolve import LEAST_LIFE_BY_HAND
from quizmail.outbox.rounds import LARGEST
from quizmail.outbox.valve import release_paced
from quizmail.outbox.work import find
from quizmail.planning import Plan, Question
from quizmail.slots import Slot
from quizmail.states import DeliveryState, Kind, NotDue

#: Sends deliveries, given by their row ids, and returns their states afterwards.
Deliver = Callable[..., Mapping[int, DeliveryState]]

_EXAMPLES = {Kind.REMINDER: "2026-11-23", Kind.REPORT: "2026-10"}


@dataclass(frozen=True)
class Occasion:
    """One user, and the period and instant for which a mail is planned or previewed by hand."""

    kind: Kind
    member: Member
    catalogue: Sequence[Quiz]
    period: str
    at: datetime


@dataclass(frozen=True)
class ByHand:
    """Plans with the dispatcher's parts what no tick has asked for. Deadlines do not count here."""

    dispatcher: Dispatcher
    sleep: Callable[[float], None] = field(default=time.sleep)

    def slots(self, kind: Kind, at: datetime) -> list[Slot]:
        """Return the latest slots at or before `at` of the zones in use."""
        return slots.latest(kind, at, self.dispatcher.audience.zones(), self.dispatcher.calendar)

    def run(self, slot: Slot, progress: Progress = no_progress) -> Run:
        """Plan the slot's run, whatever its deadline, and return it. Nothing is released yet."""
        started, run = time.monotonic(), plans.reopen_by_hand(slot, self.dispatcher.clock())
        counts = self.dispatcher.plan_run(run, progress)
        tell(f"kind={slot.kind} period={slot.period} by hand", counts, started)
        return run

    def dry_run(self, slot: Slot) -> Iterator[Plan]:
        """Judge the slot's audience page by page and write no row."""
        question = self._looking(self.dispatcher.question(slot.kind, slot.period, slot.at, slot.at))
        cursor: str | None = None
        while True:
            plan = self.dispatcher.planner.page(question, slot.zones, cursor)
            yield plan
            if (cursor := plan.cursor) is None:
                return

    def occasion(self, kind: Kind, user_id: str, at: datetime | None, period: str | None = None) -> Occasion:
        """Return one user with the period and the instant to be judged at.

        Args:
            at: take the latest slot of the user's zone at or before it; None judges now, for the
                period that now belongs to.

        Raises:
            UnknownUser: nobody on the platform has this id.
            QuizmailError: `period` is none.
        """
        audience, calendar = self.dispatcher.audience, self.dispatcher.calendar
        instant = at or self.dispatcher.clock()
        zone = audience.find(user_id, instant).zone
        if at is not None and period is None:
            slot = slots.latest(kind, at, [zone], calendar)[-1]
            period, instant = slot.period, slot.at
        period = period or slots.current_period(kind, instant, zone, calendar)
        if not slots.is_period(kind, period):
            raise QuizmailError(f"{period!r} is no period of a {kind}, such as {_EXAMPLES[kind]}")
        catalogue = audience.catalogue(instant)
        member = audience.member(kind, instant, user_id, catalogue)
        return Occasion(kind, member, catalogue, period, instant)

    def judge(self, occasion: Occasion) -> PlannedRow | NotDue:
        """Judge one user and write no row."""
        question = Question(occasion.kind, occasion.period, occasion.at, occasion.catalogue, occasion.at)
        return self.dispatcher.planner.one(self._looking(question), occasion.member)

    def plan(self, occasion: Occasion) -> int | NotDue:
        """Plan one user's delivery.

        Returns:
            The row id of the delivery, which may have been there before; or why none is due.

        Raises:
            QuizmailError: the month has not ended, or its figures are being computed.
        """
        kind, now = occasion.kind, self.dispatcher.clock()
        if kind is Kind.REPORT:
            self._need_figures(occasion.period)
        question = Question(kind, occasion.period, occasion.at, occasion.catalogue, now + LEAST_LIFE_BY_HAND)
        row = self.dispatcher.planner.one(question, occasion.member)
        if isinstance(row, NotDue):
            return row
        plans.insert_rows(kind, occasion.period, None, now, now, [row])
        found = find(kind, occasion.member.user_id, occasion.period)
        # The row was written, or was there, unless the user was forgotten this very moment.
        return NotDue.FORGOTTEN if found is None else found

    def deliver_here(self, deliver: Deliver, progress: Callable[[int], None]) -> int:
        """Deliver what may go now from this thread, without a bell; return how many were finished.

        What was released to a lost Redis is taken, too: if a worker has it after all, the claim decides.
        """
        release.tidy(self.dispatcher.clock(), self.dispatcher.lease)
        done, pace = 0, self.dispatcher.pace
        left: set[int] = set()  # what was tried in vain since anything was finished
        limit = BATCH if pace.is_free else 1  # a thread alone cannot keep many send instants
        while shares := release_paced(self.dispatcher.clock(), limit, pace, timedelta(0)):
            if left.issuperset(share.id for share in shares):
                break
            self.sleep(max(0.0, (shares[0].at - self.dispatcher.clock()).total_seconds()))
            for start in range(0, len(shares), LARGEST):
                try:
                    states = deliver(*(share.id for share in shares[start : start + LARGEST]))
                except BaseException:
                    # Not released in vain: after that happens a few times a mail is set aside.
                    unrelease_all(share.id for share in shares[start:])
                    raise
                waiting = {row_id for row_id, state in states.items() if state is DeliveryState.PLANNED}
                finished = len(states) - len(waiting)
                left = waiting if finished else left | waiting
                done += finished
                progress(done)
        release.tidy(self.dispatcher.clock(), self.dispatcher.lease)
        return done

    def _looking(self, question: Question) -> Question:
        """Return the question of somebody who only looks: a month that has not ended is counted so far."""
        if question.kind is Kind.REMINDER:
            return question
        now = self.dispatcher.clock()
        if not slots.has_ended(question.period, self.dispatcher.calendar.site_zone, now):
            return replace(question, so_far=now)
        self._need_figures(question.period)
        return question

    def _need_figures(self, period: str) -> None:
        if not self.dispatcher.compute_figures(period):
            raise QuizmailError(f"the figures of {period} are being computed: try again")
