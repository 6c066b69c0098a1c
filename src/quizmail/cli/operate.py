"""The commands by which an operator settles, orders again, stops and resumes."""

import getpass
from typing import Any

import click

from quizmail import holds, wiring
from quizmail.cli.output import SHOWN, delivery_rows, table
from quizmail.holds import Subject
from quizmail.outbox import resolve as orders
from quizmail.states import Kind, Scope

WHAT = "all|reminders|reports|run:ID|domain:NAME"


@click.command()
@click.argument("ids", type=int, nargs=-1)
@click.option("--run", "run_id", type=int, help="Every unknown delivery of this run.")
@click.option("--sent", "outcome", flag_value="sent", help="They arrived: mark them sent.")
@click.option("--again", "outcome", flag_value="again", help="They did not: plan them again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def resolve(ids: tuple[int, ...], run_id: int | None, outcome: str | None, yes: bool) -> None:
    """Settle deliveries of unknown outcome, by their IDS or by run."""
    if outcome is None or bool(ids) == (run_id is not None):
        raise click.UsageError("say which (IDS or --run) and what became of them (--sent or --again)")
    wiring.open_database(wiring.current_settings())
    which = orders.unknown(run_id) & orders.ids(ids) if ids else orders.unknown(run_id)
    order = orders.mark_sent if outcome == "sent" else orders.plan_again
    click.echo(f"settled: {order(_confirmed(which, yes), _operator(), wiring.utc_now())}")


@click.command()
@click.argument("ids", type=int, nargs=-1)
@click.option("--run", "run_id", type=int, help="The run's id, as `status` shows it.")
@click.option("--failed", is_flag=True, help="What failed of the run; no more may be ordered.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def resend(ids: tuple[int, ...], run_id: int | None, failed: bool, yes: bool) -> None:
    """Plan again what was rejected or has expired, by IDS or by run; never what was sent."""
    if bool(ids) == (run_id is not None) or failed != (run_id is not None):
        raise click.UsageError("say which: IDS, or --run with --failed")
    wiring.open_database(wiring.current_settings())
    which = orders.failed(run_id) & orders.ids(ids) if ids else orders.failed(run_id)
    shown = _confirmed(which, yes)
    click.echo(f"planned again: {orders.plan_again(shown, _operator(), wiring.utc_now())}")


@click.command()
@click.argument("what", metavar=WHAT)
@click.option("--because", "cause", default="paused by hand", help="Why, for whoever reads it later.")
def hold(what: str, cause: str) -> None:
    """Stop everything, a kind of mail, a run or a domain until it is resumed."""
    wiring.open_database(wiring.current_settings())
    holds.hold(_subject(what), cause, wiring.utc_now(), _operator())
    click.echo(f"held: {what}")


@click.command()
@click.argument("what", metavar=WHAT)
def resume(what: str) -> None:
    """End every hold on everything, a kind of mail, a run or a domain."""
    wiring.open_database(wiring.current_settings())
    click.echo(f"holds ended: {holds.resume(_subject(what))}")


COMMANDS = (resolve, hold, resume)


def _confirmed(which: Any, yes: bool) -> Any:
    """Show the deliveries, ask, and return the condition for just those that were shown."""
    rows = list(delivery_rows(which))
    click.echo(table(SHOWN, rows))
    if rows and not yes:
        click.confirm(f"These {len(rows)}?", abort=True)
    return which & orders.ids([row["id"] for row in rows])


def _operator() -> str:
    return getpass.getuser()


def _subject(what: str) -> Subject:
    scope, _, name = what.partition(":")
    if what == Scope.ALL:
        return holds.ALL
    kind = next((kind for kind in Kind if what in {kind.value, kind.plural}), None)
    if kind:
        return holds.on_kind(kind)
    if (scope == Scope.RUN and name.isdigit()) or (scope == Scope.DOMAIN and name):
        return Subject(Scope(scope), name.lower())
    raise click.UsageError(f"what is held is {WHAT}")
