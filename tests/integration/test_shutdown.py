"""A worker that is told to stop while the server thinks."""

import signal

import pytest

from quizmail.models import Delivery
from quizmail.states import DeliveryState, Failure
from tests.support.platforms import NativePlatform
from tests.support.smtp_server import At
from tests.support.stack import Stack, long_ago


@pytest.fixture
def stack(tmp_path, server):
    with NativePlatform(f"sqlite:///{tmp_path}/quiz.db") as site:
        site.quiz("Capitals", created_at=long_ago())
        site.user("ada@example.com", last_seen_at=long_ago())
        url = f"sqlite:///{tmp_path}/quizmail.db"
        settings = {"MAIL_BODY_TIMEOUT_SECONDS": "600", "SHUTDOWN_TIMEOUT_SECONDS": "1"}
        with Stack(tmp_path, site, server.port, url) as running:
            running.environment |= settings
            yield running


def a_worker_that_waits_for_its_answer(stack, server):
    server.plan = {At.DOT: "hang"}
    stack.start_redis()
    worker = stack.start("worker")
    stack.run("dispatch", "reminders")
    stack.wait_for(sending=1)
    return worker


def test_what_waits_for_its_answer_is_written_unknown_when_the_worker_is_stopped(stack, server):
    worker = a_worker_that_waits_for_its_answer(stack, server)

    worker.press(signal.SIGTERM)

    row = Delivery.get()
    assert (row.state, row.reason) == (DeliveryState.UNKNOWN, Failure.SHUTDOWN)


def test_an_operator_settles_it(stack, server):
    a_worker_that_waits_for_its_answer(stack, server).press(signal.SIGTERM)

    settled = stack.run("resolve", str(Delivery.get().id), "--sent", "--yes")

    assert "settled: 1" in settled.output
    assert Delivery.get().state == DeliveryState.SENT
