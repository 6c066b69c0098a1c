"""The processes: whether scheduler, dispatcher and workers do their work, by the traces that they leave."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from quizmail import status
from quizmail.doctor.findings import Area, Finding
from quizmail.doctor.queue import Redis
from quizmail.models import Delivery
from quizmail.states import DeliveryState, Kind

AREA = Area("processes", "see what is said of our database and of Redis")

#: Where Dramatiq notes when a process last spoke with Redis, in milliseconds.
_HEARTBEATS = "dramatiq:__heartbeats__"

#: A worker fetches every few seconds.
_SILENCE = timedelta(minutes=1)

_START = "start {} and see its log"


def check_ticks(now: datetime) -> Iterator[Finding]:
    """Look at the last ticks, which the scheduler rings for and the dispatcher does."""
    silent = status.silent(now)
    for kind in Kind:
        age = status.tick_age(kind, now)
        told = "never" if age is None else f"{age.total_seconds():.0f} s ago"
        if kind in silent:
            to_do = _START.format("the scheduler (`scheduler`) and the dispatcher (`dispatcher`)")
            yield AREA.bad(f"the last tick for {kind.plural} was {told}", to_do)
        else:
            yield AREA.ok(f"scheduler and dispatcher: the last tick for {kind.plural} was {told}")


def check_workers(client: Redis, now: datetime, again_after: timedelta) -> Iterator[Finding]:
    """Look for a process that listens to Redis, and for mails that nobody has taken up."""
    beats = client.zrange(_HEARTBEATS, 0, -1, withscores=True)
    fresh = [beat for _, beat in beats if now.timestamp() * 1000 - beat < _SILENCE.total_seconds() * 1000]
    if not fresh:
        to_do = _START.format("the worker (`worker`)")
        yield AREA.bad("no process of ours has spoken with Redis in the last minute", to_do)
    waiting = Delivery.select().where(
        (Delivery.state == DeliveryState.PLANNED)
        & (Delivery.due_at < now - again_after)
        & (Delivery.expires_at > now)
        & (Delivery.released_at < now - again_after)
    )
    if count := waiting.count():
        minutes = again_after.total_seconds() / 60
        said = f"{count} mails were handed to the workers more than {minutes:g} minutes ago, and not taken up"
        yield AREA.bad(said, _START.format("the worker (`worker`)"))
    elif fresh:
        yield AREA.ok(f"processes that listen to Redis: {len(fresh)}; no mail waits for a worker in vain")
