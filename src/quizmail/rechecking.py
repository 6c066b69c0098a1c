"""The check before sending: what has changed since the deliveries were planned?"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from quizmail.audience import Audience, Member
from quizmail.outbox.work import Work
from quizmail.rules import Due, Person, decide
from quizmail.states import Kind, NotDue, Skip


class Wanted(NamedTuple):
    """A delivery as it is wanted now, and the address that it goes to."""

    work: Work
    address: str


Checked = Wanted | Skip | NotDue


def still_wanted(
    audience: Audience, works: Collection[Work], now: datetime, inactive_after: timedelta
) -> dict[int, Checked]:
    """Ask the judge again, with at most two queries for each kind.

    Returns:
        By row id the delivery as it is wanted now, or why it is not wanted.

    Raises:
        PlatformUnavailable: the platform's database does not answer now.
    """
    members: dict[Kind, Mapping[str, Member]] = {}
    for kind in {work.kind for work in works}:
        ids = [work.user_id for work in works if work.kind is kind]
        # Whoever was due had been quiet, or never there, before: only what is newer can change that.
        members[kind] = audience.recheck_all(kind, ids, now, since=now - inactive_after)
    return {
        work.id: _judge(audience, work, members[work.kind].get(work.user_id), now, inactive_after)
        for work in works
    }


def _judge(
    audience: Audience, work: Work, member: Member | None, now: datetime, inactive_after: timedelta
) -> Checked:
    if member is None:
        return Skip.USER_GONE
    work = _without_closed_quizzes(audience, work, now)
    verdict = decide(work.kind, _person(work, member), now, inactive_after)
    if verdict is NotDue.NOTHING_AVAILABLE and work.facts.get("more"):
        return Skip.QUIZZES_CLOSED
    if not isinstance(verdict, Due):
        return verdict
    assert member.address is not None  # noqa: S101  # the judge skips whoever has none
    return Wanted(work, member.address)


def _without_closed_quizzes(audience: Audience, work: Work, now: datetime) -> Work:
    if work.kind is not Kind.REMINDER:
        return work
    shown = work.facts["quizzes"]
    open_now = audience.open_now([quiz["id"] for quiz in shown], now)
    still = [quiz for quiz in shown if quiz["id"] in open_now]
    return work if len(still) == len(shown) else replace(work, facts={**work.facts, "quizzes": still})


def _person(work: Work, member: Member) -> Person:
    return Person(
        user_id=work.user_id,
        address=member.address,
        active=member.active,
        is_staff=member.is_staff,
        opted_out=work.opted_out or work.kind in member.opt_out,
        # Suppressed addresses are refused by the claim, which sees the list as it is then.
        suppressed=False,
        paused_until=work.paused_until,
        created_at=member.created_at,
        last_activity=_later(member.last_activity, work.facts.get("last_activity")),
        available=len(work.facts.get("quizzes", ())),
        taken=work.facts.get("taken", 0),
        weekly_after=work.weekly_after,
        zone=work.zone,
    )


def _later(seen: datetime | None, planned: str | None) -> datetime | None:
    """Return the later of the activity that is known now and the one that the mail was planned with."""
    before = datetime.fromisoformat(planned) if planned else None
    return max(seen, before) if seen and before else seen or before
