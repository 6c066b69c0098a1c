from datetime import timedelta

import pytest

from quizmail import recipients
from quizmail.models import SoftHit, Suppression, database

ADA = "Ada@example.com"


@pytest.fixture(autouse=True)
def ours(our_database):
    return our_database


def hits(now, *days, address=ADA):
    return [recipients.hit(address, "mailbox full", "452 4.2.2", now + timedelta(days=day)) for day in days]


def test_the_third_day_with_a_hit_suppresses(now):
    assert hits(now, 0, 1, 5) == [False, False, True]

    (row,) = Suppression.select()
    assert (row.address, row.reason, row.code) == ("ada@example.com", "mailbox full", "452 4.2.2")
    assert SoftHit.select().count() == 0


def test_many_hits_on_one_day_are_one(now):
    assert hits(now, 0, 0, 0, 0.1, 0.2, 1) == [False] * 6
    assert not recipients.suppressed([ADA])


def test_hits_older_than_two_weeks_are_forgotten(now):
    assert hits(now, 0, 1, 14) == [False, False, False]
    assert hits(now, 15) == [False]
    assert SoftHit.select().count() == 2


def test_the_first_and_the_last_day_of_two_weeks_count(now):
    assert hits(now, 0, 1, 13) == [False, False, True]


def test_a_success_heals_in_any_case_of_letters(now):
    hits(now, 0, 1)
    recipients.heal("ADA@EXAMPLE.COM")

    assert hits(now, 2, 3) == [False, False]


def test_one_address_does_not_pay_for_another(now):
    hits(now, 0, 1)
    assert hits(now, 2, address="grace@example.com") == [False]
    assert not recipients.suppressed([ADA, "grace@example.com"])


def test_healing_what_was_never_hit_is_one_select(ours, monkeypatch):
    asked = []
    run = ours.execute_sql
    monkeypatch.setattr(ours, "execute_sql", lambda sql, *a, **k: asked.append(sql) or run(sql, *a, **k))
    recipients.heal(ADA)

    assert [sql.split()[0] for sql in asked] == ["SELECT"]
    assert database.obj is ours
