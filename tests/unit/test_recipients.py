from datetime import timedelta
from hashlib import sha256

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


def test_who_was_hit_among_many_is_found_in_one_query(ours, monkeypatch, now):
    hits(now, 0, address="grace@example.com")
    asked = []
    run = ours.execute_sql
    monkeypatch.setattr(ours, "execute_sql", lambda sql, *a, **k: asked.append(sql) or run(sql, *a, **k))

    assert recipients.hit_among([ADA, "Grace@example.com"]) == {"grace@example.com"}
    assert recipients.hit_among([]) == set()
    assert len(asked) == 1
    assert database.obj is ours


def test_the_first_reason_stays_and_a_complaint_outweighs_it(now):
    recipients.suppress(ADA, "no such address", "5.1.1", now, "rcpt: 550 5.1.1 nobody")
    recipients.suppress(ADA, "mailbox disabled", "5.2.1", now)
    assert (Suppression.get().reason, Suppression.get().evidence) == (
        "no such address",
        "rcpt: 550 5.1.1 nobody",
    )

    later = now + timedelta(days=1)
    recipients.suppress(ADA, recipients.COMPLAINT, None, later, "abuse")
    recipients.suppress(ADA, recipients.COMPLAINT, None, later + timedelta(days=1), "abuse again")

    (row,) = Suppression.select()
    assert (row.reason, row.code, row.evidence, row.since) == ("complaint", None, "abuse", later)


def test_who_is_suppressed_as_a_hash_is_suppressed_in_any_case_of_letters_and_not_written_down_again(now):
    Suppression.insert(address=recipients.hashed(ADA), reason="complained", since=now).execute()

    assert recipients.suppressed(["ADA@EXAMPLE.COM", "grace@example.com"]) == {"ada@example.com"}

    recipients.suppress(ADA, "no such address", "5.1.1", now)
    assert [row.address for row in Suppression.select()] == [recipients.hashed("ada@example.com")]


def test_the_hash_of_an_address_says_so():
    assert recipients.hashed(ADA) == f"sha256:{sha256(b'ada@example.com').hexdigest()}"


def test_that_the_relay_takes_another_mail_does_not_heal_what_came_back(now):
    full = f"{recipients.REPORTED}mailbox full"
    recipients.hit(ADA, "mailbox full", "4.2.2", now)
    for day in range(3):
        sent = now + timedelta(days=day)
        suppressed = recipients.hit(ADA, full, "5.2.2", sent, "5.2.2 full")
        recipients.heal(ADA)

    assert suppressed
    assert (Suppression.get().reason, Suppression.get().evidence) == (full, "5.2.2 full")


def test_a_hit_counts_on_the_day_of_its_mail_not_on_that_of_its_reading(now):
    for sent in range(3):
        suppressed = recipients.hit(
            ADA, "full", None, now + timedelta(days=10), day=now + timedelta(days=sent)
        )

    assert suppressed
    old = now - timedelta(days=20)
    assert not recipients.hit("grace@example.com", "full", None, now, day=old)
    assert SoftHit.select().count() == 0
