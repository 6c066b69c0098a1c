"""Runs checks side by side, each with its own time-out; one that fails stops no other."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from queue import Empty, SimpleQueue
from time import monotonic
from urllib.parse import unquote, urlsplit

from quizmail import database
from quizmail.doctor.findings import Area, Finding
from quizmail.models import database as ours
from quizmail.settings import Settings

#: Looks at one thing and says what it found.
Check = Callable[[], Iterable[Finding]]

_LATE = "a check did not come to an end in {} s"


def run(checks: Mapping[Area, Check], patience: timedelta, secrets: Sequence[str] = ()) -> list[Finding]:
    """Run `checks`, by their areas, and return their findings in that order.

    A check that raises, or takes longer than `patience`, is a bad finding of its own; what it had found
    before counts. No finding holds any of `secrets`.
    """
    began = [(area, _begin(area, check)) for area, check in checks.items()]
    until = monotonic() + patience.total_seconds()
    found = [finding for area, results in began for finding in _collect(area, results, until, patience)]
    return [_without(secrets, finding) for finding in found]


def secrets_of(chosen: Settings) -> list[str]:
    """Return whatever in the settings nobody may read on a terminal; the longest first."""
    urls = (chosen.database_url, chosen.quiz_database_url, chosen.redis_url)
    passwords = [urlsplit(url).password or "" for url in urls]
    kept = [chosen.secret_key, *chosen.secret_keys_previous, chosen.mail_password or ""]
    everything = {*kept, *urls, *passwords, *map(unquote, passwords)}
    return sorted(filter(None, everything), key=len, reverse=True)


def _begin(area: Area, check: Check) -> "SimpleQueue[Finding | None]":
    results: SimpleQueue[Finding | None] = SimpleQueue()

    def work() -> None:
        try:
            for finding in check():
                results.put(finding)
        except Exception as problem:  # Whatever it is, the other checks go on.
            results.put(area.bad(f"{type(problem).__name__}: {_first_line(problem)}", area.advice))
        finally:
            if ours.obj is not None:
                database.give_back(failed=True)
            results.put(None)

    threading.Thread(target=work, daemon=True).start()
    return results


def _collect(
    area: Area, results: "SimpleQueue[Finding | None]", until: float, patience: timedelta
) -> Iterable[Finding]:
    while True:
        try:
            finding = results.get(timeout=max(0.0, until - monotonic()))
        except Empty:
            yield area.bad(_LATE.format(f"{patience.total_seconds():g}"), area.advice)
            return
        if finding is None:
            return
        yield finding


def _first_line(problem: Exception) -> str:
    return str(problem).strip().partition("\n")[0]


def _without(secrets: Sequence[str], finding: Finding) -> Finding:
    said, to_do = finding.said, finding.to_do
    for secret in secrets:
        said, to_do = said.replace(secret, "***"), to_do.replace(secret, "***")
    return replace(finding, said=said, to_do=to_do)
