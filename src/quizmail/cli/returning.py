"""The command that reads what comes back: from a Maildir, or from a mail server's pipe."""

import sys
from collections import Counter
from pathlib import Path

import click
import peewee

from quizmail import models, wiring
from quizmail.bounces import Desk, maildir
from quizmail.bounces.mime import LARGEST
from quizmail.cli.output import as_json, words
from quizmail.errors import ConfigurationError
from quizmail.settings import Settings

#: sysexits.h: the mail server keeps the message and tries again later.
EX_TEMPFAIL = 75

_BLOCK = 1024 * 1024


@click.command()
@click.argument("folder", metavar="[MAILDIR]", required=False, type=click.Path(path_type=Path))
@click.option("--delete", is_flag=True, help="Remove what was understood; otherwise it is moved to cur.")
@click.option("--recipient", default="", help="To whom the message on standard input came.")
@click.option("--json", "json_wanted", is_flag=True, help="For machines.")
def bounces(folder: Path | None, delete: bool, recipient: str, json_wanted: bool) -> None:
    """Read delivery reports, complaints and mails that unsubscribe.

    From the new messages of MAILDIR, or one message from standard input, for a mail server's pipe: then the
    exit code is 0, or 75 when the message should be brought again later.
    """
    if folder is None:
        sys.exit(_one_message(recipient))
    if not all((folder / name).is_dir() for name in ("new", "cur")):
        raise click.UsageError(f"{folder} is no Maildir: it has no folders new and cur")
    desk = _desk(wiring.current_settings())
    counts = maildir.work_through(folder, lambda raw: desk.handle(raw, wiring.utc_now()), delete=delete)
    click.echo(as_json(counts) if json_wanted else _said(counts))


COMMANDS = (bounces,)


def _one_message(recipient: str) -> int:
    """Handle standard input and return the exit code."""
    raw = sys.stdin.buffer.read(LARGEST)
    while sys.stdin.buffer.read(_BLOCK):
        pass  # A server that cannot write all of a long message would take it for not delivered.
    try:
        found = _desk(wiring.current_settings()).handle(raw, wiring.utc_now(), recipient)
    except ConfigurationError as error:
        click.echo("\n".join(f"quizmail: {problem}" for problem in error.problems), err=True)
        return EX_TEMPFAIL
    except (peewee.OperationalError, peewee.InterfaceError, peewee.ProgrammingError):
        click.echo("quizmail: DATABASE_URL: the database does not answer, or is not up to date", err=True)
        return EX_TEMPFAIL
    finally:
        _close()
    click.echo(found)
    return 0


def _desk(settings: Settings) -> Desk:
    if not (settings.bounce_domain or settings.mail_unsubscribe_address):
        raise ConfigurationError(
            ["BOUNCE_DOMAIN is missing, and MAIL_UNSUBSCRIBE_ADDRESS: no mail comes back that could be read"]
        )
    wiring.open_database(settings)
    return Desk(wiring.returns_of(settings), wiring.links_of(settings))


def _close() -> None:
    if models.database.obj is not None:
        models.database.obj.close()


def _said(counts: Counter[str]) -> str:
    return words(counts) if counts else "nothing new"
