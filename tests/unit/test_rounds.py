"""A few mails in one round: what arrives, what the rows say, and what is given back."""

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from peewee import OperationalError

from quizmail import holds, models, recipients
from quizmail.delivery import round as rounds
from quizmail.delivery.selection import FRESH, LONGEST
from quizmail.models import Attempt, Delivery, Recipient, SoftHit
from quizmail.outbox import release
from quizmail.outbox.rounds import LARGEST, SPREAD, share_out
from quizmail.outbox.valve import Pace
from quizmail.states import DeliveryState, Failure, Kind, NotDue, Preference, Skip
from tests.support.delivering import Desk
from tests.support.smtp_server import At

pytestmark = pytest.mark.usefixtures("sqlite_database")

SENT, PLANNED = DeliveryState.SENT, DeliveryState.PLANNED


@pytest.fixture
def desk(desk):
    """With three more reminders."""
    desk.ids = [desk.id, *desk.plan("8", "9", "10")]
    return desk


def deliver(desk):
    return list(desk.deliverer.deliver(*desk.ids).values())


def states(desk):
    return [Delivery.get_by_id(row_id).state for row_id in desk.ids]


def recipients_of(server):
    return [mail.recipient for mail in server.inbox]


ADA, *OTHERS = "ada@example.com", "8@example.com", "9@example.com", "10@example.com"


def test_a_round_goes_over_one_connection_and_every_row_says_so(desk, server, now):
    assert deliver(desk) == [SENT] * 4

    assert recipients_of(server) == [ADA, *OTHERS]
    assert {mail.session for mail in server.inbox} == {1}
    assert states(desk) == [SENT] * 4
    assert {row.last_reminder_sent for row in Recipient.select()} == {now}
    assert [attempt.reply_code for attempt in Attempt.select()] == [250] * 4
    assert desk.deliverer.in_flight == {}


def test_the_platform_is_asked_once_for_a_round(desk):
    deliver(desk)

    assert len(desk.audience.checked_at) == 1


def test_a_doubled_round_sends_nothing_more(desk, server):
    deliver(desk)

    assert deliver(desk) == [SENT] * 4
    assert len(server.inbox) == 4


def test_a_row_that_is_named_twice_is_sent_once(desk, server):
    desk.ids = [desk.id, desk.id]

    assert deliver(desk) == [SENT]
    assert len(server.inbox) == 1


def test_a_row_that_is_gone_does_not_hinder_the_others(desk, server):
    desk.ids.insert(1, 999)

    assert deliver(desk) == [SENT] * 4


@pytest.mark.parametrize(
    ("at", "reply", "state"),
    [
        (At.RCPT, "550 5.1.1 nobody here", DeliveryState.REJECTED),
        (At.RCPT, "451 4.3.0 later", PLANNED),
        (At.DOT, "554 5.7.1 spam", DeliveryState.REJECTED),
        (At.DOT, "452 4.2.2 full", PLANNED),
        (At.DATA, "421 4.3.2 going down", PLANNED),
        (At.DOT, "drop", DeliveryState.UNKNOWN),
    ],
)
def test_what_becomes_of_one_mail_does_not_become_of_the_others(desk, server, at, reply, state):
    server.plan = {(at, 1, 2): reply}

    assert deliver(desk) == [SENT, state, SENT, SENT]
    assert recipients_of(server) == [ADA, *OTHERS[1:]]
    assert [Delivery.get_by_id(row_id).attempts for row_id in desk.ids] == [1] * 4


def test_a_template_that_fails_for_one_reader_does_not_hinder_the_others(desk, server):
    Delivery.update(facts={"name": "Eve", "quizzes": [{"id": "1"}]}).where(
        Delivery.id == desk.ids[1]
    ).execute()

    assert deliver(desk) == [SENT, PLANNED, SENT, SENT]
    assert Delivery.get_by_id(desk.ids[1]).reason == Failure.COMPOSITION_FAILED


def test_a_row_that_cannot_be_judged_does_not_take_the_others_along(desk, server, caplog):
    Delivery.update(facts={"name": "Eve"}).where(Delivery.id == desk.ids[1]).execute()

    assert deliver(desk) == [PLANNED] * 4
    assert desk.later == [(row_id, timedelta(0)) for row_id in desk.ids]
    assert "broke off" in caplog.text
    for row_id in desk.ids:
        with suppress(KeyError):
            desk.deliverer.deliver(row_id)
    assert states(desk) == [SENT, PLANNED, SENT, SENT]


