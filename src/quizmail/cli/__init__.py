"""The command line: doors to the services, no rules of its own.

A problem of the user's making ends a command with one clear line for each problem and exit code 1.
"""

import re
import sys
from typing import Any

import click
import peewee
import redis

from quizmail.cli import by_hand, doctor, forget, gallery, operate, processes, returning, show, suppressions
from quizmail.errors import ConfigurationError, QuizmailError

#: What SQLite says when a table or a column is not there; PostgreSQL's driver has an exception for that.
_NOT_MIGRATED = re.compile("no such (table|column)|has no column named")


class _Group(click.Group):
    """Turns our own exceptions into plain lines; a traceback is for mistakes of ours."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            lines = [f"quizmail: {problem}" for problem in error.problems]
        except QuizmailError as error:
            lines = [f"quizmail: {error}"]
        except redis.RedisError as error:
            problem = f"Redis does not answer ({type(error).__name__}): is REDIS_URL right?"
            lines = [f"quizmail: {problem} `dispatch --inline` does without it."]
        except (peewee.ProgrammingError, peewee.OperationalError, peewee.InterfaceError) as error:
            lines = [f"quizmail: DATABASE_URL: {_problem_of(error)}"]
        click.echo("\n".join(lines), err=True)
        sys.exit(1)


def _problem_of(error: peewee.DatabaseError | peewee.InterfaceError) -> str:
    first = str(error).strip().partition("\n")[0]
    if isinstance(error, peewee.ProgrammingError) or _NOT_MIGRATED.search(first):
        return "its tables are not up to date: run `make migrate`"
    return f"the database does not answer: {first}"


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="quizmail")
def main() -> None:
    """Mail the users of a quiz platform: daily reminders and monthly activity reports."""


for command in (
    *processes.COMMANDS,
    *by_hand.COMMANDS,
    *gallery.COMMANDS,
    *show.COMMANDS,
    *operate.COMMANDS,
    *forget.COMMANDS,
    *doctor.COMMANDS,
    *returning.COMMANDS,
    *suppressions.COMMANDS,
):
    main.add_command(command)
