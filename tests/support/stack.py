"""The whole of Quizmail as real processes on real parts: Redis, a database, a mail server."""

import os
import socket
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import redis

from quizmail import database, models
from quizmail.models import Delivery, Moment
from quizmail.redis_server import find_program
from tests.support.configuration import environment
from tests.support.processes import started, wait_until

INSTALLED = datetime(2026, 1, 1, tzinfo=UTC)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stack:
    """Processes are started by name; whatever runs at the end of the block is stopped."""

    def __init__(self, folder, site, mail_port, database_url, **settings):
        self.folder, self.site = folder, site
        self.redis_port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            **environment(
                QUIZ_DATABASE_URL=site.url,
                DATABASE_URL=database_url,
                REDIS_URL=f"redis://127.0.0.1:{self.redis_port}/0",
                MAIL_PORT=str(mail_port),
                MAIL_COMMAND_TIMEOUT_SECONDS="5",
                MAIL_BODY_TIMEOUT_SECONDS="5",
                PORT=str(free_port()),
                **settings,
            ),
        }
        self._stack = ExitStack()

    def __enter__(self):
        opened = database.connect(self.environment["DATABASE_URL"])
        models.bind(opened)
        database.migrate(INSTALLED)
        # The present is never far from some slot: the past is taken as seen to.
        for kind in ("reminder", "report"):
            Moment.insert(name=f"opened {kind}", at=datetime.now(UTC)).on_conflict_ignore().execute()
        self._stack.callback(lambda: getattr(opened, "close_all", opened.close)())
        self._stack.callback(opened.close)
        return self

    def __exit__(self, *problem):
        self._stack.close()

    def start(self, *arguments):
        """Start ``quizmail`` with `arguments`."""
        return self._start([sys.executable, "-m", "quizmail", *arguments], arguments[0])

    def start_redis(self):
        """Start a Redis server, or start it again on what it had written, and wait for it."""
        data = self.folder / "redis"
        data.mkdir(exist_ok=True)
        command = [str(find_program()), "--port", str(self.redis_port), "--bind", "127.0.0.1"]
        command += ["--dir", str(data), "--appendonly", "yes", "--save", ""]
        server = self._start(command, "redis")
        wait_until(self._redis_answers, "Redis")
        return server

    def _redis_answers(self):
        with redis.Redis(port=self.redis_port) as client:
            try:
                return client.ping()
            except redis.RedisError:
                return False

    def _start(self, command, name):
        output = self.folder / f"{name}-{len(list(self.folder.glob('*.log')))}.log"
        return self._stack.enter_context(
            started(command, output, environment=self.environment, cwd=self.folder)
        )

    def run(self, *arguments):
        """Run a ``quizmail`` command to its end and return it."""
        running = self.start(*arguments)
        running.process.wait()
        return running

    @staticmethod
    def states():
        """Return {user: state of the delivery}."""
        return {row.user_id: row.state for row in Delivery.select()}

    def wait_for(self, **states):
        """Wait until the deliveries are in these states: ``wait_for(sent=3)``."""

        def so():
            counted = list(self.states().values())
            return all(counted.count(state) == number for state, number in states.items())

        wait_until(so, f"{states}")


def long_ago():
    """Return an instant that makes a user inactive."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(days=10)
