"""From a page of the audience to rows: everybody on it is judged, and what the mail will say is frozen."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from quizmail import activity, recipients, slots
from quizmail.activity import Figure
from quizmail.audience import Audience, Member, Page, Quiz
from quizmail.outbox.plan import PlannedRow
from quizmail.platform import Platform
from quizmail.recipients import UNTOLD
from quizmail.rules import DUE, Due, Person, decide
from quizmail.states import Kind, NotDue, Skip

#: How many quizzes a reminder shows; the others are counted.
SHOWN = 5

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
        page: Page = self.audience.page(question.kind, question.at, zones, after, question.catalogue, limit)
        plan = self._judge_all(question, page.members)
        plan.noted.update(page.noted)
        return Plan(plan.rows, plan.not_due, plan.noted, page.cursor)

    def one(self, question: Question, member: Member) -> PlannedRow | NotDue:
        """Judge one user: a row, planned or skipped, or the reason why none is due."""
        plan = self._judge_all(question, [member])
        return plan.rows[0] if plan.rows else next(iter(plan.not_due))

    def _may_be_due(self, question: Question, member: Member) -> bool:
        """Say whether `member` would be due if some quiz were open; nobody else's quizzes are looked up."""
        person = Person(
            user_id=member.user_id,
            address=member.address,
            active=member.active,
            is_staff=member.is_staff,
            created_at=member.created_at,
            last_activity=member.last_activity,
            available=1,
        )
        return not isinstance(decide(question.kind, person, question.at, self.inactive_after), NotDue)

    def _judge_all(self, question: Question, members: Sequence[Member]) -> Plan:
        plan = Plan()
        ids = [member.user_id for member in members]
        standings = recipients.standings(question.kind, ids)
        suppressed = recipients.suppressed([member.address for member in members if member.address])
        figures = _Figures(self.audience.platform, question, ids)
        for member in members:
            standing = standings.get(member.user_id, UNTOLD)
            person = Person(
                user_id=member.user_id,
                address=member.address,
                active=member.active,
                is_staff=member.is_staff,
                opted_out=standing.opted_out or question.kind in member.opt_out,
                suppressed=bool(member.address) and str(member.address).lower() in suppressed,
                paused_until=standing.paused_until,
                created_at=member.created_at,
                last_activity=member.last_activity,
                available=len(member.open_quizzes),
                taken=figures.taken(member.user_id),
            )
            verdict = decide(question.kind, person, question.at, self.inactive_after)
            if isinstance(verdict, NotDue):
                plan.not_due[verdict] += 1
            else:
                plan.rows.append(_row(question, member, verdict, figures))
        return plan


class _Figures:
    """The month's figures of a page's users, and of the month before; nothing for a reminder."""

    def __init__(self, platform: Platform, question: Question, user_ids: Sequence[str]) -> None:
        self.now: Mapping[str, Figure] = {}
        self.before: Mapping[str, Figure] = {}
        self._taken: Mapping[str, int] = {}
        if question.kind is Kind.REMINDER:
            return
        if question.so_far is not None:
            self._taken = activity.so_far(platform, question.period, user_ids, question.so_far)
            return
        self.now = activity.figures(question.period, user_ids)
        self.before = activity.figures(activity.previous_month(question.period), user_ids)
        self._taken = {user_id: figure.taken for user_id, figure in self.now.items()}

    def taken(self, user_id: str) -> int:
        return self._taken.get(user_id, 0)


def _row(question: Question, member: Member, verdict: Due | Skip, figures: _Figures) -> PlannedRow:
    natural = slots.expiry(question.kind, question.period, member.zone, question.at)
    expires_at = max(natural, question.lives_until)
    if verdict is not DUE:
        return PlannedRow(member.user_id, expires_at, skip=verdict)  # type: ignore[arg-type]
    reader = {"name": member.name, "locale": member.locale, "zone": member.zone}
    if question.kind is Kind.REMINDER:
        return PlannedRow(member.user_id, expires_at, reader | reminder_facts(member, question.at))
    if question.so_far is not None:
        return PlannedRow(member.user_id, expires_at, reader)
    figure, before = figures.now[member.user_id], figures.before.get(member.user_id)
    return PlannedRow(member.user_id, expires_at, reader | activity.report_facts(figure, before))


def reminder_facts(member: Member, at: datetime) -> dict[str, Any]:
    """Return what a reminder says besides its reader's name: how long away, and what is open."""
    last = member.last_activity
    return {
        "last_activity": last and last.isoformat(),
        "days_away": last and (at - last).days,
        "quizzes": [_quiz_facts(quiz, last) for quiz in member.open_quizzes[:SHOWN]],
        "more": max(0, len(member.open_quizzes) - SHOWN),
    }


def _quiz_facts(quiz: Quiz, last_activity: datetime | None) -> Mapping[str, Any]:
    appeared = quiz.opens_at or quiz.created_at
    return {
        "id": quiz.id,
        "title": quiz.title,
        "category": quiz.category,
        "url": quiz.url,
        "minutes": quiz.minutes,
        "closes_at": quiz.closes_at and quiz.closes_at.isoformat(),
        "is_new": bool(appeared and last_activity and appeared > last_activity),
    }
