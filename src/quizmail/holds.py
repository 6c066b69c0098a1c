"""What is stopped, and why: the one way in which anything is.

A hold in force is read by release and by the claim. Failures in a row are counted on the same row
(``strikes``) and begin the hold when there are enough of them; such a hold ends by itself after a
growing while, the next failure renews it and the first success removes it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from peewee import fn

from quizmail.fields import decode_instant, encode_instant
from quizmail.models import Hold
from quizmail.prepared import Prepared
from quizmail.states import Kind, Scope

log = logging.getLogger(__name__)

#: A hold that failures began ends by itself after one minute, then two, four … and at most this long.
LONGEST_PROBE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is held: a scope and, but for ``all``, which kind, run or domain."""

    scope: Scope
    name: str = ""


ALL = Subject(Scope.ALL)


def on_kind(kind: Kind) -> Subject:
    """Return a kind of mail as something that can be held."""
    return Subject(Scope.KIND, kind)


def on_run(run_id: int | None) -> Subject:
    """Return a run as something that can be held."""
    return Subject(Scope.RUN, str(run_id))


def on_domain(address: str) -> Subject:
    """Return the domain of an address as something that can be held."""
    return Subject(Scope.DOMAIN, address.rpartition("@")[2].lower())


def in_force(now: datetime) -> Sequence[Hold]:
    """Return the holds that stop something at `now`."""
    return list(Hold.select().where(Hold.in_force(now)).order_by(Hold.since))


_BOARD = Prepared(lambda: Hold.select(Hold.scope, Hold.subject, Hold.strikes, Hold.since, Hold.until))


@dataclass(frozen=True)
class Board:
    """What was held, and which failures were counted, when it was read; nearly always nothing."""

    rows: Sequence[tuple[str, str, int, str | None, str | None]]

    def held_until(self, subjects: Sequence[Subject], now: datetime) -> datetime | None:
        """Return until when everything, or one of `subjects`, is held; None when all are free at `now`.

        A hold without an end is looked at again in a quarter of an hour.
        """
        names = {(subject.scope, subject.name) for subject in (*subjects, ALL)}
        ends = [
            now + LONGEST_PROBE if until is None else decode_instant(until)
            for scope, name, _, since, until in self.rows
            if (scope, name) in names and since is not None
        ]
        return max((end for end in ends if end > now), default=None)

    def counts_failures(self, subject: Subject) -> bool:
        """Say whether failures of `subject` are remembered, so that a success must be told."""
        return bool(self.rows) and any(
            (scope, name) == (subject.scope, subject.name) and n for scope, name, n, *_ in self.rows
        )


def board() -> Board:
    """Read what is held now. One query."""
    return Board(_BOARD.rows())


def strike(subject: Subject, cause: str, detail: str, now: datetime, limit: int) -> None:
    """Count one failure; from the `limit`-th in a row on, hold the subject for a growing while."""
    row = {"scope": subject.scope, "subject": subject.name, "cause": cause, "by": "quizmail"}
    Hold.insert(**row).on_conflict_ignore().execute()
    this = (Hold.scope == subject.scope) & (Hold.subject == subject.name) & (Hold.cause == cause)
    free = ~Hold.in_force(now)
    # Failures of tries that were under way when the hold began do not lengthen it.
    counted = Hold.update(strikes=Hold.strikes + 1, detail=detail).where(this & free).execute()
    strikes = Hold.select(Hold.strikes).where(this).scalar() or 0
    if not counted or strikes < limit:
        return
    until = now + min(timedelta(minutes=1) * 2 ** min(strikes - limit, 10), LONGEST_PROBE)
    began = (
        Hold.update(since=fn.COALESCE(Hold.since, encode_instant(now)), until=until)
        .where(this & free)
        .execute()
    )
    if began:
        log.error(
            "held scope=%s subject=%s cause=%s failures=%d until=%s",
            subject.scope,
            subject.name or "-",
            cause,
            strikes,
            until.isoformat(timespec="seconds"),
        )


def relieve(subject: Subject, cause: str | None = None) -> None:
    """Forget the failures of `subject`, of one `cause` or of all; an operator's hold stays."""
    ours = (Hold.scope == subject.scope) & (Hold.subject == subject.name) & (Hold.strikes > 0)
    if cause is not None:
        ours &= Hold.cause == cause
    if Hold.delete().where(ours).execute():
        log.info("relieved scope=%s subject=%s", subject.scope, subject.name or "-")


def hold(subject: Subject, cause: str, now: datetime, by: str) -> None:
    """Hold `subject` until somebody resumes it."""
    Hold.insert(scope=subject.scope, subject=subject.name, cause=cause, since=now, by=by).on_conflict(
        conflict_target=[Hold.scope, Hold.subject, Hold.cause],
        update={Hold.since: now, Hold.until: None, Hold.by: by, Hold.strikes: 0},
    ).execute()


def resume(subject: Subject) -> int:
    """Remove every hold on `subject` and return how many there were."""
    ours = (Hold.scope == subject.scope) & (Hold.subject == subject.name)
    removed: int = Hold.delete().where(ours).execute()
    return removed
