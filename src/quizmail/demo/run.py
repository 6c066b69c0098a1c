"""The demo's one-shot process: runs both jobs by hand, waits for their mails, and says where to look.

It then waits for ever, because honcho stops everything when one process ends.
"""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from peewee import fn
from redis import Redis, RedisError

from quizmail import database, models, settings
from quizmail.demo.ports import answers
from quizmail.models import Delivery
from quizmail.settings import Settings
from quizmail.states import FINAL_STATES, DeliveryState, Kind

_POLL = 0.3  # seconds

#: How long nothing may change before the summary is given although mails are waiting, in seconds.
_PATIENCE = 60.0

_REASONS_SHOWN = 5

Counts = Counter[tuple[str, str, str]]  # {(kind, state, reason): deliveries}


class Outcome(NamedTuple):
    """The deliveries of all times, and how many of them this start has added."""

    counts: Counts
    new: int


def main() -> None:
    """Run the demo against the settings in the environment; returns only by a signal."""
    chosen = settings.read()
    _wait_for_the_others(chosen)
    models.bind(database.connect(chosen.database_url))
    before = count()
    for kind in Kind:
        subprocess.run([sys.executable, "-m", "quizmail", "dispatch", kind.plural], check=True)  # noqa: S603
    after = _settled(count)
    for line in summary(Outcome(after, after.total() - before.total()), chosen.base_url):
        print(line, flush=True)
    while True:
        signal.pause()


def count() -> Counts:
    """Return how many deliveries there are of each kind, state and reason."""
    number = fn.COUNT(Delivery.id)
    columns = (Delivery.kind, Delivery.state, Delivery.reason)
    with models.database.obj.connection_context():
        rows: Any = list(Delivery.select(*columns, number).group_by(*columns).tuples())
    return Counter({(kind, state, reason or ""): many for kind, state, reason, many in rows})


def summary(outcome: Outcome, base_url: str) -> list[str]:
    """Return the lines that tell what happened and where to look."""
    counts = outcome.counts
    sent = ", ".join(f"{_many(counts, kind.value, DeliveryState.SENT)} {kind.plural}" for kind in Kind)
    lines = [
        "",
        "Quizmail demo mode: nothing leaves this machine.",
        f"Sent {sent.replace(', ', ' and ')}; {_reasons('skipped', counts, DeliveryState.SKIPPED)}.",
        *_troubles(counts),
    ]
    if outcome.new < counts.total():
        lines.append(f"New at this start: {outcome.new}; the others were there, and nothing is sent twice.")
    return [
        *lines,
        "",
        f"Read them:          {base_url}/inbox",
        "Send for real:      copy .env.example to .env, fill it in, and start again.",
        "Stop everything:    Ctrl-C (or `make stop`, if it runs in the background).",
        "",
    ]


def _wait_for_the_others(chosen: Settings) -> None:
    ports = (chosen.relay_port, int(chosen.base_url.rpartition(":")[2]))
    while not (_pongs(chosen.redis_url) and all(map(answers, ports))):
        time.sleep(_POLL)


def _pongs(url: str) -> bool:
    try:
        with Redis.from_url(url) as client:
            return bool(client.ping())
    except RedisError:
        return False


def _settled(look: Callable[[], Counts]) -> Counts:
    """Return the counts as soon as every delivery is final, or when nothing has changed for a minute."""
    counts = look()
    changed = time.monotonic()
    while _waiting(counts) and time.monotonic() - changed < _PATIENCE:
        time.sleep(_POLL)
        before, counts = counts, look()
        if counts != before:
            changed = time.monotonic()
    return counts


def _waiting(counts: Counts) -> int:
    return sum(number for (_, state, _), number in counts.items() if state not in FINAL_STATES)


def _many(counts: Counts, kind: str, state: str) -> int:
    return sum(number for (k, s, _), number in counts.items() if (k, s) == (kind, state))


def _reasons(word: str, counts: Counts, state: str) -> str:
    """Return such as ``skipped 7 (bad_address 5, opted_out 2)``."""
    reasons: Counter[str] = Counter()
    for (_, this, reason), number in counts.items():
        if this == state:
            reasons[reason] += number
    shown = ", ".join(f"{reason} {number}" for reason, number in reasons.most_common(_REASONS_SHOWN))
    return f"{word} {reasons.total()}" + (f" ({shown})" if shown else "")


def _troubles(counts: Counts) -> list[str]:
    """Return a line for each state that a demo should not end in."""
    states = (DeliveryState.REJECTED, DeliveryState.EXPIRED, DeliveryState.UNKNOWN)
    lines = [
        _reasons(state.value, counts, state) for state in states if any(s == state for _, s, _ in counts)
    ]
    waiting = [f"still waiting: {_waiting(counts)}"] if _waiting(counts) else []
    return [f"Also {line}." for line in (*lines, *waiting)]
