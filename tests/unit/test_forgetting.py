"""What is left of somebody who was forgotten, and whom it keeps from being mailed."""

import json
import threading
from datetime import timedelta

import pytest

from quizmail import forgetting, models, recipients
from quizmail.database import transaction
from quizmail.errors import QuizmailError
from quizmail.models import (
    Attempt,
    Delivery,
    Hold,
    Month,
    MonthFigure,
    Recipient,
    SoftHit,
    Suppression,
    Tombstone,
)
from quizmail.outbox import claim, plan, tombstones
from quizmail.outbox.claim import Outcome
from quizmail.outbox.plan import PlannedRow
from quizmail.outbox.work import find, load
from quizmail.states import DeliveryState, Kind, Preference

ADA, ADDRESS, PERIOD = "ada-lovelace", "Ada@example.com", "2026-11-23"


@pytest.fixture(autouse=True)
def ours(our_database):
    return our_database


def planned(now, user_id=ADA, period=PERIOD, kind=Kind.REMINDER):
    row = PlannedRow(user_id, now + timedelta(hours=6), {"name": "Ada Lovelace"})
    plan.insert_rows(kind, period, None, now, now, [row])
    return load(find(kind, user_id, period))


def claimed(now, **which):
    work = planned(now, **which)
    assert claim.claim(work, "mine", ADDRESS, "<1@example.com>", now)
    return work


def sent(now, **which):
    work = claimed(now, **which)
    claim.record(work, "mine", Outcome(DeliveryState.SENT, reply_code=250), now)


def everything(now):
    """Leave a trace of Ada in every table that may hold one."""
    sent(now)
    Month.create(period="2026-10")
    MonthFigure.create(period="2026-10", user_id=ADA, taken=1, quizzes=[])
    recipients.suppress(ADDRESS, "bad mailbox", "5.1.1", now)
    Suppression.update(evidence=f"550 5.1.1 <{ADDRESS}> unknown").execute()
    SoftHit.create(address=ADDRESS.lower(), day=PERIOD)
    detail = f"rcpt: 450 4.7.1 <{ADDRESS}> slow down"
    Hold.create(scope="domain", subject="example.com", cause="rate", detail=detail, since=now, by="engine")


def dump():
    """Return all that our database holds, as one text."""
    return json.dumps([list(table.select().dicts()) for table in models.TABLES], default=str).lower()


def forget(now, ids=(ADA,), addresses=(ADDRESS,)):
    return forgetting.forget(ids, addresses, now)


def test_no_table_names_the_forgotten(now):
    everything(now)
    assert "lovelace" in dump()

    traces = forget(now)

    assert (traces.deliveries, traces.attempts, traces.recipients, traces.month_figures) == (1, 1, 1, 1)
    assert (traces.soft_hits, traces.suppressions, traces.holds) == (1, 1, 1)
    assert "lovelace" not in dump()
    assert "ada@" not in dump()


def test_looking_counts_what_forgetting_removes_and_removes_nothing(now):
    everything(now)

    seen = forgetting.look([ADA], [ADDRESS])

    assert Delivery.select().count() == 1
    assert forget(now) == seen
    assert not forgetting.look([ADA], [ADDRESS])


def test_others_keep_what_is_theirs(now):
    sent(now, user_id="grace")
    everything(now)
    recipients.suppress("grace@example.com", "complaint", None, now)

    forget(now)

    assert [row.user_id for row in Delivery.select()] == ["grace"]
    assert Attempt.select().count() == 1
    assert recipients.suppressed(["grace@example.com"])


def test_forgetting_again_changes_nothing(now):
    everything(now)
    forget(now)
    before = dump()

    assert not forget(now + timedelta(days=1))
    assert dump() == before


def test_the_suppression_stays_as_a_hash_with_its_reason(now):
    everything(now)

    forget(now)

    (row,) = Suppression.select()
    assert row.address == recipients.hashed(ADDRESS)
    assert (row.reason, row.code, row.evidence, row.since) == ("bad mailbox", "5.1.1", None, now)


def test_who_was_mailed_for_a_period_is_not_mailed_for_it_again(now):
    sent(now)
    forget(now)

    row = PlannedRow(ADA, now + timedelta(hours=6), {})
    assert plan.insert_rows(Kind.REMINDER, PERIOD, None, now, now, [row]).total() == 0
    assert Delivery.select().count() == 0
    assert plan.insert_rows(Kind.REMINDER, "2026-11-24", None, now, now, [row]).total() == 1


