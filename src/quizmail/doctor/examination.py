"""A whole deployment, looked over: which checks there are, and in which order they are told."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from quizmail.doctor import alive, clocks, configured, platform, queue, relay, senders, storage, web, zones
from quizmail.doctor.findings import Area, Finding, Grade
from quizmail.doctor.names import Lookup
from quizmail.doctor.queue import Redis
from quizmail.doctor.running import Check, run, secrets_of
from quizmail.doctor.web import Fetch
from quizmail.mailer import Relay
from quizmail.settings import Settings

#: For all checks together, which run side by side.
PATIENCE = timedelta(seconds=20)

#: How long the relay may take for one answer here; a worker has more patience.
_RELAY_PATIENCE = timedelta(seconds=8)


@dataclass(frozen=True)
class Examination:
    """What the checks need. Our models are bound to the deployment's database.

    ``unsubscribe_url``: a signed link of ours to a recipient who never was.
    ``lookup``, ``fetch``: None when neither name servers nor the web process are to be asked.
    """

    settings: Settings
    unsubscribe_url: str
    clock: Callable[[], datetime]
    redis: Redis
    lookup: Lookup | None
    fetch: Fetch | None

    def run(self, patience: timedelta = PATIENCE) -> list[Finding]:
        """Run all checks for at most `patience` and return what they found."""
        found = run(self._checks(), patience, secrets_of(self.settings))
        outside = {senders.AREA: self.lookup, web.AREA: self.fetch}
        left_out = [
            area.skipped("not looked at (--offline)") for area, door in outside.items() if door is None
        ]
        return found + left_out

    def _checks(self) -> Mapping[Area, Check]:
        chosen, now = self.settings, self.clock()
        mail = replace(Relay.from_settings(chosen), command_timeout=_RELAY_PATIENCE)
        checks: dict[Area, Check] = {
            configured.AREA: lambda: configured.check(chosen),
            storage.AREA: storage.check,
            platform.AREA: lambda: platform.check(chosen, now),
            queue.AREA: lambda: queue.check(self.redis),
            alive.AREA: lambda: self._processes(now),
            relay.AREA: lambda: relay.check(mail, now),
            clocks.AREA: lambda: clocks.check(self.clock, self._clocks()),
            zones.AREA: lambda: zones.check(now),
        }
        lookup, fetch = self.lookup, self.fetch
        if lookup is not None:
            checks[senders.AREA] = lambda: senders.check(chosen, lookup)
        if fetch is not None:
            checks[web.AREA] = lambda: web.check(self.unsubscribe_url, self.clock, fetch)
        return checks

    def _processes(self, now: datetime) -> Iterator[Finding]:
        yield from alive.check_ticks(now)
        yield from alive.check_workers(self.redis, now, self.settings.release_again_after)

    def _clocks(self) -> Mapping[str, Callable[[], datetime | None]]:
        others: dict[str, Callable[[], datetime | None]] = {
            "PostgreSQL": clocks.of_database,
            "Redis": lambda: clocks.of_redis(self.redis),
        }
        fetch, url = self.fetch, self.unsubscribe_url
        if fetch is not None:
            others["the web server"] = lambda: clocks.of_web(fetch, url)
        return others


def is_well(findings: list[Finding]) -> bool:
    """Say whether nothing is bad."""
    return all(finding.grade is not Grade.BAD for finding in findings)
