"""One world: a platform with its users, our database, Redis, the oracle, and the processes of Quizmail."""

import json
import os
import random
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from peewee import InterfaceError, OperationalError

from quizmail import database, models
from quizmail.models import Moment
from tests.chaos import people
from tests.chaos.clock import SharedClock
from tests.chaos.databases import Engine
from tests.chaos.faults import Schedule
from tests.chaos.history import History
from tests.chaos.nursery import Nursery
from tests.chaos.oracle import LOGIN
from tests.chaos.queue_server import QueueServer
from tests.support.configuration import environment
from tests.support.platforms import NativePlatform
from tests.support.processes import wait_until
from tests.support.stack import free_port

#: In seconds, real ones. A slow machine must not be taken for a silent server.
COMMAND_TIMEOUT, BODY_TIMEOUT = 1.0, 1.5

#: In milliseconds: how soon Dramatiq takes a silent process for a dead one.
HEARTBEAT = 2500

INSTALLED = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """Made by a schedule; ``with`` starts everything and leaves nothing running."""

    def __init__(self, schedule: Schedule, engine: Engine, nursery: Nursery) -> None:
        self.schedule, self.engine, self.nursery = schedule, engine, nursery
        self.folder = Path(tempfile.mkdtemp(prefix="quizmail-chaos-", dir="/tmp"))
        self.history = History(self.folder)
        self.clock = SharedClock(self.folder / "clock")
        self.clock.put(people.EVENING)
        self.mail_port, self.queue = free_port(), QueueServer(self.folder)
        self.running: dict[str, int] = {}
        self.lives: dict[str, int] = {}
        self._buried = 0

    def __enter__(self) -> "World":
        site_url, self.our_url = self.engine.urls(self.folder)
        with NativePlatform(site_url) as site:
            if site.is_sqlite:
                site.execute("PRAGMA synchronous = OFF")  # Nobody cuts the power while it is filled.
            self.people = people.settle(site, self.schedule.users, random.Random(self.schedule.seed))
        self.database = database.connect(self.our_url)
        models.bind(self.database)
        database.migrate(INSTALLED)
        for kind in ("reminder", "report"):
            Moment.insert(name=f"opened {kind}", at=people.EVENING.replace(hour=16, minute=30)).execute()
        self.environment = self._settings(site_url)
        self.queue.start()
        self._start_oracle()
        for name in self.hosts:
            self.start(name)
        for number in range(self.schedule.schedulers):
            self._fork(f"scheduler-{number}", "scheduler", [])
        wait_until(lambda: len(self.history.of("born")) >= len(self.hosts), "the processes")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.queue.close()
        self.forgiving(lambda: None, failed=True)
        self.history.close()
        self.clock.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """Kill whatever runs."""
        for pid in self.running.values():
            _signal_group(pid, signal.SIGKILL)
        wait_until(lambda: all(pid in self.nursery.ended for pid in self.running.values()), "the end")
        self.running.clear()
        self.queue.kill()

    @property
    def hosts(self) -> list[str]:
        numbers = (("worker", self.schedule.workers), ("dispatcher", self.schedule.dispatchers))
        return [f"{role}-{number}" for role, many in numbers for number in range(many)]

    def start(self, name: str) -> None:
        """Start a worker or a dispatcher; each life of it has the next of its points to die at."""
        life = self.lives.get(name, 0)
        self.lives[name] = life + 1
        role = name.partition("-")[0]
        queue, threads = ("mail", self.schedule.threads) if role == "worker" else ("dispatch", 2)
        orders = {
            "name": name,
            "history": str(self.history.path),
            "clock": str(self.folder / "clock"),
            "skew": self.schedule.skews.get(name, 0),
            "points": self.schedule.points.get(name, [])[life : life + 1],
            "doubled": self.schedule.doubled,
            "heartbeat": HEARTBEAT,
            "batch": self.schedule.batch,
            "page": self.schedule.page,
            "sabotage": self.schedule.sabotage,
        }
        arguments = ["tests.chaos.entry", "--queues", queue, "--processes", "1", "--threads", str(threads)]
        options = ["--skip-logging", "--worker-shutdown-timeout", "4000"]
        self._fork(name, "dramatiq", [*arguments, *options], CHAOS=json.dumps(orders))

    def tend(self) -> None:
        """Start again what has ended, as whoever runs the processes would."""
        for event in self.history.of("killed at")[self._buried :]:
            # Its master would take a second to notice.
            self._buried += 1
            _signal_group(self.running[event["by"]], signal.SIGKILL)
        for name, pid in list(self.running.items()):
            if pid in self.nursery.ended and name in self.hosts:
                self.history.tell("ended", name=name, group=pid, code=self.nursery.ended[pid])
                self.start(name)

    def strike(self, name: str, number: signal.Signals, *, group: bool = True) -> None:
        """Send a signal to a process group, or only to what works in it, which leaves its master alive."""
        leader = self.running[name]
        born = [event["pid"] for event in self.history.of("born") if event["by"] == name]
        self.history.tell("signalled", name=name, group=leader, signal=number.name)
        if group:
            _signal_group(leader, number)
        elif born:
            with suppress(ProcessLookupError):
                os.kill(born[-1], number)

    def tick(self) -> None:
        """Ring as the scheduler does every minute, unless enough rings wait."""
        if self.queue.waiting("dispatch") < 4:
            for name in ("dispatch_daily_reminders", "dispatch_monthly_reports"):
                self.queue.send("dispatch", name)

    def tell_oracle(self, words: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
            wire.sendto(words.encode(), str(self.folder / "oracle.sock"))

    def forgiving(self, ask: Callable[[], Any], *, failed: bool = False) -> Any:
        """Ask our database something; None while it is away."""
        try:
            return ask()
        except (OperationalError, InterfaceError):
            failed = True
            return None
        finally:
            if failed:
                with suppress(OperationalError, InterfaceError):
                    getattr(self.database, "close_all", self.database.close)()

    def logs(self) -> list[str]:
        """Return the last that each process said."""
        return [
            f"{file.stem}: {line}"
            for file in sorted(self.folder.glob("*.log"))
            for line in file.read_text(errors="replace").splitlines()[-12:]
        ]

    def accepted(self) -> list[dict[str, Any]]:
        """Return what the oracle has, from its file."""
        with suppress(FileNotFoundError):
            return [json.loads(line) for line in (self.folder / "accepted.jsonl").read_text().splitlines()]
        return []

    def _start_oracle(self) -> None:
        orders = {
            "folder": str(self.folder),
            "port": self.mail_port,
            "plan": self.schedule.smtp,
            "latency": self.schedule.latency,
            "offers": [*self.schedule.offers, *(["AUTH PLAIN LOGIN"] if self.schedule.login else [])],
            "login": self.schedule.login,
            "tls": self.schedule.tls,
        }
        self._fork("oracle", "oracle", [json.dumps(orders)])
        wait_until(lambda: self.history.of("listens"), "the oracle")

    def _fork(self, name: str, program: str, arguments: list[str], **more: str) -> None:
        output = self.folder / f"{name}.log"
        self.running[name] = self.nursery.start(program, arguments, {**self.environment, **more}, output)

    def _settings(self, site_url: str) -> dict[str, str]:
        chosen = self.schedule
        login = {"MAIL_USERNAME": LOGIN[0], "MAIL_PASSWORD": LOGIN[1]} if chosen.login else {}
        tls = {"MAIL_USE_TLS": "true", "MAIL_CA_FILE": str(self.folder / "ca.pem")} if chosen.tls else {}
        return {
            "PATH": os.environ["PATH"],
            "dramatiq_restart_delay": "300",
            **environment(
                QUIZ_DATABASE_URL=site_url,
                DATABASE_URL=self.our_url,
                REDIS_URL=f"redis://127.0.0.1:{self.queue.port}/0",
                MAIL_PORT=str(self.mail_port),
                MAIL_COMMAND_TIMEOUT_SECONDS=str(COMMAND_TIMEOUT),
                MAIL_BODY_TIMEOUT_SECONDS=str(BODY_TIMEOUT),
                MAIL_MESSAGES_PER_CONNECTION=str(chosen.mails_per_connection),
                MONTHLY_REPORT_HOUR="18",
                SEND_MAX_WAITING=str(chosen.max_waiting),
                HOLD_AFTER_FAILURES=str(chosen.hold_after_failures),
                **chosen.settings,
                **login,
                **tls,
            ),
        }


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)
