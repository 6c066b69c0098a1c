"""The command by which an operator has a person forgotten."""

from dataclasses import asdict

import click

from quizmail import forgetting, wiring
from quizmail.audience import Audience
from quizmail.cli.output import words
from quizmail.errors import UnknownUser
from quizmail.forgetting import Traces
from quizmail.platform import Platform
from quizmail.settings import Settings


@click.command()
@click.argument("user")
@click.option("--address", "addresses", multiple=True, help="One more address of theirs; may be repeated.")
@click.option("--stop", is_flag=True, help="And send them no more mail, as long as they have an account.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(user: str, addresses: tuple[str, ...], stop: bool, yes: bool) -> None:
    """Remove everything that is kept on USER, an id of the quiz platform, which may know it no more."""
    settings = wiring.current_settings()
    wiring.open_database(settings)
    ids, known = _known(settings, user)
    every_address = {*addresses, *known}
    if not every_address:
        click.echo("the quiz platform has no address for this user: name those they had with --address")
    found = forgetting.look(ids, every_address)
    if not found and not stop:
        click.echo("nothing is kept on this user, or no more than hashes")
        return
    click.echo(f"kept on this user: {_counts(found)}")
    if stop:
        click.echo("and no more mail is sent to this user")
    if not yes:
        click.echo("Hashes stay, so that no mail is sent twice or to whom has refused it (docs/privacy.md).")
        click.confirm("Remove it for good?", abort=True)
    removed = forgetting.forget(ids, every_address, wiring.utc_now(), stop=stop)
    click.echo(f"removed: {_counts(removed)}")


COMMANDS = (forget,)


def _known(settings: Settings, user: str) -> tuple[set[str], set[str]]:
    """Return the forms of the user's id, and the address that the platform has for it.

    Raises:
        PlatformUnavailable, SourceError: nobody can say whether there is an address whose traces to remove.
    """
    platform = Platform.open(settings.quiz_database_url, settings.quiz_source, settings.site_timezone)
    try:
        member = Audience(platform).find(user, wiring.utc_now())
    except UnknownUser:
        return {user}, set()
    finally:
        platform.close_all()
    return {user, member.user_id}, {member.address} if member.address else set()


def _counts(traces: Traces) -> str:
    counts = {name.replace("_", " "): number for name, number in asdict(traces).items() if number}
    return words(counts) if counts else "nothing"
