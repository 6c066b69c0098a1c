"""The Redis of a world, which can be killed, frozen, emptied and robbed of its files."""

import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError
from redis.backoff import NoBackoff
from redis.retry import Retry

from quizmail.redis_server import find_program
from tests.support.processes import wait_until
from tests.support.stack import free_port

#: The harness itself does not wait for a Redis that is away.
_IMPATIENT = {"socket_timeout": 0.3, "socket_connect_timeout": 0.3}


class QueueServer:
    """A Redis server on a port of its own, and a client of it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.client = redis.Redis(port=self.port, retry=Retry(NoBackoff(), 0), **_IMPATIENT)
        self._broker = RedisBroker(client=self.client, middleware=[])
        self._data, self._log = folder / "redis", folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it on what it had written, unless it runs."""
        if self._process and self._process.poll() is None:
            return
        self._data.mkdir(exist_ok=True)
        command = [str(find_program()), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self._data), "--appendonly", "yes", "--save", ""]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers, "Redis")

    def kill(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        self.kill()
        self.client.close()

    def forget(self) -> None:
        """Remove what it has written."""
        shutil.rmtree(self._data, ignore_errors=True)

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def flush(self) -> None:
        with suppress(redis.RedisError):
            self.client.flushall()

    def waiting(self, queue: str = "mail") -> int:
        """Return how many messages wait; more than ever can while it does not answer."""
        try:
            return self.client.llen(f"dramatiq:{queue}")
        except redis.RedisError:
            return sys.maxsize

    def send(self, queue: str, actor: str, *args: Any) -> None:
        """Send a message, which is lost while it does not answer."""
        with suppress(redis.RedisError, BrokerConnectionError):
            self._broker.enqueue(dramatiq.Message(queue, actor, args, {}, {}))

    def _answers(self) -> bool:
        with suppress(redis.RedisError):
            return bool(self.client.ping())
        return False
