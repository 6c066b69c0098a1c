"""The command that looks a deployment over."""

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby

import click
import redis

from quizmail import wiring
from quizmail.cli.output import as_json
from quizmail.doctor import Area, Examination, Finding, Grade, Names, fetch, is_well
from quizmail.errors import ConfigurationError
from quizmail.settings import Settings
from quizmail.states import Kind

#: Seconds for one answer of Redis.
_PATIENCE = 5


@click.command()
@click.option("--json", "json_wanted", is_flag=True, help="For machines.")
@click.option("--offline", is_flag=True, help="Ask no name servers, and not BASE_URL.")
def doctor(json_wanted: bool, offline: bool) -> None:
    """Look this deployment over and say what to do; exit code 1 when something is bad."""
    found = _look_over(offline)
    if json_wanted:
        click.echo(as_json({"ok": is_well(found), "findings": [finding.as_dict() for finding in found]}))
    else:
        click.echo("\n".join(_lines(found)))
    sys.exit(0 if is_well(found) else 1)


COMMANDS = (doctor,)


def _look_over(offline: bool) -> list[Finding]:
    try:
        settings = wiring.current_settings()
    except ConfigurationError as error:
        to_do = "set it in the environment or in .env (docs/configuration.md), and run the doctor again"
        return [Area("settings").bad(problem, to_do) for problem in error.problems]
    wiring.open_database(settings)
    names, get = (None, None) if offline else (Names(), fetch)
    link = wiring.links_of(settings).unsubscribe(0, Kind.REMINDER)  # Row ids begin with 1.
    return Examination(settings, link, wiring.utc_now, _redis(settings), names, get).run()


def _redis(settings: Settings) -> redis.Redis:
    patience = {"socket_timeout": _PATIENCE, "socket_connect_timeout": _PATIENCE}
    return redis.Redis.from_url(settings.redis_url, **patience)


def _lines(found: Sequence[Finding]) -> Iterator[str]:
    for area, findings in groupby(found, key=lambda finding: finding.area):
        yield f"{area[0].upper()}{area[1:]}"
        for finding in findings:
            mark = finding.grade.upper() if finding.grade is Grade.BAD else finding.grade
            yield f"  {mark:<8}{finding.said}"
            if finding.to_do:
                yield f"  {'':<8}-> {finding.to_do}"
    bad = sum(finding.grade is Grade.BAD for finding in found)
    yield ""
    yield f"bad: {bad}" if bad else "nothing is bad"
