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
from quizmail.models import Delivery, Run
from quizmail.settings import Settings
from quizmail.states import FINAL_STATES, DeliveryState, Kind, RunState

_POLL = 0.3  # seconds

#: How long nothing may change before the summary is given although something is waiting, in seconds.
#: Longer than a planner's lease: a run whose planner was killed goes on when it has ended.
_PATIENCE = 200.0

_REASONS_SHOWN = 5

Counts = Counter[tuple[str, str, str]]  # {(kind, state, reason): deliveries}


class Outcome(NamedTuple):
    """The deliveries of all times, how many of them this start has added, the runs not yet planned."""

    counts: Counts
    new: int
    planning: int


def main() -> None:
    """Run the demo against the settings in the environment; returns only by a signal."""
    chosen = settings.read()
    _wait_for_the_others(chosen)
    models.bind(database.connect(chosen.database_url))
    before = look(0).counts.total()
    for kind in Kind:
        _dispatch(kind)
    outcome = settled(lambda: look(before))
    for line in summary(outcome, chosen.base_url):
        print(line, flush=True)
    while True:
        signal.pause()


def look(before: int) -> Outcome:
    """Return how it stands now, when there were `before` deliveries at the start."""
    number = fn.COUNT(Delivery.id)
    columns = (Delivery.kind, Delivery.state, Delivery.reason)
    with models.database.obj.connection_context():
        planning = Run.select().where(Run.state == RunState.PLANNING).count()
        rows: Any = list(Delivery.select(*columns, number).group_by(*columns).tuples())
    counts = Counter({(kind, state, reason or ""): many for kind, state, reason, many in rows})
    return Outcome(counts, counts.total() - before, planning)


def summary(outcome: Outcome, base_url: str) -> list[str]:
    """Return the lines that tell what happened and where to look."""
    counts = outcome.counts
    sent = ", ".join(f"{_many(counts, kind.value, DeliveryState.SENT)} {kind.plural}" for kind in Kind)
    lines = [
        "",
        "Quizmail demo mode: nothing leaves this machine.",
        f"Sent {sent.replace(', ', ' and ')}; {_reasons('skipped', counts, DeliveryState.SKIPPED)}.",
        *_troubles(outcome),
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


def _dispatch(kind: Kind) -> None:
    """Run the job of the latest slot by hand; whatever is wrong was said on its standard error."""
    ended = subprocess.run([sys.executable, "-m", "quizmail", "dispatch", kind.plural], check=False)  # noqa: S603
    if ended.returncode:
        sys.exit(ended.returncode)


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


def settled(
    looking: Callable[[], Outcome],
    *,
    patience: float = _PATIENCE,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Return the outcome once nothing waits any more, or nothing has changed for `patience` seconds."""
    outcome, changed = looking(), clock()
    while _waiting(outcome) and clock() - changed < patience:
        time.sleep(_POLL)
        before, outcome = outcome, looking()
        if outcome != before:
            changed = clock()
    return outcome


def _waiting(outcome: Outcome) -> list[str]:
    """Return a line for everything that is not finished."""
    mails = sum(number for (_, state, _), number in outcome.counts.items() if state not in FINAL_STATES)
    number_of = {"Mails still to be sent": mails, "Runs still to be planned": outcome.planning}
    return [f"{what}: {number}." for what, number in number_of.items() if number]


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


def _troubles(outcome: Outcome) -> list[str]:
    """Return a line for everything that a demo should not end in."""
    present = {state for _, state, _ in outcome.counts}
    bad = (DeliveryState.REJECTED, DeliveryState.EXPIRED, DeliveryState.UNKNOWN)
    lines = [f"Also {_reasons(state.value, outcome.counts, state)}." for state in bad if state in present]
    return [*lines, *_waiting(outcome)]
