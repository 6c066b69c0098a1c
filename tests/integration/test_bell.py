"""The bell on a real Redis: one message for a round, and a count of deliveries, not of messages."""

import sys

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker
from redis import Redis, RedisError

from quizmail.broker import MAIL_QUEUE, DramatiqBell
from tests.support.processes import started, wait_until
from tests.support.stack import free_port

SERVE = "from pathlib import Path; from quizmail.redis_server import serve; serve({!r}, Path('data'))"


@pytest.fixture
def broker(tmp_path):
    url = f"redis://127.0.0.1:{free_port()}/0"
    command = [sys.executable, "-c", SERVE.format(url)]
    with started(command, tmp_path / "output", cwd=tmp_path), Redis.from_url(url) as client:
        wait_until(lambda: answers(client), "Redis")
        broker = RedisBroker(url=url, middleware=[])
        for name in ("deliver", "send_daily_reminder"):
            dramatiq.actor(print, actor_name=name, queue_name=MAIL_QUEUE, broker=broker)
        yield broker
        broker.close()


def answers(client):
    try:
        return client.ping()
    except RedisError:
        return False


def test_a_round_is_one_message_with_our_ids_and_nothing_else(broker):
    DramatiqBell(broker, "deliver").ring([[3, 1, 2], [4]])

    consumer, messages = broker.consume(MAIL_QUEUE, prefetch=2, timeout=1000), []
    while len(messages) < 2:
        messages += filter(None, [next(consumer)])
    consumer.close()
    assert [list(message.args) for message in messages] == [[3, 1, 2], [4]]


def test_what_waits_is_counted_in_deliveries(broker):
    bell = DramatiqBell(broker, "deliver")
    assert bell.waiting() == 0

    bell.ring([[1, 2, 3], [4]])
    broker.get_actor("send_daily_reminder").send("42", "2026-11-23")
    assert bell.waiting() == 5
