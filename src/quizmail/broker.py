"""The Dramatiq broker: Redis, reached at the first message and not when this module is imported."""

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache
from types import FrameType
from typing import Any, TextIO

import redis
from dramatiq import Middleware
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import dq_name
from dramatiq.middleware import AgeLimit, Callbacks, Pipelines, Retries
from periodiq import PeriodiqMiddleware
from redis.connection import Connection, parse_url

from quizmail import database, wiring
from quizmail.wiring import Engine

log = logging.getLogger(__name__)

MAIL_QUEUE = "mail"
DISPATCH_QUEUE = "dispatch"

#: How many commands out of a million look for the messages of dead workers. An idle worker fetches about
#: 1.3 times a second, so that they come back seconds after the heartbeat's minute, not in thirteen.
MAINTENANCE_CHANCE = 100_000

#: A tick is never dropped for being late: it asks what is due, whenever it comes. In seconds.
TICKS_ARE_NEVER_LATE = 10 * 365 * 86_400


class DramatiqBell:
    """Rings for a round of deliveries by one Dramatiq message. It holds our rows' ids and nothing else."""

    def __init__(self, broker: RedisBroker, actor_name: str) -> None:
        self._broker = broker
        self._actor_name = actor_name

    def ring(self, rounds: Sequence[Sequence[int]]) -> None:
        """Send a message for each round."""
        actor = self._broker.get_actor(self._actor_name)
        for delivery_ids in rounds:
            actor.send(*delivery_ids)

    def ring_later(self, delivery_id: int, wait: timedelta) -> None:
        """Send a message that a worker takes up after `wait`, and about a second more."""
        actor = self._broker.get_actor(self._actor_name)
        actor.send_with_options(args=(delivery_id,), delay=max(0, int(wait.total_seconds() * 1000)))

    def waiting(self) -> int:
        """Return how many deliveries wait in Redis; those that workers have fetched are not counted."""
        return sum(map(self._named_by, self._waiting(MAIL_QUEUE) + self._waiting(dq_name(MAIL_QUEUE))))

    def _waiting(self, queue: str) -> list[bytes]:
        client, name = self._broker.client, f"{self._broker.namespace}:{queue}"
        ids = client.lrange(name, 0, -1)
        messages: Sequence[Any] = client.hmget(f"{name}.msgs", ids) if ids else []
        return [message for message in messages if message is not None]

    def _named_by(self, message: bytes) -> int:
        """Return for how many deliveries a message is: those of its round, or one user's."""
        content = json.loads(message)
        return len(content["args"]) if content["actor_name"] == self._actor_name else 1


class Runtime(Middleware):
    """Sets a worker process up, and gives connections back after each message."""

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        """Configure the log and build the engine, so that a wrong configuration shows at the start."""
        # Not through Dramatiq's main process, which would have to take up and write every line once more.
        configure_log(sys.__stderr__)
        obey_only_once(signal.SIGTERM)
        prefer_throughput()
        engine()

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        """Let every thread end with the mail that it is at."""
        engine().deliverer.stop()

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        """Write what could not be finished in time as unknown, and say so."""
        if given_up := engine().deliverer.give_up():
            log.warning("stopped while %d mails waited for their answer: their outcome is unknown", given_up)

    def before_worker_thread_shutdown(self, broker: Any, thread: Any) -> None:
        """Quit the thread's SMTP connection politely."""
        mailers = engine().mailers
        if isinstance(mailers, wiring.Mailers):
            mailers.close()

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Give the thread's database connections back."""
        failed, platform = exception is not None, engine().platform
        database.give_back(failed=failed)
        if failed or not platform.is_sqlite:
            platform.close()

    after_skip_message = after_process_message


def make_broker() -> RedisBroker:
    """Return a broker that reads REDIS_URL when its first connection is made."""
    client = redis.Redis(connection_pool=redis.ConnectionPool(connection_class=_connect))
    # No TimeLimit and no ShutdownNotifications: their asynchronous exceptions could land between the
    # server's 250 and our commit, and cannot interrupt a socket anyway.
    middleware = [
        AgeLimit(),
        Callbacks(),
        Pipelines(),
        Retries(),
        PeriodiqMiddleware(skip_delay=TICKS_ARE_NEVER_LATE),
        Runtime(),
    ]
    return RedisBroker(client=client, middleware=middleware, maintenance_chance=MAINTENANCE_CHANCE)


@cache
def engine() -> Engine:
    """Return this process's engine, built at the first call; its bell is the broker."""
    import dramatiq

    broker = dramatiq.get_broker()
    assert isinstance(broker, RedisBroker)  # noqa: S101
    return wiring.build(wiring.current_settings(), bell=DramatiqBell(broker, "deliver"))


def obey_only_once(number: signal.Signals) -> None:
    """Let this process ignore the signal after the first time.

    Whoever stops a whole process group signals a worker process twice, once himself and once through
    Dramatiq's main process, which passes it on. Dramatiq takes the second for an order to drop
    everything, and mails in flight would be torn off.
    """
    obey = signal.getsignal(number)
    if not callable(obey) or threading.current_thread() is not threading.main_thread():
        return

    def once(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        obey(number, frame)

    signal.signal(number, once)


def prefer_throughput() -> None:
    """Ask Linux to let the threads of this process run on when another one wakes up (``SCHED_BATCH``).

    A worker's threads wake each other up some ten times a mail, and none of them is in a hurry.
    """
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):  # A container may forbid it.
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def wait_for_redis(url: str, *, pause_seconds: float = 1.0) -> None:
    """Wait until Redis answers, and say so while it does not."""
    client = redis.Redis.from_url(url, socket_connect_timeout=5)
    where = parse_url(url)
    told = False
    while True:
        try:
            client.ping()
        except redis.RedisError as problem:
            if not told:
                place = f"{where.get('host', where.get('path', 'localhost'))}:{where.get('port', '')}"
                log.warning("waiting for Redis at %s (%s)", place.rstrip(":"), type(problem).__name__)
                told = True
            time.sleep(pause_seconds)
        else:
            client.close()
            return


def configure_log(stream: TextIO | None = None) -> None:
    """Send the log to `stream`, or else to standard error, at LOG_LEVEL.

    Libraries speak up from WARNING on.
    """
    logging.basicConfig(stream=stream, format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True)
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("quizmail").setLevel(wiring.current_settings().log_level)


def _connect(**options: Any) -> Connection:
    """Make a connection to where REDIS_URL points; what the URL says wins over the pool's defaults."""
    target: dict[str, Any] = dict(parse_url(wiring.current_settings().redis_url))
    kind = target.pop("connection_class", Connection)
    return kind(**{**options, **target})