@pytest.mark.parametrize("state", [DeliveryState.PLANNED, DeliveryState.UNKNOWN, DeliveryState.REJECTED])
def test_a_tombstone_is_left_by_what_was_ever_claimed(now, state):
    work = claimed(now)
    claim.record(work, "mine", Outcome(state), now)

    forget(now)

    (stone,) = Tombstone.select()
    assert (stone.hash, stone.kind, stone.period) == (tombstones.key(ADA), Kind.REMINDER, PERIOD)


def test_what_never_left_leaves_no_tombstone(now):
    planned(now)

    forget(now)

    assert Tombstone.select().count() == 0


def test_a_worker_that_holds_a_forgotten_mail_cannot_claim_it(now):
    work = planned(now)

    forget(now)

    assert not claim.claim(work, "mine", ADDRESS, "<1@example.com>", now)


def test_while_a_mail_is_on_its_way_nothing_is_removed(now):
    sent(now, period="2026-11-22")
    work = claimed(now)
    before = dump()

    with pytest.raises(QuizmailError, match=r"on its way.*run it again"):
        forget(now)
    assert dump() == before

    claim.record(work, "mine", Outcome(DeliveryState.SENT), now)
    assert forget(now).deliveries == 2
    assert Tombstone.select().count() == 2


def test_an_opt_out_outlives_the_forgetting(now):
    planned(now)
    recipients.set_preference(Recipient.get().id, Kind.REMINDER, Preference.OFF)

    forget(now)

    for period in (PERIOD, "2027-03-01"):
        assert tombstones.among([ADA, "grace"], Kind.REMINDER, period) == {ADA}
    assert tombstones.among([ADA], Kind.REPORT, "2026-10") == set()


def test_a_user_can_be_forgotten_and_stopped_for_good(now):
    sent(now)

    forgetting.forget([ADA], [], now, stop=True)

    for kind, period in ((Kind.REMINDER, "2027-03-01"), (Kind.REPORT, "2027-02")):
        assert tombstones.among([ADA, "grace"], kind, period) == {ADA}


def test_every_form_of_an_id_is_forgotten_and_stopped(now):
    sent(now, user_id="a0ee")

    forget(now, ids=("A0EE", "a0ee"))

    assert tombstones.among(["A0EE", "a0ee"], Kind.REMINDER, PERIOD) == {"A0EE", "a0ee"}


def test_an_address_is_no_pattern(now):
    Hold.create(scope="all", subject="", cause="x", detail="ada_b@example.com", by="engine")
    Hold.create(scope="kind", subject="", cause="x", detail="adaxb@example.com", by="engine")

    forget(now, addresses=["Ada_b@Example.com"])

    assert [row.detail for row in Hold.select().order_by(Hold.id)] == [None, "adaxb@example.com"]


def test_without_a_tombstone_a_page_asks_once_and_hashes_nobody(ours, now, monkeypatch):
    asked = []
    run = ours.execute_sql
    monkeypatch.setattr(ours, "execute_sql", lambda sql, *a, **k: asked.append(sql) or run(sql, *a, **k))
    monkeypatch.setattr(tombstones, "key", lambda user_id: pytest.fail("hashed"))

    assert tombstones.among([str(user) for user in range(1000)], Kind.REMINDER, PERIOD) == set()
    assert len(asked) == 1


def test_a_planner_that_had_asked_before_the_forgetting_mails_nobody_twice(ours, now):
    """The planner's INSERT waits for the deletion to be committed, and then finds the tombstone."""
    sent(now)
    begun = threading.Event()

    def plan_again():
        begun.set()
        row = PlannedRow(ADA, now + timedelta(hours=6), {})
        plan.insert_rows(Kind.REMINDER, PERIOD, None, now, now, [row])
        ours.close()

    planner = threading.Thread(target=plan_again)
    with transaction():
        Attempt.delete().execute()
        Delivery.delete().execute()
        tombstones.bury(ADA, Kind.REMINDER, PERIOD, now)
        planner.start()
        begun.wait(20)
    planner.join()

    assert Delivery.select().count() == 0
