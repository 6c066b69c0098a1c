"""Our commands, run inside of the test's own process."""

import pytest
from click.testing import CliRunner

from quizmail import models, wiring
from quizmail.cli import main
from tests.support.configuration import environment


@pytest.fixture
def command(sqlite_database):
    """Run a command of ours on the test's database, with what is typed meanwhile and other settings."""

    def run(*arguments, typed=None, **settings):
        chosen = environment(**{"DATABASE_URL": f"sqlite:///{sqlite_database.database}", **settings})
        # Settings are read once in a process, and here each command is to be one.
        wiring.current_settings.cache_clear()
        try:
            return CliRunner().invoke(main, arguments, input=typed, env=chosen, catch_exceptions=False)
        finally:
            wiring.current_settings.cache_clear()
            models.database.obj.close()
            models.bind(sqlite_database)

    return run
