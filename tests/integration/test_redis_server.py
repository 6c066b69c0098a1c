"""The embedded Redis: keeps what it was given through a kill, and is one process that obeys signals."""

import os
import signal
import socket
import sys

import pytest
from redis import Redis, RedisError

from tests.support.processes import alive, started, wait_until

SERVE = "from pathlib import Path; from quizmail.redis_server import serve; serve({!r}, Path('data'))"


@pytest.fixture
def url():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{probe.getsockname()[1]}/0"


@pytest.fixture
def server(tmp_path, url):
    return lambda: started([sys.executable, "-c", SERVE.format(url)], tmp_path / "output", cwd=tmp_path)


@pytest.fixture
def client(url):
    with Redis.from_url(url) as client:
        yield client


def answers(client):
    try:
        return client.ping()
    except RedisError:
        return False


def test_what_it_was_given_survives_a_kill(server, client):
    with server() as running:
        wait_until(lambda: answers(client), "Redis")
        client.rpush("waiting", *range(100))
        os.kill(running.process.pid, signal.SIGKILL)
        running.process.wait()
    with server():
        wait_until(lambda: answers(client), "Redis")
        assert client.llen("waiting") == 100


def test_it_stops_at_a_signal_and_leaves_no_process(server, client):
    with server() as running:
        wait_until(lambda: answers(client), "Redis")
        assert running.press(signal.SIGTERM) == 0
        assert not alive(running.process.pid)
        assert not answers(client)


def test_it_listens_on_the_loopback_address_only(server, client):
    with server():
        wait_until(lambda: answers(client), "Redis")
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
