"""The commands that do something once: migrate, dispatch, preview and test-mail."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from quizmail import database, testmail, wiring
from quizmail.broker import DramatiqBell, configure_log
from quizmail.by_hand import Occasion
from quizmail.cli.output import Ticker, parse_instant, words
from quizmail.errors import QuizmailError
from quizmail.models import Run
from quizmail.outbox.plan import PlannedRow
from quizmail.outbox.work import find, load
from quizmail.preview import write_preview
from quizmail.slots import Slot
from quizmail.states import DeliveryState, Kind, NotDue
from quizmail.wiring import Engine

KINDS = click.Choice([kind.plural for kind in Kind])


@click.command()
def migrate() -> None:
    """Create our tables, or bring them up to date."""
    wiring.open_database(wiring.current_settings())
    applied = database.migrate(wiring.utc_now())
    click.echo(f"applied: {', '.join(applied)}" if applied else "the tables are up to date")


@click.command()
@click.argument("kinds", type=KINDS)
@click.option("--at", "at", callback=parse_instant, help="Run the latest slot at or before this instant.")
@click.option("--user", "user_id", help="Mail this one user only.")
@click.option("--dry-run", is_flag=True, help="Judge everybody and write nothing.")
@click.option("--inline", is_flag=True, help="Send from this process, without Redis.")
def dispatch(kinds: str, at: datetime | None, user_id: str | None, dry_run: bool, inline: bool) -> None:
    """Run a job by hand: plan its latest slot and have the mails sent."""
    kind = next(kind for kind in Kind if kind.plural == kinds)
    now = wiring.utc_now()
    if at is not None and at > now and not dry_run:
        raise click.UsageError("an instant in the future needs --dry-run")
    configure_log()
    engine = _engine(inline or dry_run)
    if user_id is not None:
        occasion = engine.by_hand.occasion(kind, user_id, at or now)
        _judge(engine, occasion) if dry_run else _one_user(engine, occasion, inline)
    elif dry_run:
        _dry_run(engine, kind, at or now)
    else:
        _run(engine, engine.by_hand.slots(kind, at or now), inline)


@click.command()
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]))
@click.option("--user", "user_id", required=True, help="Whose mail to write.")
@click.option("--at", "at", callback=parse_instant, help="Write it as of this instant.")
@click.option("--out", "folder", type=click.Path(path_type=Path), default=Path("var/preview"))
def preview(kind: str, user_id: str, at: datetime | None, folder: Path) -> None:
    """Write one mail to files (.eml, .html, .txt), whether the user is due or not; send nothing."""
    engine = wiring.build(wiring.current_settings())
    for path in write_preview(engine.by_hand, engine.composer, Kind(kind), user_id, at, folder):
        click.echo(path)


@click.command(name="test-mail")
@click.argument("address")
def test_mail(address: str) -> None:
    """Send one mail through the real relay and say what it answered."""
    settings = wiring.current_settings()
    click.echo(testmail.send(settings, wiring.composer_of(settings), address, wiring.utc_now()))


COMMANDS = (migrate, dispatch, preview, test_mail)


def _engine(without_redis: bool) -> Engine:
    settings = wiring.current_settings()
    if without_redis:
        return wiring.build(settings)
    from quizmail.actors import broker

    broker.client.ping()
    return wiring.build(settings, bell=DramatiqBell(broker, "deliver"))


def _dry_run(engine: Engine, kind: Kind, at: datetime) -> None:
    for slot in engine.by_hand.slots(kind, at):
        counts: Counter[str] = Counter()
        with Ticker(_name(slot)) as ticker:
            for plan in engine.by_hand.dry_run(slot):
                counts.update(_tally(plan.rows, plan.not_due))
                ticker.judged(counts.total())
            ticker.conclude(words(counts))


def _tally(rows: Iterable[object], not_due: Counter[NotDue]) -> Counter[str]:
    counts: Counter[str] = Counter({f"not due ({reason})": number for reason, number in not_due.items()})
    for row in rows:
        reason = getattr(row, "skip", None)
        counts[f"skipped ({reason})" if reason else "due"] += 1
    return counts


def _judge(engine: Engine, occasion: Occasion) -> None:
    judged = engine.by_hand.judge(occasion)
    due = f"due, but skipped: {judged.skip}" if isinstance(judged, PlannedRow) and judged.skip else "due"
    click.echo(f"not due: {judged}" if isinstance(judged, NotDue) else due)


def _one_user(engine: Engine, occasion: Occasion, inline: bool) -> None:
    before = find(occasion.kind, occasion.member.user_id, occasion.period)
    planned = engine.by_hand.plan(occasion)
    if isinstance(planned, NotDue):
        click.echo(f"not due: {planned}")
        return
    work = load(planned)
    if work is None or work.state is not DeliveryState.PLANNED:
        click.echo(f"delivery {planned}: {'was ' if before else ''}{work.state if work else 'gone'}")
    elif inline:
        click.echo(f"delivery {planned}: {engine.deliverer.deliver(planned).get(planned, 'gone')}")
    else:
        engine.dispatcher.bell.ring([[planned]])
        click.echo(f"delivery {planned}: handed to the workers")


def _run(engine: Engine, slots: list[Slot], inline: bool) -> None:
    runs: list[Run] = []
    for slot in slots:
        with Ticker(_name(slot)) as ticker:
            runs.append(engine.by_hand.run(slot, ticker.show))
    if not runs:
        raise QuizmailError("no slot: nobody is on the platform yet")
    if inline:
        with Ticker("sending") as ticker:
            ticker.count(engine.by_hand.deliver_here(engine.deliverer.deliver, ticker.count))
    else:
        released = engine.dispatcher.pump(wiring.PATIENCE)
        click.echo(f"released to the workers: {released}")


def _name(slot: Slot) -> str:
    return f"{slot.kind.plural} {slot.period} ({slot.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"