def test_who_unsubscribes_while_the_server_is_asked_for_him_gets_nothing(desk, server):
    second = Delivery.get_by_id(desk.ids[1])

    def unsubscribe(at, session, message):
        if (at, session, message) == (At.DATA, 1, 2):
            recipients.set_preference(second.recipient_id, Kind.REMINDER, Preference.OFF)

    server.plan = unsubscribe

    assert deliver(desk) == [SENT, DeliveryState.SKIPPED, SENT, SENT]
    assert Delivery.get_by_id(second.id).reason == Skip.OPTED_OUT
    assert recipients_of(server) == [ADA, *OTHERS[1:]]


def test_a_hold_in_the_middle_of_a_round_stops_the_rest_of_it(desk, server, now):
    def pause(at, session, message):
        if (at, message) == (At.DATA, 2):
            holds.hold(holds.ALL, "test", now, "operator")

    server.plan = pause

    assert deliver(desk) == [SENT, PLANNED, PLANNED, PLANNED]
    assert recipients_of(server) == [ADA]
    holds.resume(holds.ALL)
    assert release.release(now, 10, timedelta(minutes=10)) == desk.ids[1:]


def test_a_relay_that_cannot_be_reached_stops_a_round_after_three_failures(desk, server):
    server.plan = {At.GREETING: "drop"}

    assert deliver(desk) == [PLANNED] * 4
    assert len(server.sessions) == 3
    reasons = [Delivery.get_by_id(row_id).reason for row_id in desk.ids]
    assert reasons == [Failure.RELAY_UNREACHABLE] * 3 + [None]


def test_a_mails_outcome_does_not_wait_for_the_answers_to_the_next_one(desk, server):
    server.plan = {(At.MAIL, 1, 2): "hang"}
    worker = threading.Thread(target=deliver, args=[desk])

    worker.start()
    server.wait_until(lambda: server.sessions and server.sessions[0].message == 2)
    while states(desk)[0] != SENT:
        assert worker.is_alive()
    assert states(desk)[1] == PLANNED
    worker.join()


def test_when_the_next_claim_fails_the_outcome_before_it_is_written_all_the_same(desk, server, monkeypatch):
    def fail(entry, wanted):
        raise OperationalError("away")

    monkeypatch.setattr(rounds.claims, "record_and_claim", fail)
    with suppress(OperationalError):
        deliver(desk)

    assert states(desk) == [SENT, PLANNED, PLANNED, PLANNED]
    assert recipients_of(server) == [ADA]


def test_what_was_checked_long_ago_is_checked_again(desk, server):
    def pass_time(at, session, message):
        if (at, message) == (At.DOT, 2):
            desk.now += FRESH
            desk.audience.member = None

    server.plan = pass_time

    # The third, too, although it was announced already when the clock was put forward.
    assert deliver(desk) == [SENT, SENT, DeliveryState.SKIPPED, DeliveryState.SKIPPED]
    assert Delivery.get_by_id(desk.ids[2]).reason == Skip.USER_GONE
    assert len(server.inbox) == 2


def test_what_a_round_cannot_begin_in_time_is_given_back(desk, server, now):
    release.release(now, 10, timedelta(minutes=10))

    def take_long(at, session, message):
        if (at, message) == (At.DOT, 1):
            desk.now += LONGEST + timedelta(seconds=1)

    server.plan = take_long

    assert deliver(desk) == [SENT, PLANNED, PLANNED, PLANNED]
    assert release.release(now, 10, timedelta(minutes=10)) == desk.ids[1:]


def test_a_check_that_takes_longer_than_a_round_may_does_not_keep_every_mail_back(desk, server):
    asked = desk.audience.recheck_all

    def take_long(kind, user_ids, at, since):
        desk.now += LONGEST + timedelta(seconds=1)
        return asked(kind, user_ids, at, since)

    desk.audience.recheck_all = take_long

    assert deliver(desk) == [SENT] * 4


