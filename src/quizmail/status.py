"""How it stands: next slots, runs, deliveries by state and reason, holds, ticks, and what is wrong."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from peewee import fn

from quizmail import holds, slots
from quizmail.dispatch import tick_name
from quizmail.fields import encode_instant
from quizmail.models import Delivery, Moment, Run
from quizmail.slots import Calendar
from quizmail.states import DeliveryState, Kind, RunState

#: A scheduler that ticks every minute and was not heard of for so long is not running.
SILENCE = timedelta(minutes=3)

#: How many of the newest runs are listed of each kind: counted together, the reminders' many would hide
#: the reports' few.
NEWEST_RUNS = 5

#: How many runs are listed at most because they are not finished, and because they were missed.
MOST_RUNS = 20

#: How far back deliveries are counted.
RECENT = timedelta(days=7)

#: What went wrong longer ago than this is not news any more.
NEWS = timedelta(days=1)

_NEWEST_FIRST = (Run.slot.desc(), Run.id.desc())


@dataclass(frozen=True)
class Status:
    """What an operator or an outside monitor wants to know. ``problems`` is empty when all is well."""

    now: datetime
    next_slots: Mapping[str, datetime | None]
    tick_age_seconds: Mapping[str, float | None]
    runs: list[Mapping[str, Any]]
    deliveries: list[Mapping[str, Any]]
    holds: list[Mapping[str, Any]]
    waiting_in_redis: int | None
    problems: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types; instants are ISO 8601 text."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def tick_age(kind: Kind, now: datetime) -> timedelta | None:
    """Return how long ago the last tick for `kind` was; None when there never was one."""
    tick = Moment.get_or_none(Moment.name == tick_name(kind))
    return None if tick is None else now - tick.at


def silent(now: datetime) -> list[Kind]:
    """Return the kinds whose last tick is older than three minutes, or never was."""
    ages = {kind: tick_age(kind, now) for kind in Kind}
    return [kind for kind, age in ages.items() if age is None or age > SILENCE]


def gather(
    calendar: Calendar, zones: Collection[str] | None, now: datetime, waiting_in_redis: int | None
) -> Status:
    """Read how it stands. None for `zones`: the platform, for `waiting_in_redis`: Redis does not answer."""
    upcoming = {kind: slots.upcoming(kind, now, zones or (), calendar) for kind in Kind}
    ages = {kind: tick_age(kind, now) for kind in Kind}
    in_force = holds.in_force(now)
    return Status(
        now=now,
        next_slots={kind.value: slot.at if slot else None for kind, slot in upcoming.items()},
        tick_age_seconds={
            kind.value: None if age is None else age.total_seconds() for kind, age in ages.items()
        },
        runs=_runs(now),
        deliveries=_counts(now),
        holds=[_hold(hold) for hold in in_force],
        waiting_in_redis=waiting_in_redis,
        problems=[
            *(["the quiz platform does not answer"] if zones is None else []),
            *_problems(now, waiting_in_redis, bool(in_force)),
        ],
    )


def _problems(now: datetime, waiting_in_redis: int | None, held: bool) -> list[str]:
    missed = Run.select().where(_was_missed(now)).count()
    unknown = (
        Delivery.select()
        .where(Delivery.stands(DeliveryState.UNKNOWN) & (Delivery.claimed_at > now - NEWS))
        .count()
    )
    found = (
        (
            bool(silent(now)),
            f"no tick for more than {SILENCE.seconds // 60} minutes: is the scheduler running?",
        ),
        (waiting_in_redis is None, "Redis does not answer"),
        (held, "something is held"),
        (bool(missed), f"runs missed in the last day: {missed}"),
        (bool(unknown), f"deliveries of the last day with an unknown outcome: {unknown}"),
    )
    return [problem for wrong, problem in found if wrong]


def _counts(now: datetime) -> list[Mapping[str, Any]]:
    rows = (
        Delivery.select(Delivery.kind, Delivery.state, Delivery.reason, fn.COUNT(Delivery.id))
        .where(Delivery.planned_at > now - RECENT)
        .group_by(Delivery.kind, Delivery.state, Delivery.reason)
        .order_by(Delivery.kind, Delivery.state, Delivery.reason)
    )
    return [dict(zip(("kind", "state", "reason", "count"), row, strict=True)) for row in rows.tuples()]


def _runs(now: datetime) -> list[Mapping[str, Any]]:
    """Read the newest runs of each kind, those that are not finished, and those that are called missed."""
    unfinished = Run.state.in_([RunState.PLANNING, RunState.PLANNED])
    chosen = [
        *(_newest(Run.kind == kind, NEWEST_RUNS) for kind in Kind),
        _newest(unfinished, MOST_RUNS),
        _newest(_was_missed(now), MOST_RUNS),
    ]
    listed = reduce(or_, (Run.id.in_(ids) for ids in chosen))
    runs = list(Run.select().where(listed).order_by(*_NEWEST_FIRST))
    counts: dict[int, dict[str, int]] = {run.id: {} for run in runs}
    rows = (
        Delivery.select(Delivery.run, Delivery.state, fn.COUNT(Delivery.id))
        .where(Delivery.run.in_(list(counts)))
        .group_by(Delivery.run, Delivery.state)
    )
    for run_id, state, count in rows.tuples():
        counts[run_id][state] = count
    return [_run(run, counts[run.id]) for run in runs]


def _newest(which: Any, number: int) -> Any:
    """Return the query of the ids of so many runs."""
    return Run.select(Run.id).where(which).order_by(*_NEWEST_FIRST).limit(number)


def _was_missed(now: datetime) -> Any:
    """Return the condition that a run was missed, and that this is news."""
    known_at = fn.COALESCE(Run.done_at, Run.started_at)
    return (Run.state == RunState.MISSED) & (known_at > encode_instant(now - NEWS))


def _run(run: Run, counts: Mapping[str, int]) -> Mapping[str, Any]:
    return {
        "id": run.id,
        "kind": run.kind,
        "period": run.period,
        "slot": run.slot,
        "state": run.state,
        "by_hand": run.by_hand,
        "deliveries": counts,
        "not_due": run.not_due,
        "noted": run.noted,
    }


def _hold(hold: Any) -> Mapping[str, Any]:
    names = ("scope", "subject", "cause", "detail", "since", "until", "by")
    return {name: getattr(hold, name) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
