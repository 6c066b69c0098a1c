"""Writing together: threads that write at the same time share one transaction."""

import sqlite3
import threading
from collections import Counter
from contextlib import closing, suppress
from datetime import UTC, datetime

import pytest
from peewee import IntegrityError, OperationalError

from quizmail import database, models, turns
from quizmail.models import Moment
from quizmail.together import Together
from quizmail.turns import SharedSqlite
from tests.support.processes import wait_until

together = Together(lambda works: [work() for work in works])
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def ours(tmp_path):
    models.bind(database.connect(f"sqlite:///{tmp_path}/own.db"))
    database.migrate(NOON)
    yield models.database.obj
    models.database.obj.close()


def written():
    return {name for (name,) in Moment.select(Moment.name).tuples()} - {database.INSTALLED}


def note(name):
    Moment.insert(name=name, at=NOON).execute()
    return name


def is_taken(turn):
    """Say whether another thread has the turn."""
    if not turn.acquire(blocking=False):
        return True
    turn.release()
    return False


def write_at_once(works, everybody_waits=lambda: None):
    """Have a thread of its own do each of `works` while nobody may write, and return what they came to."""
    results, threads = {}, []

    def do(name, work):
        try:
            results[name] = together.write(work)
        except BaseException as problem:
            results[name] = problem
        finally:
            models.database.obj.close()

    with database.transaction():
        for name, work in works.items():
            threads.append(threading.Thread(target=do, args=(name, work)))
            threads[-1].start()
        while len(together._waiting) < len(works):
            threading.Event().wait(0.001)
        everybody_waits()
    for thread in threads:
        thread.join()
    return results


def test_one_piece_of_work_is_committed_and_its_result_returned(ours):
    assert together.write(lambda: note("a")) == "a"
    assert written() == {"a"}


def test_of_threads_that_wait_one_writes_for_all_and_each_gets_its_own_result(ours):
    names = [str(n) for n in range(8)]

    results = write_at_once({name: lambda name=name: (note(name), threading.get_ident()) for name in names})

    assert {name: result[0] for name, result in results.items()} == {name: name for name in names}
    assert len({result[1] for result in results.values()}) == 1
    assert written() == set(names)


def test_work_that_fails_undoes_none_of_the_others(ours):
    note("taken")
    works = {"one": lambda: note("one"), "broken": lambda: note("taken"), "two": lambda: note("two")}

    results = write_at_once(works)

    assert isinstance(results.pop("broken"), IntegrityError)
    assert results == {"one": "one", "two": "two"}
    assert written() == {"taken", "one", "two"}


def test_what_raises_reaches_the_caller_and_leaves_nothing_behind(ours):
    def broken():
        note("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        together.write(broken)
    assert written() == set()
    assert together.write(lambda: note("a")) == "a"


def test_work_whose_taker_died_is_done_by_its_own_thread(ours):
    def everybody_waits():
        together._waiting.clear()  # Somebody had taken it all to write it, and was killed.

    assert write_at_once({"a": lambda: note("a")}, everybody_waits) == {"a": "a"}
    assert written() == {"a"}


def test_work_of_others_does_not_go_down_with_a_transaction_that_is_undone(ours):
    class Undone(Exception):
        pass

    def undo():
        with suppress(Undone), database.transaction():
            together.write(lambda: note("mine"))
            raise Undone

    assert write_at_once({"theirs": lambda: note("theirs")}, undo) == {"theirs": "theirs"}
    assert written() == {"theirs"}


def test_what_did_not_get_its_turn_is_not_written_later(ours, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(SharedSqlite, "begin", interrupt)
        with pytest.raises(KeyboardInterrupt):
            together.write(lambda: note("a"))

    assert together.write(lambda: note("b")) == "b"
    assert written() == {"b"}


def test_what_came_while_another_process_wrote_is_written_with_the_rest(ours):
    path, threads, results = ours.database, [], []
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")

    def do(name):
        try:
            results.append(together.write(lambda: (note(name), threading.get_ident())))
        finally:
            models.database.obj.close()

    def start(name, is_there):
        threads.append(threading.Thread(target=do, args=[name]))
        threads[-1].start()
        wait_until(is_there, f"the {name} writer")

    start("first", lambda: is_taken(ours.turn) and not together._waiting)
    start("second", lambda: together._waiting)
    other.execute("ROLLBACK")
    for thread in threads:
        thread.join()
    other.close()

    assert written() == {"first", "second"}
    assert len({writer for _, writer in results}) == 1


def test_a_lone_write_waits_for_another_process_once(ours, monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", 0.1)
    begun = []
    begin = SharedSqlite.begin
    monkeypatch.setattr(SharedSqlite, "begin", lambda *given: (begun.append(1), begin(*given)))
    with closing(sqlite3.connect(ours.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            together.write(lambda: note("a"))

    assert len(begun) == 1


def test_what_was_committed_alone_is_not_done_again_when_the_writer_dies_over_the_next(ours):
    class Killed(BaseException):
        pass

    tries = Counter()

    def die():
        tries["killed"] += 1
        if tries["killed"] > 1:
            raise Killed
        raise ZeroDivisionError

    def count(name):
        tries[name] += 1
        return note(name)

    write_at_once({"first": lambda: count("first"), "killed": die, "last": lambda: count("last")})

    assert tries["first"] == 2  # once with the others, which was undone, and once alone
    assert written() == {"first", "last"}


def test_a_lone_write_that_failed_is_not_done_again_by_others(ours):
    note("taken")
    with pytest.raises(IntegrityError):
        together.write(lambda: note("taken"), durable=False)

    assert not together._waiting
    assert together.write(lambda: note("a"), durable=False) == "a"
    assert written() == {"taken", "a"}
