"""Small writes of several threads in one transaction, so that they share its one sync."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar, cast

from quizmail import models
from quizmail.database import transaction
from quizmail.turns import SharedSqlite

W = TypeVar("W")
R = TypeVar("R")


class Together(Generic[W, R]):
    """Writes that threads may have to make at the same time. All threads of a process share one."""

    def __init__(self, write_all: Callable[[Sequence[W]], Sequence[R]]) -> None:
        """`write_all` writes several works, in the transaction that is open, and returns a result for each.

        What it raises undoes all of them, and each of several is then tried alone.
        """
        self._write_all = write_all
        self._waiting: deque[_Job[W, R]] = deque()  # in the order in which it came

    def write(self, work: W, *, durable: bool = True) -> R:
        """Write `work` in a write transaction and return its result, once that is committed.

        On SQLite threads that come while another one writes share the next transaction: a commit costs as
        much for eight mails as for one. PostgreSQL does the like by itself.

        Args:
            work: a few statements; they may be run twice, and by another thread.
            durable: as for ``database.transaction``.
        """
        database = models.database.obj
        if not isinstance(database, SharedSqlite) or database.in_transaction():
            # Others' work must not depend on what becomes of a transaction that is open already.
            with transaction(durable=durable):
                return self._write_all([work])[0]
        job: _Job[W, R] = _Job(work, durable)
        self._waiting.append(job)
        try:
            with database.turn:
                if not job.is_done:
                    self._run(job)
        except BaseException:
            with suppress(ValueError):
                self._waiting.remove(job)  # Who writes next must not do what is taken here for failed.
            raise
        return job.result()

    def _run(self, mine: "_Job[W, R]") -> None:
        """Run this job and all others that wait in one transaction; when that fails, each in its own."""
        with suppress(ValueError):  # Whoever had taken it may have died with it.
            self._waiting.remove(mine)
        jobs, is_synced = [mine], mine.durable or bool(self._waiting)
        try:
            with transaction(durable=is_synced):
                if is_synced:
                    # Not sooner: more come while another process writes. What is synced is so for all.
                    jobs += [self._waiting.popleft() for _ in range(len(self._waiting))]
                values = self._write_all([job.work for job in jobs])
        except Exception as problem:
            if len(jobs) == 1:
                mine.end(problem=problem)
                return
            for job in jobs:
                self._run_alone(job)
        else:
            for job, value in zip(jobs, values, strict=True):
                job.end(value)

    def _run_alone(self, job: "_Job[W, R]") -> None:
        """Run the work in a transaction of its own, and keep what it raises for whoever waits for it."""
        try:
            with transaction(durable=job.durable):
                value = self._write_all([job.work])[0]
        except Exception as problem:
            job.end(problem=problem)
        else:
            job.end(value)


class _Job(Generic[W, R]):
    """A piece of work, and what came of it."""

    def __init__(self, work: W, durable: bool) -> None:
        self.work, self.durable, self.is_done = work, durable, False
        self.value: R | None = None
        self.problem: Exception | None = None

    def end(self, value: R | None = None, problem: Exception | None = None) -> None:
        """Keep what came of it. Whatever happens to others from now on, it is not done again."""
        self.value, self.problem, self.is_done = value, problem, True

    def result(self) -> R:
        if self.problem is not None:
            raise self.problem
        return cast(R, self.value)
