"""The commands that run for long: what the Procfile starts, and ``run``, which starts them all."""

import logging
import os
import sys

import click

from quizmail import database, wiring
from quizmail.broker import DISPATCH_QUEUE, MAIL_QUEUE, configure_log, wait_for_redis
from quizmail.settings import Settings, environment

log = logging.getLogger(__name__)

#: glibc gives every thread a heap of its own: some megabytes, for nothing where one thread runs at a time.
ONE_HEAP = {"MALLOC_ARENA_MAX": "1"}


@click.command()
def worker() -> None:
    """Send mails: MAIL_MAX_CONNECTIONS threads in one or two processes."""
    settings = _ready()
    connections = settings.mail_max_connections
    processes = 1 if connections % 2 else 2
    _exec_dramatiq(settings, MAIL_QUEUE, processes, connections // processes)


@click.command()
def dispatcher() -> None:
    """Plan and release: one process, one thread for each kind of mail."""
    _exec_dramatiq(_ready(), DISPATCH_QUEUE, 1, 2)


@click.command()
def scheduler() -> None:
    """Wake the dispatcher every minute; survives Redis."""
    from quizmail.actors import broker
    from quizmail.scheduler import schedule

    url = _ready().redis_url
    schedule(broker, lambda: wait_for_redis(url))


@click.command()
def web() -> None:
    """Serve the unsubscribe pages and /healthz on PORT."""
    from quizmail.web.app import serve

    settings = wiring.current_settings()
    configure_log()
    wiring.open_database(settings)
    database.verify()
    log.info("web listens on http://%s:%d", settings.web_host, settings.port)
    serve(settings)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def run(command: tuple[str, ...]) -> None:
    """Start everything: the demo when there is no .env, else what the Procfile says.

    With a COMMAND: run only that quizmail command, in the environment that everything has.
    """
    from quizmail import launch

    launch.run(command)


@click.command()
def start() -> None:
    """Start everything in the background."""
    from quizmail import launch

    launch.start()


@click.command()
def stop() -> None:
    """Stop everything that runs from this folder."""
    from quizmail import launch

    launch.stop()


@click.command(hidden=True)
def redis() -> None:
    """Run a Redis server of our own."""
    from quizmail import demo as demo_mode
    from quizmail import redis_server

    settings = wiring.current_settings()
    redis_server.serve(settings.redis_url, demo_mode.REDIS if settings.demo else redis_server.FOLDER)


@click.command(hidden=True)
def inbox() -> None:
    """Run the demo's inbox, which delivers to nobody."""
    from quizmail.demo.inbox import serve

    settings = wiring.current_settings()
    serve(settings.relay_port, settings.demo_inbox)


@click.command(hidden=True)
def demo() -> None:
    """Run both jobs once and say where to look."""
    from quizmail.demo import run as demo_run

    demo_run.main()


COMMANDS = (worker, dispatcher, scheduler, web, run, start, stop, redis, inbox, demo)


def _ready() -> Settings:
    """Check the settings, the tables and the platform, wait for Redis, and return the settings."""
    settings = wiring.current_settings()
    configure_log()
    wiring.build(settings)
    wait_for_redis(settings.redis_url)
    return settings


def _exec_dramatiq(settings: Settings, queue: str, processes: int, threads: int) -> None:
    arguments = ["-m", "dramatiq", "quizmail.actors", "--queues", queue, "--skip-logging"]
    patience_ms = int(settings.shutdown_timeout.total_seconds() * 1000)
    numbers = {"processes": processes, "threads": threads, "worker-shutdown-timeout": patience_ms}
    options = [word for name, number in numbers.items() for word in (f"--{name}", str(number))]
    variables = ONE_HEAP | environment()
    os.execve(sys.executable, [sys.executable, *arguments, *options], variables)  # noqa: S606
