"""The commands that only look: check, status, deliveries."""

import sys
from collections.abc import Collection, Iterator

import click
import redis

from quizmail import inspection, status, wiring
from quizmail.audience import Audience
from quizmail.broker import DramatiqBell
from quizmail.cli.operate import resend
from quizmail.cli.output import COLUMNS, SHOWN, Ticker, as_json, delivery_rows, table, words, write_csv
from quizmail.errors import QuizmailError
from quizmail.models import Delivery
from quizmail.platform import Platform
from quizmail.settings import Settings
from quizmail.states import DeliveryState, Kind


@click.command()
@click.option("--json", "json_wanted", is_flag=True, help="For machines.")
def check(json_wanted: bool) -> None:
    """Look at the quiz platform's data as Quizmail sees it; exit code 1 when it cannot be used."""
    settings = wiring.current_settings()
    platform = Platform.open(settings.quiz_database_url, settings.quiz_source, settings.site_timezone)
    try:
        # Not to standard output, which is for the report alone.
        with Ticker("users", sys.stderr) as ticker:
            found = inspection.inspect(platform, settings.inactive_after, wiring.utc_now(), ticker.read)
    finally:
        platform.close_all()
    click.echo(as_json(found.as_dict()) if json_wanted else "\n".join(found.lines()))


@click.command(name="status")
@click.option("--json", "json_wanted", is_flag=True, help="For machines.")
def show_status(json_wanted: bool) -> None:
    """Say how it stands; exit code 1 when something is wrong."""
    settings = wiring.current_settings()
    wiring.open_database(settings)
    found = status.gather(wiring.calendar_of(settings), _zones(settings), wiring.utc_now(), _waiting())
    click.echo(as_json(found.as_dict()) if json_wanted else "\n".join(_lines(found)))
    sys.exit(1 if found.problems else 0)


@click.group(invoke_without_command=True)
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]))
@click.option("--period", help="Such as 2026-11-23 or 2026-10.")
@click.option("--state", type=click.Choice([state.value for state in DeliveryState]))
@click.option("--user", "user_id")
@click.option("--limit", default=100, show_default=True, help="How many at most; --csv and --json give all.")
@click.option("--json", "json_wanted", is_flag=True)
@click.option("--csv", "csv_wanted", is_flag=True)
@click.pass_context
def deliveries(
    context: click.Context, /, limit: int, json_wanted: bool, csv_wanted: bool, **wanted: str | None
) -> None:
    """List deliveries, newest first."""
    if context.invoked_subcommand:
        return
    wiring.open_database(wiring.current_settings())
    conditions = [getattr(Delivery, name) == value for name, value in wanted.items() if value is not None]
    if csv_wanted:
        write_csv(COLUMNS, delivery_rows(*conditions))
    elif json_wanted:
        click.echo(as_json(list(delivery_rows(*conditions))))
    else:
        click.echo(table(SHOWN, list(delivery_rows(*conditions, limit=limit))))


deliveries.add_command(resend)
COMMANDS = (check, show_status, deliveries)


def _zones(settings: Settings) -> Collection[str] | None:
    """Return the zones in use; None when the platform cannot be read."""
    try:
        platform = Platform.open(settings.quiz_database_url, settings.quiz_source, settings.site_timezone)
        try:
            return Audience(platform).zones()
        finally:
            platform.close_all()
    except QuizmailError:
        return None


def _waiting() -> int | None:
    from quizmail.actors import broker

    try:
        return DramatiqBell(broker, "deliver").waiting()
    except redis.RedisError:
        return None


def _lines(found: status.Status) -> Iterator[str]:
    for kind, at in found.next_slots.items():
        age = found.tick_age_seconds[kind]
        seen = "never" if age is None else f"{age:.0f} s ago"
        yield f"{kind}: next slot {at:%Y-%m-%d %H:%M} UTC, last tick {seen}" if at else f"{kind}: no slot"
    waiting = "no answer" if found.waiting_in_redis is None else found.waiting_in_redis
    yield f"waiting in Redis: {waiting}"
    yield ""
    yield "Runs, newest first"
    for run in found.runs:
        not_due = {f"not due ({reason})": number for reason, number in run["not_due"].items()}
        slot = f"{run['kind']} {run['period']} at {run['slot']:%Y-%m-%d %H:%M}"
        yield f"  run {run['id']}: {slot}: {run['state']}"
        yield f"    {words({**run['deliveries'], **not_due})}"
    yield ""
    yield "Deliveries planned in the last 7 days"
    for row in found.deliveries:
        reason = f" ({row['reason']})" if row["reason"] else ""
        yield f"  {row['kind']} {row['state']}{reason}: {row['count']}"
    for held in found.holds:
        subject = f"{held['scope']} {held['subject']}".rstrip()
        detail = f" ({held['detail']})" if held["detail"] else ""
        yield f"held: {subject} since {held['since']:%Y-%m-%d %H:%M} UTC: {held['cause']}{detail}"
    yield ""
    yield from (f"WRONG: {problem}" for problem in found.problems)
    if not found.problems:
        yield "all is well"
