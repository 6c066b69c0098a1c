"""Mails per second end to end, beside the rate of an actor that does nothing.

The workers are ready before the first message is sent. The mails are planned; they are released, and their
messages sent, while the workers work. The time runs from the first message that a worker takes up to the
last one that a worker is done with. The actor that does nothing gets as many messages through the same
Redis, sent one by one while it works, with as many processes and threads; half of them before the mails and
half after them, since a machine is not equally fast at all times.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks import servers, stopwatch
from benchmarks.figures import Figure
from benchmarks.scene import Scene, scene
from benchmarks.servers import Failed, python
from benchmarks.stopwatch import Lap
from quizmail.broker import MAIL_QUEUE, DramatiqBell
from quizmail.cli.processes import ONE_HEAP
from quizmail.models import Delivery
from quizmail.states import DeliveryState, Kind

PROCESSES = 2
THREADS = 8

#: The share of the rate of an actor that does nothing.
TARGET = 0.4

#: The peak memory of a worker process, in MB.
MOST_MEMORY = 70

#: The longest that one measurement may take, in seconds.
LIMIT = 300.0


@dataclass(frozen=True)
class Crew:
    """The worker processes of one measurement: where they run, on which Redis."""

    folder: Path
    redis_url: str

    def work_off(
        self, module: str, broker: RedisBroker, environment: Mapping[str, str], feed: Callable[[], object]
    ) -> Sequence[Lap]:
        """Have workers with the actors of `module` do all that `feed` sends; return what each process did."""
        folder = Path(tempfile.mkdtemp(prefix=f"{module}-", dir=self.folder))
        variables = {**ONE_HEAP, **environment, "REDIS_URL": self.redis_url, stopwatch.FOLDER: str(folder)}
        arguments = [
            "-m",
            "dramatiq",
            module,
            "benchmarks.stopwatch",
            "--queues",
            MAIL_QUEUE,
            "--skip-logging",
        ]
        options = ["--processes", str(PROCESSES), "--threads", str(THREADS)]
        with servers.started(python(*arguments, *options), folder, variables) as workers:
            servers.until(lambda: stopwatch.ready(folder) == PROCESSES, workers, folder, "the workers")
            feed()
            servers.until(lambda: not _unfinished(broker), workers, folder, "the workers", LIMIT)
        return stopwatch.read(folder)


def measure(folder: Path, mails: int) -> tuple[str, list[Figure]]:
    """Send `mails` reminders; return the database's description and the figures."""
    with servers.redis_server(folder) as url, servers.smtp_sink(folder) as sink:
        broker = _our_end(url)
        try:
            crew, bell = Crew(folder, url), DramatiqBell(broker, "deliver")
            idle = _idle_seconds(crew, broker, bell, mails)
            variables = {"REDIS_URL": url, "MAIL_PORT": str(sink.port), "MAIL_MAX_CONNECTIONS": "16"}
            with scene(folder, mails, 1, variables, bell) as made:
                made.engine.by_hand.run(made.slots[Kind.REMINDER])
                laps = crew.work_off(
                    "quizmail.actors", broker, made.environment, lambda: _release(made, mails)
                )
                _check(mails, sink.end(), folder)
                idle += _idle_seconds(crew, broker, bell, mails)
                return made.durability, _figures(mails, mails / idle, laps)
        finally:
            broker.close()


def _idle_seconds(crew: Crew, broker: RedisBroker, bell: DramatiqBell, mails: int) -> float:
    """Have half as many messages as there are mails done nothing for, and return how long that takes."""
    rounds = [[number] for number in range(mails // 2)]
    return stopwatch.seconds(crew.work_off("benchmarks.noop", broker, {}, lambda: bell.ring(rounds)))


def _release(made: Scene, mails: int) -> None:
    released = made.engine.dispatcher.pump(timedelta(seconds=LIMIT))
    if released != mails:
        raise Failed(f"{released} mails were released, {mails} should be")


def _check(mails: int, taken: int, folder: Path) -> None:
    sent = Delivery.select().where(Delivery.state == DeliveryState.SENT).count()
    if not mails == sent == taken:
        (where,) = folder.glob("quizmail.actors-*")
        log = servers.last_lines(where)
        raise Failed(f"of {mails} mails {sent} are written down as sent and the server took {taken}:\n{log}")


def _figures(mails: int, idle: float, laps: Sequence[Lap]) -> list[Figure]:
    rate = mails / stopwatch.seconds(laps)
    peak = max(lap.peak_kib for lap in laps) * 1024 / 1_000_000
    return [
        Figure(f"sending {mails} reminders, end to end", rate, "mails/s"),
        Figure("an actor that does nothing", idle, "messages/s"),
        Figure("sending, as a share of doing nothing", rate / idle, "", 2, at_least=TARGET),
        Figure("peak memory of a worker process", peak, "MB", 1, at_most=MOST_MEMORY),
    ]


def _our_end(url: str) -> RedisBroker:
    """Return a broker that can send the message ``deliver`` and has no other part of the engine."""
    broker = RedisBroker(url=url, middleware=[])
    dramatiq.actor(lambda delivery_id: None, actor_name="deliver", queue_name=MAIL_QUEUE, broker=broker)
    return broker


def _unfinished(broker: RedisBroker) -> int:
    """Return how many messages wait or are being worked on; those to be tried again later count."""
    keys = [f"{broker.namespace}:{queue}.msgs" for queue in (MAIL_QUEUE, f"{MAIL_QUEUE}.DQ")]
    return sum(broker.client.hlen(key) for key in keys)
