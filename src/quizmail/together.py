"""Small writes of several threads in one transaction, so that they share its one sync."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar, cast

from quizmail import models
from quizmail.database import transaction
from quizmail.turns import SharedSqlite

T = TypeVar("T")

#: Whose turn it is to write what waits.
_turn = threading.Lock()

#: In the order in which it came.
_waiting: deque["_Job[Any]"] = deque()


def together(work: Callable[[], T], *, durable: bool = True) -> T:
    """Run `work` in a write transaction and return its result, once that is committed.

    On SQLite threads that come while another one writes share the next transaction: a commit costs as much
    for eight mails as for one. PostgreSQL does the like by itself.

    Args:
        work: a few statements; it may be run twice, and by another thread.
        durable: as for ``database.transaction``.
    """
    database = models.database.obj
    if not isinstance(database, SharedSqlite) or database.in_transaction():
        # Others' work must not depend on what becomes of a transaction that is open already.
        with transaction(durable=durable):
            return work()
    job: _Job[T] = _Job(work, durable)
    _waiting.append(job)
    try:
        with _turn:
            if not job.is_done:
                _run_all(job)
    except BaseException:
        with suppress(ValueError):
            _waiting.remove(job)  # Who writes next must not do what is taken here for failed.
        raise
    return job.result()


class _Job(Generic[T]):
    """A piece of work, and what came of it."""

    def __init__(self, work: Callable[[], T], durable: bool) -> None:
        self.work, self.durable, self.is_done = work, durable, False
        self._value: T | None = None
        self._problem: Exception | None = None

    def attempt(self) -> None:
        self._value = self.work()

    def alone(self) -> None:
        """Run the work in a transaction of its own, and keep what it raises for whoever waits for it."""
        try:
            with transaction(durable=self.durable):
                self.attempt()
        except Exception as problem:
            self._problem = problem

    def result(self) -> T:
        if self._problem is not None:
            raise self._problem
        return cast(T, self._value)


def _run_all(mine: _Job[Any]) -> None:
    """Run this job and all others that wait when it is this process's turn to write."""
    database = models.database.obj
    with database.turn():
        others = [_waiting.popleft() for _ in range(len(_waiting))]
        # Not only what still waits: whoever had taken this job may have died with it.
        _run([mine, *(other for other in others if other is not mine)])


def _run(jobs: Sequence[_Job[Any]]) -> None:
    """Run the jobs in one transaction; when one of them fails, each in its own, so that no other suffers."""
    try:
        with transaction(durable=any(job.durable for job in jobs)):
            for job in jobs:
                job.attempt()
    except Exception:
        for job in jobs:
            job.alone()
    for job in jobs:
        job.is_done = True
