"""From a page of the audience to rows: everybody on it is judged, and what the mail will say is frozen."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from quizmail import activity, recipients, slots
from quizmail.activity import Figure
from quizmail.audience import Audience, Member, Quiz
from quizmail.facts import reader_facts, reminder_facts, report_facts
from quizmail.fields import Document, decode_document
from quizmail.outbox import tombstones
from quizmail.outbox.plan import PlannedRow
from quizmail.platform.active_weeks import streaks
from quizmail.recipients import UNTOLD, Standing
from quizmail.rules import DUE, Due, Person, Verdict, decide
from quizmail.sifting import Sieve
from quizmail.states import Kind, NotDue, Skip


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the judge: who is to get a mail of `kind` for `period`, judged at the instant `at`.

    ``lives_at_least_until``: the earliest expiry; a run by hand gives its mails some time, however late.
    ``so_far``: the present instant, when the report's month has not ended: the attempts until now are
    counted and there are no figures yet. Such a plan is for looking at, not for sending.
    """

    kind: Kind
    period: str
    at: datetime
    catalogue: Sequence[Quiz]
    lives_at_least_until: datetime
    so_far: datetime | None = None


@dataclass(frozen=True)
class Plan:
    """What a page of the audience comes to. ``cursor`` None: it was the last page."""

    rows: list[PlannedRow] = field(default_factory=list)
    not_due: Counter[NotDue] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    cursor: str | None = None


class Known(NamedTuple):
    """What the judge needs besides the page: who is forgotten, and what was taken in the month."""

    forgotten: Collection[str]
    taken: Mapping[str, int] = {}
    figures: Mapping[str, Figure] = {}


@dataclass(frozen=True)
class Planner:
    """Judges the audience. The number of queries for a page does not depend on what is on it."""

    audience: Audience
    inactive_after: timedelta

    def page(self, question: Question, zones: Collection[str], after: str | None, limit: int = 1000) -> Plan:
        """Judge at most `limit` users of `zones` that follow the cursor `after`."""
        page = self.audience.accounts(question.at, zones, after, limit)
        known = self._known(question, [account.user_id for account in page.found])
        sieve = Sieve(
            self.audience, partial(self._decide, question), question.at, known.taken, known.forgotten
        )
        members, not_due = sieve.sift(question.kind, page.found, question.catalogue)
        plan = self._judge_all(question, members, known)
        return Plan(plan.rows, plan.not_due + not_due, Counter(page.noted), page.cursor)

    def one(self, question: Question, member: Member) -> PlannedRow | NotDue:
        """Judge one user: a row, planned or skipped, or the reason why none is due."""
        plan = self._judge_all(question, [member], self._known(question, [member.user_id]))
        return plan.rows[0] if plan.rows else next(iter(plan.not_due))

    def facts(self, question: Question, members: Sequence[Member]) -> dict[str, dict[str, Any]]:
        """Return by user id what the mails to `members` say; for reports only who took part has any."""
        if question.kind is Kind.REMINDER:
            return self._reminders(question, members)
        if question.so_far is not None:
            return {member.user_id: reader_facts(member) for member in members}
        figures = activity.figures(question.period, [member.user_id for member in members])
        reports = self._reports(question, members, figures)
        return {key: _decoded(facts) for key, facts in reports.items()}

    def _reminders(self, question: Question, members: Sequence[Member]) -> dict[str, dict[str, Any]]:
        finished = {member.user_id: member.last_finished for member in members}
        runs = streaks(self.audience.platform, finished, question.at)
        return {
            member.user_id: reader_facts(member)
            | reminder_facts(member, question.period, question.at, runs.get(member.user_id, 0))
            for member in members
        }

    def _reports(
        self, question: Question, members: Sequence[Member], figures: Mapping[str, Figure]
    ) -> dict[str, dict[str, Any]]:
        platform, period = self.audience.platform, question.period
        ids = [member.user_id for member in members if member.user_id in figures]
        before = activity.figures(slots.previous_month(period), ids)
        # Whoever took part in the month before need not be looked up.
        new = activity.newcomers(platform, period, set(ids) - before.keys())
        available = self.audience.available(question.at, ids, question.catalogue)
        return {
            member.user_id: reader_facts(member)
            | report_facts(
                figures[member.user_id],
                before.get(member.user_id),
                member.user_id in new,
                available.to(member.user_id),
            )
            for member in members
            if member.user_id in figures
        }

    def _known(self, question: Question, user_ids: Sequence[str]) -> Known:
        """Look up what the judge needs to know of users besides what the platform says of them."""
        kind, period = question.kind, question.period
        forgotten = tombstones.among(user_ids, kind, period)
        if kind is Kind.REMINDER:
            return Known(forgotten)
        if question.so_far is not None:
            taken = activity.so_far(self.audience.platform, period, user_ids, question.so_far)
            return Known(forgotten, taken)
        figures = activity.figures(period, user_ids)
        return Known(forgotten, {key: figure.taken for key, figure in figures.items()}, figures)

    def _judge_all(self, question: Question, members: Sequence[Member], known: Known) -> Plan:
        """Judge with everything that counts: also the readers' wishes, and suppressed addresses."""
        plan = Plan()
        standings = recipients.standings(question.kind, [member.user_id for member in members])
        suppressed = recipients.suppressed([member.address for member in members if member.address])
        found: list[tuple[Member, Due | Skip]] = []
        for member in members:
            person = _person(question.kind, member, known, standings.get(member.user_id, UNTOLD), suppressed)
            if isinstance(verdict := self._decide(question, person), NotDue):
                plan.not_due[verdict] += 1
            else:
                found.append((member, verdict))
        due = [member for member, verdict in found if verdict is DUE]
        has_figures = question.kind is Kind.REPORT and question.so_far is None
        facts = self._reports(question, due, known.figures) if has_figures else self.facts(question, due)
        expiry = {zone: _expiry(question, zone) for zone in {member.zone for member, _ in found}}
        for member, verdict in found:
            plan.rows.append(_row(member, verdict, expiry[member.zone], facts))
        return plan

    def _decide(self, question: Question, person: Person) -> Verdict:
        return decide(question.kind, person, question.at, self.inactive_after)


def _person(
    kind: Kind, member: Member, known: Known, standing: Standing, suppressed: Collection[str]
) -> Person:
    key = member.user_id
    return Person(
        user_id=key,
        address=member.address,
        active=member.active,
        is_staff=member.is_staff,
        opted_out=standing.opted_out or kind in member.opt_out,
        suppressed=bool(member.address) and str(member.address).lower() in suppressed,
        paused_until=standing.paused_until,
        created_at=member.created_at,
        last_activity=member.last_activity,
        available=len(member.open_quizzes),
        taken=known.taken.get(key, 0),
        forgotten=key in known.forgotten,
        weekly_after=standing.weekly_after,
        zone=member.zone,
    )


def _decoded(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: decode_document(value) if isinstance(value, Document) else value
        for name, value in facts.items()
    }


def _expiry(question: Question, zone: str) -> datetime:
    natural = slots.expiry(question.kind, question.period, zone, question.at)
    return max(natural, question.lives_at_least_until)


def _row(
    member: Member, verdict: Due | Skip, expires_at: datetime, facts: Mapping[str, Mapping[str, Any]]
) -> PlannedRow:
    if isinstance(verdict, Skip):
        return PlannedRow(member.user_id, expires_at, skip=verdict)
    return PlannedRow(member.user_id, expires_at, facts[member.user_id])
