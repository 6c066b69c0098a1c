"""The clocks: ours against those of the machines that we work with."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from peewee import PostgresqlDatabase

from quizmail.doctor.findings import Area, Finding
from quizmail.doctor.queue import Redis
from quizmail.doctor.web import Fetch
from quizmail.models import database as ours

AREA = Area("clock")

#: Mails leave early or late by as much, and two workers begin to disagree about leases.
_WRONG = timedelta(seconds=30)
_ODD = timedelta(seconds=5)

Clock = Callable[[], datetime]


def check(now: Clock, others: Mapping[str, Callable[[], datetime | None]]) -> Iterator[Finding]:
    """Compare our clock with `others` by name; one that gives no time is passed over."""
    for name, other in others.items():
        before = now()
        try:
            there = other()
        except Exception:  # noqa: S112  # Its own area says why it does not answer.
            continue
        if there is None:
            continue
        # It was read some time between our two looks.
        off = max(before - there, there - now(), timedelta(0))
        yield _compared(name, off)


def _compared(name: str, off: timedelta) -> Finding:
    seconds = f"{off.total_seconds():.0f} s"
    to_do = "synchronise the clocks (chrony, systemd-timesyncd); leases and send times depend on them"
    if off > _WRONG:
        return AREA.bad(f"our clock and that of {name} are {seconds} apart", to_do)
    if off > _ODD:
        return AREA.note(f"our clock and that of {name} are {seconds} apart", to_do)
    return AREA.ok(f"our clock agrees with that of {name}")


def of_database() -> datetime | None:
    """Return PostgreSQL's clock; None for SQLite, which has ours."""
    if not isinstance(ours.obj, PostgresqlDatabase):
        return None
    (seconds,) = ours.execute_sql("SELECT extract(epoch FROM clock_timestamp())").fetchone()
    return datetime.fromtimestamp(float(seconds), UTC)


def of_redis(client: Redis) -> datetime:
    """Return Redis' clock."""
    seconds, microseconds = client.time()
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)


def of_web(get: Fetch, url: str) -> datetime | None:
    """Return the clock of the web server or of the proxy before it, in whole seconds."""
    date = get(url).date
    return date.astimezone(UTC) if date else None
