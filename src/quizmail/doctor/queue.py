"""Redis: whether it answers, keeps its messages over a restart, and drops none for want of memory."""

from collections.abc import Iterator
from typing import Any, Protocol

from quizmail.doctor.findings import Area, Finding

AREA = Area("Redis", "start it, and see REDIS_URL")

_OLDEST = 6  # Dramatiq's scripts need no newer one, and nobody mends an older one.


class Redis(Protocol):
    """What is asked of a Redis client."""

    def info(self) -> Any:
        """Return what the server says of itself, by name."""

    def time(self) -> Any:
        """Return the server's clock as (seconds, microseconds) since 1970."""

    def zrange(self, name: str, start: int, end: int, *, withscores: bool) -> Any:
        """Return the members of a sorted set, here with their scores."""


def check(client: Redis) -> Iterator[Finding]:
    """Look at the server; what it does not tell, as some hosted ones, is passed over."""
    told = client.info()
    version = str(told.get("redis_version", "?"))
    yield AREA.ok(f"it answers, version {version}")
    if version.split(".")[0].isdigit() and int(version.split(".")[0]) < _OLDEST:
        yield AREA.note(f"version {version} is old", f"upgrade to {_OLDEST} or newer")
    yield from _persistence(told)
    yield from _memory(told)
    if told.get("role") == "slave":
        yield AREA.bad("REDIS_URL is a replica: nothing can be enqueued", "point it to the primary")


def _persistence(told: Any) -> Iterator[Finding]:
    if told.get("aof_enabled") == 0 and told.get("rdb_last_save_time") is not None:
        to_do = (
            "set `appendonly yes`; without it a restart loses messages, and their mails leave minutes later"
        )
        yield AREA.note("its messages are not written to disk as they come (appendonly no)", to_do)
    elif told.get("aof_enabled") == 1:
        yield AREA.ok("its messages survive a restart (appendonly yes)")
    for name in ("aof_last_write_status", "rdb_last_bgsave_status"):
        if told.get(name, "ok") != "ok":
            yield AREA.bad(
                f"it could not write to its disk ({name}={told[name]})", "see its log, and make room"
            )


def _memory(told: Any) -> Iterator[Finding]:
    rule, most, used = (told.get(name) for name in ("maxmemory_policy", "maxmemory", "used_memory"))
    if rule and rule != "noeviction":
        to_do = "set `maxmemory-policy noeviction`; what it drops is found by the table again, minutes later"
        yield AREA.bad(f"it drops messages when its memory is full (maxmemory-policy {rule})", to_do)
    if most and used and used > 0.8 * most:
        yield AREA.note(f"{100 * used // most} % of its memory is used", "raise maxmemory")
