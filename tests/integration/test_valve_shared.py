"""Dispatchers and workers of two processes draw on one valve at once."""

import itertools
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context

import pytest

from quizmail import database, models
from quizmail.models import Delivery, Recipient
from quizmail.outbox.valve import Pace, admit, release_paced

PROCESSES, THREADS = 2, 4
ROWS, LIMIT = 400, 300
PACE = Pace(timedelta(minutes=10), rate_per_second=30, limit_per_day=LIMIT)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/quizmail.db"
    return request.getfixturevalue("postgresql_url")


@pytest.fixture
def ours(url):
    opened = open_ours(url)
    database.migrate(datetime(2026, 1, 1, tzinfo=UTC))
    yield opened
    close(opened)


def open_ours(url):
    opened = database.connect(url)
    models.bind(opened)
    return opened


def close(opened):
    opened.close()
    if hasattr(opened, "close_all"):
        opened.close_all()


def plan(now):
    recipient = Recipient.create(user_id="1")
    row = {"kind": "reminder", "period": "2026-11-23", "recipient": recipient, "due_at": now}
    row |= {"expires_at": now + timedelta(hours=1), "planned_at": now}
    Delivery.insert_many([{**row, "user_id": str(n)} for n in range(ROWS)]).execute()


def draw_in_threads(url, now, by_hand):
    """Draw shares in some threads of this process until there are no more; return them with their rows."""
    opened = open_ours(url)
    with ThreadPoolExecutor(THREADS) as threads:
        drawn = list(threads.map(draw, [now] * THREADS, by_hand))
    close(opened)
    return list(itertools.chain(*drawn))


def draw(now, by_hand):
    """Draw shares as a dispatcher does, and one at a time for rows that somebody sends by hand."""
    found = []
    while shares := release_paced(now, 7, PACE):
        found += shares
        row_id = next(by_hand, None)
        at = row_id and admit(row_id, now, PACE)
        if at:
            found.append((row_id, at))
    models.database.close()
    return found


def test_rate_and_limit_hold_over_threads_and_processes(ours, url):
    now = datetime.now(UTC)
    plan(now)
    by_hand = [iter(range(ROWS - n, 0, -8)) for n in range(THREADS)]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as processes:
        work = [processes.submit(draw_in_threads, url, now, by_hand) for _ in range(PROCESSES)]
        drawn = set(itertools.chain(*(each.result() for each in work)))

    ordered = sorted(at for _row_id, at in drawn)
    assert len({row_id for row_id, _at in drawn}) == len(drawn) == LIMIT
    assert ordered == [now + n * PACE.spacing for n in range(LIMIT)]  # no gap, no burst
    released = Delivery.select(Delivery.id, Delivery.due_at).where(Delivery.released_at.is_null(False))
    assert set(released.tuples()) == drawn
