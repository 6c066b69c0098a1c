"""``quizmail run``: every process of the Procfile on this machine, and in demo mode the local extras too.

It is demo mode when nothing is configured: no ``.env``, and no QUIZ_DATABASE_URL in the environment.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from honcho.environ import parse_procfile

from quizmail import settings
from quizmail.demo import setup
from quizmail.demo.ports import answers
from quizmail.errors import ConfigurationError
from quizmail.launch.lock import holder, only_one
from quizmail.launch.supervisor import supervise
from quizmail.redis_server import loopback_port

#: Held by the process that runs everything from this folder.
LOCK = Path("var/quizmail.lock")

_ENGINE = ("web", "worker", "dispatcher", "scheduler")
#: What the others need until they have stopped: the queue, and the server that takes their mails.
_LAST = ("redis", "inbox")
_DEFAULT_REDIS = "redis://127.0.0.1:6379/0"


def run(command: Sequence[str] = ()) -> None:
    """Run every process until Ctrl-C, and exit; or become one `command` with the environment they get.

    Args:
        command: the name and the arguments of a ``quizmail`` command, such as ``("status", "--json")``.

    Raises:
        ConfigurationError: when a setting is wrong, or everything already runs from this folder.
    """
    if command:
        os.execve(  # noqa: S606
            sys.executable, _quizmail(*command), _environment(running=holder(LOCK) is not None)
        )
    with only_one(LOCK):
        sys.exit(_run_everything(_environment(running=False)))


def is_demo(environment: Mapping[str, str]) -> bool:
    """Say whether `environment` asks for demo mode, or nothing is configured here."""
    if environment.get("QUIZMAIL_DEMO", "").lower() in {"true", "1", "yes"}:
        return True
    return not Path(".env").exists() and not environment.get("QUIZ_DATABASE_URL")


def _environment(*, running: bool) -> dict[str, str]:
    base = settings.environment()
    # The Procfile says `python`; it must be the one that has the requirements.
    base["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), base.get("PATH", os.defpath)))
    base["PYTHONUNBUFFERED"] = "1"
    # Milliseconds that an idle worker sleeps before it looks up: it is to stop within moments.
    base.setdefault("dramatiq_worker_timeout", "250")
    # The supervisor kills after PATIENCE; Dramatiq itself needs up to two seconds around this.
    base.setdefault("SHUTDOWN_TIMEOUT_SECONDS", "2.5")
    return setup.prepare(base, datetime.now(UTC), running=running) if is_demo(base) else base


def _run_everything(environment: Mapping[str, str]) -> int:
    settings.load(environment)
    commands = dict(_commands(environment))
    migrated = subprocess.run(_quizmail("migrate"), env=environment, check=False)  # noqa: S603
    return migrated.returncode or supervise(commands, environment, last=_LAST)


def _commands(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield name and command of each process to start; ``release`` is not one of them."""
    known = {**_procfile(Path("Procfile")), **_procfile(Path("Procfile.local"))}
    extras: tuple[str, ...] = ("redis",) if _needs_redis(environment) else ()
    for name in (*(setup.PROCESSES if is_demo(environment) else extras), *_ENGINE):
        yield name, known[name]


def _needs_redis(environment: Mapping[str, str]) -> bool:
    """Say whether REDIS_URL is unset and nothing answers at its default either."""
    return not environment.get("REDIS_URL") and not answers(loopback_port(_DEFAULT_REDIS))


def _procfile(file: Path) -> Mapping[str, str]:
    try:
        processes: Mapping[str, str] = parse_procfile(file.read_text()).processes
    except FileNotFoundError:
        raise ConfigurationError(
            [f"{file} is not in this folder: run it where Quizmail was unpacked"]
        ) from None
    return processes


def _quizmail(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "quizmail", *arguments]
