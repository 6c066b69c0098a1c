"""Runs and their rows: a page's rows, the run's counts and its cursor in one transaction, under a lease."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from quizmail.database import insert_new, insert_new_returning, transaction
from quizmail.models import Delivery, Recipient, Run, database
from quizmail.outbox import tombstones
from quizmail.prepared import Among
from quizmail.slots import Slot
from quizmail.states import DeliveryState, Kind, NotDue, Preference, RunState, Skip

#: How long a planner that was not heard of keeps its run; a page takes well under a second.
LEASE = timedelta(minutes=2)

_COLUMNS = (
    "kind",
    "user_id",
    "period",
    "recipient_id",
    "run_id",
    "state",
    "reason",
    "due_at",
    "expires_at",
    "releases",
    "attempts",
    "facts",
    "variant",
    "planned_at",
)


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A delivery to be written: planned with its facts, or skipped with a reason and none.

    ``facts``: values that are ``fields.Document``s are encoded already.
    """

    user_id: str
    expires_at: datetime
    facts: Mapping[str, Any] | None = None
    skip: Skip | None = None


class LostLease(Exception):
    """Raised when another planner has taken the run over; what this one read is not written."""


def open_run(slot: Slot, now: datetime, *, state: RunState = RunState.PLANNING) -> bool:
    """Write the slot's run if there is none, and say whether this call did."""
    written: int = (
        Run.insert(
            kind=slot.kind,
            period=slot.period,
            slot=slot.at,
            zones=sorted(slot.zones),
            state=state,
            started_at=now,
        )
        .on_conflict_ignore()
        .as_rowcount()
        .execute()
    )
    return bool(written)


def reopen_by_hand(slot: Slot, now: datetime) -> Run:
    """Return the slot's run, open to be planned from its start, whatever became of it before."""
    open_run(slot, now)
    this = (Run.kind == slot.kind) & (Run.period == slot.period) & (Run.slot == slot.at)
    again = {"state": RunState.PLANNING, "by_hand": True, "cursor": None, "not_due": {}, "noted": {}}
    Run.update({**again, "started_at": now}).where(this & (Run.state != RunState.PLANNING)).execute()
    Run.update(by_hand=True).where(this).execute()
    return Run.get(this)


def unfinished_runs(kind: Kind) -> Sequence[Run]:
    """Return the runs of `kind` whose planning is not finished, oldest slot first."""
    return list(Run.select().where((Run.kind == kind) & (Run.state == RunState.PLANNING)).order_by(Run.slot))


def take_lease(run: Run, holder: str, now: datetime) -> bool:
    """Take the planner's lease on `run`, or renew it; False while another planner holds it."""
    free = Run.lease_until.is_null() | (Run.lease_until < now) | (Run.lease_by == holder)
    taken: int = (
        Run.update(lease_by=holder, lease_until=now + LEASE)
        .where((Run.id == run.id) & (Run.state == RunState.PLANNING) & free)
        .execute()
    )
    return bool(taken)


def end_lease(run: Run, holder: str) -> None:
    """Give the lease back, so that whoever goes on need not wait for its end."""
    Run.update(lease_until=None).where((Run.id == run.id) & (Run.lease_by == holder)).execute()


def write_page(
    run: Run,
    holder: str,
    now: datetime,
    rows: Sequence[PlannedRow],
    counts: tuple[Counter[NotDue], Counter[str]],
    cursor: str | None,
) -> Counter[str | None]:
    """Write a page: its rows, the run's counts and the cursor; `cursor` None ends the planning.

    Args:
        counts: the page's not-due users by reason, and its oddities by name.

    Returns:
        How many rows are new, by their reasons; those that are planned have none.

    Raises:
        LostLease: nothing was written; another planner goes on from the last page.
    """
    not_due, noted = counts
    with transaction(durable=False):
        new = insert_rows(Kind(run.kind), run.period, run.id, run.slot, now, rows)
        values: dict[str, Any] = {
            "cursor": cursor,
            "lease_until": now + LEASE,
            "not_due": dict(Counter(run.not_due) + Counter({k.value: n for k, n in not_due.items()})),
            "noted": dict(Counter(run.noted) + noted),
        }
        if cursor is None:
            values |= {"state": RunState.PLANNED, "planned_at": now, "lease_by": None, "lease_until": None}
        here = Run.cursor.is_null() if run.cursor is None else Run.cursor == run.cursor
        mine = (Run.id == run.id) & (Run.lease_by == holder) & (Run.state == RunState.PLANNING) & here
        if not Run.update(values).where(mine).execute():
            raise LostLease(f"run {run.id}")
    for name, value in values.items():
        setattr(run, name, value)
    return new


def insert_rows(
    kind: Kind, period: str, run_id: int | None, due_at: datetime, now: datetime, rows: Sequence[PlannedRow]
) -> Counter[str | None]:
    """Write the rows whose (kind, user, period) has none yet and return how many, by their reasons."""
    if not rows:
        return Counter()
    with transaction(durable=False):
        tombstones.wait_for_each_other(forgetting=False)
        new = _insert_deliveries(kind, period, run_id, due_at, now, rows)
        return new - tombstones.withdraw([row.user_id for row in rows], kind, period)


def _insert_deliveries(
    kind: Kind, period: str, run_id: int | None, due_at: datetime, now: datetime, rows: Sequence[PlannedRow]
) -> Counter[str | None]:
    ids = _recipient_ids([row.user_id for row in rows])
    reasons = insert_new_returning(
        Delivery,
        _COLUMNS,
        [
            (
                kind,
                row.user_id,
                period,
                ids[row.user_id],
                run_id,
                DeliveryState.SKIPPED if row.skip else DeliveryState.PLANNED,
                row.skip,
                due_at,
                row.expires_at,
                0,
                0,
                row.facts,
                row.facts.get("variant") if row.facts else None,
                now,
            )
            for row in rows
        ],
        "reason",
    )
    return Counter(reasons)


def _recipient_ids(user_ids: Sequence[str]) -> Mapping[str, int]:
    """Return the row id of every one of `user_ids`, making the rows that are missing. Two queries."""
    new = [(user_id, Preference.ON, Preference.ON) for user_id in user_ids]
    insert_new(Recipient, ("user_id", "reminder_preference", "report_preference"), new)
    found = Recipient.select(Recipient.user_id, Recipient.id).where(Among(Recipient.user_id, user_ids))
    return dict(database.obj.execute(found).fetchall())
