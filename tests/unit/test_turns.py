"""Writers of several processes to one SQLite file: each waits for its turn."""

import os
import signal
import sys
import threading
from datetime import UTC, datetime

import pytest
from peewee import IntegrityError, OperationalError

from quizmail import database, models, turns
from quizmail.models import Moment
from tests.support.processes import started, wait_until

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

HOLD = """
import sys, time
from quizmail import database, models
models.bind(database.connect(sys.argv[1]))
with database.transaction():
    print("mine", flush=True)
    while True:
        time.sleep(1)
"""


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/own.db"


@pytest.fixture
def ours(url):
    models.bind(database.connect(url))
    database.migrate(NOON)
    yield models.database.obj
    models.database.obj.close()


@pytest.fixture
def another_process(ours, url, tmp_path):
    output = tmp_path / "output"
    with started([sys.executable, "-c", HOLD, url], output, cwd=tmp_path) as running:
        wait_until(lambda: "mine" in output.read_text(), "the other process")
        yield running


def note(name):
    try:
        with database.transaction():
            Moment.insert(name=name, at=NOON).execute()
    finally:
        models.database.obj.close()


def note_at_once(name):
    try:
        Moment.insert(name=name, at=NOON).execute()
    finally:
        models.database.obj.close()


@pytest.mark.parametrize("write", [note, note_at_once], ids=["transaction", "single statement"])
def test_a_writer_waits_for_another_process_and_not_for_one_that_died(another_process, write):
    writer = threading.Thread(target=write, args=["a"])
    writer.start()
    writer.join(0.2)
    assert writer.is_alive()

    os.kill(another_process.process.pid, signal.SIGKILL)

    writer.join()
    assert Moment.get_or_none(Moment.name == "a")


@pytest.mark.parametrize("write", [note, note_at_once], ids=["transaction", "single statement"])
def test_a_process_that_is_stuck_in_its_turn_is_not_waited_for_without_end(
    another_process, write, monkeypatch
):
    monkeypatch.setattr(turns, "PATIENCE", 0.1)

    with pytest.raises(OperationalError, match="locked"):
        write("a")

    assert Moment.get_or_none(Moment.name == "a") is None


def test_what_is_wrong_with_a_statement_is_said_at_once(ours):
    with pytest.raises(IntegrityError):
        Moment.insert(name=database.INSTALLED, at=NOON).execute()


def test_readers_wait_for_nobody(another_process):
    assert database.installed_at() == NOON


def test_a_turn_inside_a_turn_does_not_end_it(ours, another_process):
    os.kill(another_process.process.pid, signal.SIGKILL)
    with ours.turn:
        note_at_once("a")
        with database.transaction():
            Moment.insert(name="b", at=NOON).execute()
        writer = threading.Thread(target=note, args=["c"])
        writer.start()
        writer.join(0.1)
        assert writer.is_alive()
    writer.join()
    assert Moment.select().count() == 4
