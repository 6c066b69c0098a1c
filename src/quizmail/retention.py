"""Growing forgetful: what is older than KEEP_DELIVERIES_DAYS goes, a batch at a time.

What a user told us, the last reminder's instant, opt-outs and the suppression list stay, and so do the months
that were computed, lest one be computed anew. Nothing goes that is planned or being sent.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from peewee import CompositeKey, fn

from quizmail.database import transaction
from quizmail.fields import encode_instant
from quizmail.models import Alert, Delivery, MonthFigure, Run, SoftHit, Tombstone
from quizmail.outbox import tombstones
from quizmail.states import FINAL_STATES, RunState

#: How many rows of a table one sweep deletes at most: less than a tenth of a second's work.
BATCH = 1000

#: What is younger may stop a second mail still: October's report can be ordered by hand until the reports of
#: November go out, up to 62 days after October's slots have opened somewhere.
LEAST = timedelta(days=70)


def sweep(now: datetime, keep: timedelta, longest_deadline: timedelta = timedelta(0)) -> int:
    """Delete at most ``BATCH`` old rows of each table and return how many deliveries went.

    A delivery goes when its time to live has ended so long ago, and it is in a final state. `keep` counts as
    seventy days, or as a week more than `longest_deadline`, at least: a slot that a tick may still open
    has its run.
    """
    before = now - max(keep, LEAST, longest_deadline + timedelta(days=7))
    gone = 0
    for table, which in _old(before):
        count = _delete_some(table, which)
        gone += count if table is Delivery else 0
    return gone


def _delete_some(table: Any, which: Any) -> int:
    key = table._meta.primary_key
    if isinstance(key, CompositeKey):  # a table that never holds much
        key, some = None, table.select().where(which).exists()
    else:
        some = [row_id for (row_id,) in table.select(key).where(which).limit(BATCH).tuples()]
    if not some:
        return 0
    with transaction(durable=False):
        # Asked again: an operator may have planned one of them anew meanwhile.
        chosen = which if key is None else which & key.in_(some)
        count: int = table.delete().where(chosen).execute()
    return count


def _old(before: datetime) -> Iterator[tuple[Any, Any]]:
    # The index on due_at finds the rows; by hand, an old slot's mail may live until today.
    final = Delivery.state.in_(sorted(FINAL_STATES))
    yield Delivery, final & (Delivery.due_at < before) & (Delivery.expires_at < before)
    rows_left = Delivery.select(Delivery.id).where(Delivery.run == Run.id)
    ended = Run.state.in_([RunState.DONE, RunState.MISSED]) & (Run.slot < before)
    yield (
        Run,
        ended & (fn.COALESCE(Run.done_at, Run.started_at) < encode_instant(before)) & ~fn.EXISTS(rows_left),
    )
    yield MonthFigure, MonthFigure.period < before.strftime("%Y-%m")
    yield Alert, Alert.at < before
    yield SoftHit, SoftHit.day < before.date().isoformat()
    yield Tombstone, (Tombstone.at < before) & (Tombstone.period != tombstones.EVERY)
