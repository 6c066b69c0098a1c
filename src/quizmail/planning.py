"""From a page of the audience to rows: everybody on it is judged, and what the mail will say is frozen."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from quizmail import activity, recipients, slots
from quizmail.audience import Audience, Member, Page, Quiz
from quizmail.facts import reader_facts, reminder_facts, report_facts
from quizmail.outbox import tombstones
from quizmail.outbox.plan import PlannedRow
from quizmail.platform.active_weeks import streaks
from quizmail.recipients import UNTOLD
from quizmail.rules import DUE, Due, Person, Verdict, decide
from quizmail.states import Kind, NotDue, Skip

#: A mail sent by hand lives at least this long, whatever the hour of its slot.
BY_HAND = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the judge: who is to get a mail of `kind` for `period`, judged at the instant `at`.

    ``lives_until``: the earliest expiry; a run by hand gives its mails some time, however late it is.
    ``so_far``: the present instant, when the report's month has not ended: the attempts until now are
    counted and there are no figures yet. Such a plan is for looking at, not for sending.
    """

    kind: Kind
    period: str
    at: datetime
    catalogue: Sequence[Quiz]
    lives_until: datetime
    so_far: datetime | None = None


@dataclass(frozen=True)
class Plan:
    """What a page of the audience comes to. ``cursor`` None: it was the last page."""

    rows: list[PlannedRow] = field(default_factory=list)
    not_due: Counter[NotDue] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    cursor: str | None = None


@dataclass(frozen=True)
class Planner:
    """Judges the audience. The number of queries for a page does not depend on what is on it."""

    audience: Audience
    inactive_after: timedelta

    def page(self, question: Question, zones: Collection[str], after: str | None, limit: int = 1000) -> Plan:
        """Judge at most `limit` users of `zones` that follow the cursor `after`."""

        def wanted(member: Member) -> bool:
            """Say whether `member` would be due if some quiz were open; nobody else's are looked up."""
            return not isinstance(self._decide(question, _person(member, available=1)), NotDue)

        page: Page = self.audience.page(
            question.kind, question.at, zones, after, question.catalogue, limit, wanted
        )
        plan = self._judge_all(question, page.members)
        plan.noted.update(page.noted)
        return Plan(plan.rows, plan.not_due, plan.noted, page.cursor)

    def one(self, question: Question, member: Member) -> PlannedRow | NotDue:
        """Judge one user: a row, planned or skipped, or the reason why none is due."""
        plan = self._judge_all(question, [member])
        return plan.rows[0] if plan.rows else next(iter(plan.not_due))

    def facts(self, question: Question, members: Sequence[Member]) -> dict[str, dict[str, Any]]:
        """Return by user id what the mails to `members` say; for reports only who took part has any."""
        if question.kind is Kind.REMINDER:
            return self._reminders(question, members)
        if question.so_far is not None:
            return {member.user_id: reader_facts(member) for member in members}
        return self._reports(question, members)

    def _reminders(self, question: Question, members: Sequence[Member]) -> dict[str, dict[str, Any]]:
        finished = {member.user_id: member.last_finished for member in members}
        runs = streaks(self.audience.platform, finished, question.at)
        return {
            member.user_id: reader_facts(member)
            | reminder_facts(member, question.period, question.at, runs.get(member.user_id, 0))
            for member in members
        }

    def _reports(self, question: Question, members: Sequence[Member]) -> dict[str, dict[str, Any]]:
        platform, period = self.audience.platform, question.period
        ids = [member.user_id for member in members]
        now = activity.figures(period, ids)
        before = activity.figures(activity.previous_month(period), ids)
        # Whoever took part in the month before need not be looked up.
        new = activity.newcomers(platform, period, now.keys() - before.keys())
        available = self.audience.available(question.at, list(now), question.catalogue)
        return {
            member.user_id: reader_facts(member)
            | report_facts(
                now[member.user_id],
                before.get(member.user_id),
                member.user_id in new,
                available.to(member.user_id),
            )
            for member in members
            if member.user_id in now
        }

    def _judge_all(self, question: Question, members: Sequence[Member]) -> Plan:
        plan = Plan()
        ids = [member.user_id for member in members]
        forgotten = tombstones.among(ids, question.kind, question.period)
        taken = self._taken(question, ids)
        found = []
        for member in members:
            key = member.user_id
            person = _person(member, len(member.open_quizzes), taken.get(key, 0), key in forgotten)
            if isinstance(verdict := self._decide(question, person), NotDue):
                plan.not_due[verdict] += 1
            else:
                found.append((member, person))
        self._plan_rows(question, found, plan)
        return plan

    def _plan_rows(self, question: Question, found: Sequence[tuple[Member, Person]], plan: Plan) -> None:
        """Judge again by what only matters for who may be due: the readers' wishes, suppressed addresses."""
        standings = recipients.standings(question.kind, [person.user_id for _, person in found])
        suppressed = recipients.suppressed([person.address for _, person in found if person.address])
        verdicts: list[tuple[Member, Due | Skip]] = []
        for member, known in found:
            standing = standings.get(member.user_id, UNTOLD)
            person = replace(
                known,
                opted_out=standing.opted_out or question.kind in member.opt_out,
                suppressed=bool(member.address) and str(member.address).lower() in suppressed,
                paused_until=standing.paused_until,
                weekly_after=standing.weekly_after,
            )
            if isinstance(verdict := self._decide(question, person), NotDue):
                plan.not_due[verdict] += 1
            else:
                verdicts.append((member, verdict))
        facts = self.facts(question, [member for member, verdict in verdicts if verdict is DUE])
        plan.rows.extend(_row(question, *each, facts) for each in verdicts)

    def _decide(self, question: Question, person: Person) -> Verdict:
        return decide(question.kind, person, question.at, self.inactive_after)

    def _taken(self, question: Question, user_ids: Sequence[str]) -> Mapping[str, int]:
        """Return by user id how many attempts count for a report."""
        if question.kind is Kind.REMINDER:
            return {}
        if question.so_far is not None:
            return activity.so_far(self.audience.platform, question.period, user_ids, question.so_far)
        return activity.taken(question.period, user_ids)


def _person(member: Member, available: int, taken: int = 0, forgotten: bool = False) -> Person:
    """Return what the platform says of a user, to be judged."""
    return Person(
        user_id=member.user_id,
        address=member.address,
        active=member.active,
        is_staff=member.is_staff,
        created_at=member.created_at,
        last_activity=member.last_activity,
        available=available,
        taken=taken,
        forgotten=forgotten,
        zone=member.zone,
    )


def _row(
    question: Question, member: Member, verdict: Due | Skip, facts: Mapping[str, Mapping[str, Any]]
) -> PlannedRow:
    natural = slots.expiry(question.kind, question.period, member.zone, question.at)
    expires_at = max(natural, question.lives_until)
    if verdict is not DUE:
        return PlannedRow(member.user_id, expires_at, skip=verdict)  # type: ignore[arg-type]
    return PlannedRow(member.user_id, expires_at, facts[member.user_id])
