"""The one valve for all kinds: when each mail may leave, so that rate and daily limit hold everywhere.

A share is a released delivery and its send instant, which becomes its ``due_at``: the claim lets nobody
send before it. Instants are given out up to ``AHEAD`` into the future, so that the
workers have enough until the next tick; whoever comes too late for his instant gets another one, so
that a backlog never leaves in a burst.

The valve's row is locked by the transaction that gives shares out, and says from when on there are free
ones. The rolling daily limit needs no book of its own: our tables say what was tried in the last 24 hours,
what is being sent, and what is released and not tried yet. A share whose delivery is skipped, held or
forgotten is therefore free again by itself.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, NamedTuple

from peewee import SQL, Case

from quizmail.database import transaction
from quizmail.fields import encode_instant
from quizmail.models import Attempt, Delivery, Valve
from quizmail.outbox.release import release
from quizmail.outbox.statements import NOT_RELEASED
from quizmail.states import DeliveryState

#: How far into the future instants are given out: longer than from one tick to the next.
AHEAD = timedelta(seconds=90)

#: A worker that hears of a delivery so long before its instant waits for it; of a later one it is told later.
SOON = timedelta(seconds=3)

#: How late a delivery may be for its instant before it must get another one.
GRACE = timedelta(seconds=5)

#: How far the clocks of two hosts may differ. What is further in the future was written by a wrong clock.
CLOCKS_DIFFER = timedelta(minutes=1)

DAY = timedelta(hours=24)


class Share(NamedTuple):
    """A released delivery and its send instant, from which on it may be sent."""

    id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast mails may leave.

    Attributes:
        rate_per_second: 0 sets no rate.
        limit_per_day: the most tries in any 24 hours; 0 sets no limit.
        again_after: after so long a release that led to no try is void.
    """

    again_after: timedelta
    rate_per_second: float = 0.0
    limit_per_day: int = 0

    @property
    def is_free(self) -> bool:
        """No rate and no daily limit is set, so no send instants are given out."""
        return not self.rate_per_second and not self.limit_per_day

    @property
    def spacing(self) -> timedelta:
        """The time between two send instants, in whole microseconds and never too short."""
        return timedelta(microseconds=ceil(1_000_000 / self.rate_per_second) if self.rate_per_second else 0)


def release_paced(
    now: datetime,
    limit: int,
    pace: Pace,
    again_after: timedelta | None = None,
    room: Callable[[], int] | None = None,
) -> list[Share]:
    """Release at most `limit` deliveries, as ``release`` does, each with its send instant, in their order.

    No instant is later than ``AHEAD`` from now; what gets none is not released.

    Args:
        again_after: release again what was released so long ago, instead of after the time that `pace` says.
        room: asked, while no other dispatcher can release, how many more may be released.
    """
    again_after = pace.again_after if again_after is None else again_after
    # A release that a power cut undoes is merely made again; an instant that was given out must stay so.
    with transaction(durable=not pace.is_free):
        free_from = _lock()
        if room is not None:
            limit = max(0, min(limit, room()))
        if pace.is_free:
            return [Share(row_id, now) for row_id in release(now, limit, again_after)]
        instants = _instants(now, limit, pace, free_from)
        ids = release(now, len(instants), again_after) if instants else []
        shares = [Share(row_id, at) for row_id, at in zip(ids, instants, strict=False)]
        if shares:
            _give_out(shares, pace)
    return shares


def admit(delivery_id: int, now: datetime, pace: Pace) -> datetime | None:
    """Return when the delivery may be sent; now or earlier means at once.

    A delivery that has no share, or comes too late for it, gets a new one. None when it is not to be sent
    now: it waits for its next try, or no instant is free within ``AHEAD`` and a dispatcher releases it later.
    """
    seen = _planned(delivery_id, now)
    if seen is None:
        return None
    if pace.is_free or _has_share(seen, now, pace):
        return seen.due_at
    with transaction():
        instants = _instants(now, 1, pace, _lock(), besides=delivery_id)
        seen = _planned(delivery_id, now)  # somebody else may have given it a share meanwhile
        if seen is None:
            return None
        if _has_share(seen, now, pace):
            return seen.due_at
        return instants[0] if _exchange(delivery_id, instants, now, pace) else None