def test_a_server_that_waits_for_a_body_is_not_kept_waiting_for_the_platform(desk, server):
    asked = desk.audience.recheck_all

    def pass_time(at, session, message):
        if (at, session, message) == (At.DOT, 1, 1):
            desk.now += FRESH

    def lose_patience(kind, user_ids, at, since):
        if desk.audience.checked_at and server.sessions[0].message == 2:
            server.sessions[0].interrupt()
            server.wait_until(lambda: server.sessions[0].end)
        return asked(kind, user_ids, at, since)

    server.plan, desk.audience.recheck_all = pass_time, lose_patience

    assert deliver(desk) == [SENT] * 4


def test_an_outcome_does_not_wait_for_a_new_connection(desk, server):
    seen = []

    def close_after_one(at, session, message):
        if (at, session, message) == (At.ANSWER, 1, 1):
            return b"250 2.0.0 ok\r\n421 4.7.0 enough for one connection\r\n"
        if (at, session) == (At.GREETING, 2):
            seen.append(states(desk)[0])
            models.database.obj.close()
        return None

    server.plan = close_after_one
    deliver(desk)

    assert seen == [SENT]


def test_a_mail_that_arrives_heals_its_address_though_others_were_checked_since(desk, server, now):
    recipients.hit("8@example.com", "full", "4.2.2", now - timedelta(days=1))

    def pass_time(at, session, message):
        if (at, message) == (At.DOT, 2):
            desk.now += FRESH

    server.plan = pass_time

    assert deliver(desk) == [SENT] * 4
    assert not SoftHit.select().exists()


def test_a_relay_that_refuses_a_mail_can_be_reached(desk, server, now):
    for _ in range(2):
        holds.strike(holds.ALL, Failure.RELAY_UNREACHABLE, "away", now, 3)
    server.plan = {At.RCPT: "550 5.1.1 nobody here"}

    deliver(desk)

    assert not holds.board().rows


def test_mails_that_waited_since_before_there_was_a_rate_do_not_leave_at_once(server, now):
    desk = Desk(server, now, pace=Pace(timedelta(minutes=10), rate_per_second=1))
    desk.ids = [desk.id, *desk.plan("8", "9", "10")]
    Delivery.update(released_at=now, due_at=now - timedelta(minutes=1)).execute()
    sent_at = []
    server.on_accept = lambda mail: sent_at.append(desk.now)

    assert deliver(desk) == [SENT] * 4
    assert sent_at == [now + timedelta(seconds=number) for number in range(4)]
    desk.mailer.close()


def test_a_worker_that_is_to_stop_ends_with_the_mail_it_is_at(desk, server, now):
    release.release(now, 10, timedelta(minutes=10))

    def stop(at, session, message):
        if (at, message) == (At.DOT, 1):
            desk.deliverer.stop()

    server.plan = stop

    assert deliver(desk) == [SENT, PLANNED, PLANNED, PLANNED]
    assert release.release(now, 10, timedelta(minutes=10)) == desk.ids[1:]


def test_who_was_active_since_the_mail_was_planned_is_skipped_and_the_others_are_not(desk, server, now):
    asked = desk.audience.recheck_all

    def active(kind, user_ids, at, since):
        found = asked(kind, user_ids, at, since)
        return found | {"9": replace(found["9"], last_activity=now)}

    desk.audience.recheck_all = active

    assert deliver(desk) == [SENT, SENT, DeliveryState.SKIPPED, SENT]
    assert Delivery.get_by_id(desk.ids[2]).reason == NotDue.RECENTLY_ACTIVE


def test_a_few_mails_are_shared_by_many_threads():
    assert share_out(range(5), (), waiting=0) == [[0], [1], [2], [3], [4]]
    assert share_out(range(2 * SPREAD), (), waiting=0)[0] == [0, 1]


def test_many_mails_go_in_rounds_of_a_limited_size_in_their_order():
    rounds = share_out(range(500), (), waiting=0)

    assert [each for one in rounds for each in one] == list(range(500))
    assert {len(one) for one in rounds[:-1]} == {500 // SPREAD}
    assert max(map(len, share_out(range(5000), (), waiting=0))) == LARGEST


def test_when_many_wait_already_a_few_more_go_together():
    assert share_out(range(20), (), waiting=10_000) == [list(range(LARGEST)), list(range(LARGEST, 20))]


def test_what_was_released_in_vain_goes_alone():
    assert share_out([1, 2, 3, 4], {2, 4}, waiting=10_000) == [[2], [4], [1, 3]]
