"""The check before sending: what has changed since the delivery was planned?"""

from dataclasses import replace
from datetime import datetime, timedelta

from quizmail.audience import Audience, Member
from quizmail.errors import UnknownUser
from quizmail.outbox.claim import Work
from quizmail.rules import DUE, Person, decide
from quizmail.states import Kind, NotDue, Skip


def still_wanted(
    audience: Audience, work: Work, now: datetime, inactive_after: timedelta
) -> tuple[Work, str] | Skip | NotDue:
    """Ask the judge again; return the work as it is wanted now and the address, or why it is not.

    Raises:
        PlatformUnavailable: the platform's database does not answer now.
    """
    try:
        member = audience.recheck(work.user_id, now)
    except UnknownUser:
        return Skip.USER_GONE
    work = _without_closed_quizzes(audience, work, now)
    verdict = decide(work.kind, _person(work, member), now, inactive_after)
    if verdict is not DUE:
        return verdict  # type: ignore[return-value]  # a verdict other than DUE is a reason
    assert member.address is not None  # noqa: S101  # the judge skips whoever has none
    return work, member.address


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
        last_activity=member.last_activity,
        available=len(work.facts.get("quizzes", ())),
        taken=work.facts.get("taken", 0),
        weekly_after=work.weekly_after,
        zone=work.zone,
    )