def schedule(
    earliest: datetime, spacing: timedelta, floors: Iterable[datetime], until: datetime
) -> list[datetime]:
    """Return the earliest instants that are `spacing` apart, one for each floor and not before it.

    Args:
        floors: ascending; for each instant, when the daily limit has room for it.
        until: the latest instant; it and the floors end the schedule.
    """
    instants: list[datetime] = []
    for floor in floors:
        at = max(earliest, floor)
        if at > until:
            break
        instants.append(at)
        earliest = at + spacing
    return instants


def _instants(
    now: datetime, wanted: int, pace: Pace, free_from: datetime, besides: int | None = None
) -> list[datetime]:
    """Return the next free instants, at most `wanted`; the valve is locked.

    Args:
        free_from: the first instant that is not given out yet.
        besides: a delivery whose old share is given up for the new one.
    """
    if free_from > now + AHEAD + pace.spacing + CLOCKS_DIFFER:
        free_from = now
    floors = _floors(now, wanted, pace, besides)
    return schedule(max(now, free_from), pace.spacing, floors, now + AHEAD)


def _lock() -> datetime:
    """Lock the valve's row until the transaction ends, and return from when on instants are free."""
    ((free_from,),) = Valve.update(free_from=Valve.free_from).returning(Valve.free_from).tuples().execute()
    instant: datetime = free_from
    return instant


def _give_out(shares: list[Share], pace: Pace) -> None:
    """Write each delivery's instant, and that the valve has given them out."""
    at = Case(Delivery.id, [(share.id, encode_instant(share.at)) for share in shares])
    Delivery.update(due_at=at).where(Delivery.id.in_([share.id for share in shares])).execute()
    Valve.update(free_from=shares[-1].at + pace.spacing).execute()


def _exchange(delivery_id: int, instants: list[datetime], now: datetime, pace: Pace) -> bool:
    """Give the delivery the instant in place of its old one; without any, leave it to be released again."""
    planned = (Delivery.id == delivery_id) & (Delivery.state == DeliveryState.PLANNED)
    if not instants:
        Delivery.update(dict(NOT_RELEASED)).where(planned).execute()
        return False
    if not Delivery.update(released_at=now).where(planned).execute():
        return False
    _give_out([Share(delivery_id, instants[0])], pace)
    return True


def _floors(now: datetime, wanted: int, pace: Pace, besides: int | None) -> list[datetime]:
    """Return for each of at most `wanted` mails when the daily limit has room for it."""
    if not pace.limit_per_day:
        return [now] * wanted
    wanted = min(wanted, pace.limit_per_day)
    used = _used(now, pace, besides)
    room = pace.limit_per_day - used.count()
    floors = [now] * max(0, min(wanted, room))
    if len(floors) < wanted:
        oldest = used.order_by(SQL("at")).offset(max(0, -room)).limit(wanted - len(floors))
        floors += [at + DAY for (at,) in oldest.tuples()]
    return floors


def _used(now: datetime, pace: Pace, besides: int | None) -> Any:
    """Return the query of the instants that count against the daily limit.

    Every try is counted once, in one of three places: it was made, its body is on the way, or its delivery
    is released and the release is not void.
    """
    made = (Attempt.at > now - DAY) & (Attempt.at < now + DAY) & Attempt.by.is_null()
    sending = Delivery.stands(DeliveryState.SENDING)
    planned = Delivery.stands(DeliveryState.PLANNED) & (Delivery.released_at > now - pace.again_after)
    if besides is not None:
        planned &= Delivery.id != besides
    return (
        Attempt.select(Attempt.at.alias("at")).where(made)
        + Delivery.select(Delivery.claimed_at).where(sending)
        + Delivery.select(Delivery.due_at).where(planned)
    )


class _Seen(NamedTuple):
    due_at: datetime
    released_at: datetime | None


def _planned(delivery_id: int, now: datetime) -> _Seen | None:
    """Return the planned delivery; None when there is none, or when it waits for its next try."""
    planned = (Delivery.id == delivery_id) & (Delivery.state == DeliveryState.PLANNED)
    row = Delivery.select(Delivery.due_at, Delivery.released_at).where(planned).tuples().first()
    seen = _Seen(*row) if row else None
    return seen if seen and (seen.released_at is not None or seen.due_at <= now) else None


def _has_share(seen: _Seen, now: datetime, pace: Pace) -> bool:
    if seen.released_at is None or seen.released_at <= now - pace.again_after:
        return False
    return not pace.rate_per_second or now <= seen.due_at + GRACE
