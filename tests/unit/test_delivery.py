"""One mail through a real SMTP conversation; what arrived and what the row says."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from quizmail import holds, recipients
from quizmail.errors import PlatformUnavailable, SourceError
from quizmail.mailer import Mailer, Relay
from quizmail.models import Delivery, Hold, Recipient
from quizmail.outbox import release, valve
from quizmail.outbox.valve import Pace
from quizmail.states import DeliveryState, Failure, Kind, NotDue, Preference, Skip
from tests.support.delivering import SHORT, Desk
from tests.support.smtp_server import At

pytestmark = pytest.mark.usefixtures("sqlite_database")


def plan_of(server, plan):
    server.plan = plan


def test_a_planned_reminder_arrives_and_its_row_is_sent(desk, server, now):
    assert desk.deliver() == DeliveryState.SENT

    [mail] = server.inbox
    assert mail.recipient == "ada@example.com"
    assert (desk.row.state, desk.row.attempts, desk.row.reply_code) == (DeliveryState.SENT, 1, 250)
    assert desk.row.message_id.encode() in mail.content
    assert Recipient.get().last_reminder_sent == now


def test_a_doubled_message_sends_nothing_more(desk, server):
    desk.deliver()

    assert desk.deliver() == DeliveryState.SENT
    assert len(server.inbox) == 1


def test_a_report_arrives_and_leaves_the_last_reminder_alone(server, now):
    desk = Desk(server, now, kind=Kind.REPORT)

    assert desk.deliver() == DeliveryState.SENT
    assert len(server.inbox) == 1
    assert Recipient.get().last_reminder_sent is None
    desk.mailer.close()


@pytest.mark.parametrize(
    ("at", "reply", "state", "reason"),
    [
        (At.MAIL, "451 4.3.0 later", DeliveryState.PLANNED, Failure.TEMPORARY_REPLY),
        (At.RCPT, "450 4.2.1 later", DeliveryState.PLANNED, Failure.TEMPORARY_REPLY),
        (At.DATA, "421 4.3.2 going down", DeliveryState.PLANNED, Failure.TEMPORARY_REPLY),
        (At.DOT, "452 4.2.2 full", DeliveryState.PLANNED, Failure.TEMPORARY_REPLY),
        (At.RCPT, "550 5.1.1 nobody here", DeliveryState.REJECTED, Failure.PERMANENT_REPLY),
        (At.DOT, "554 5.7.1 spam", DeliveryState.REJECTED, Failure.PERMANENT_REPLY),
    ],
)
def test_a_numeric_reply_decides(desk, server, at, reply, state, reason):
    plan_of(server, {at: reply})

    assert desk.deliver() == state
    assert (desk.row.reason, desk.row.attempts) == (reason, 1)
    assert desk.row.reply_code == int(reply[:3])
    assert server.inbox == []


def test_five_temporary_refusals_end_in_rejected(desk, server):
    plan_of(server, {At.RCPT: "450 4.2.1 later"})

    waits = []
    for _ in range(4):
        assert desk.deliver() == DeliveryState.PLANNED
        waits.append(desk.row.due_at - desk.now)
        desk.now = desk.row.due_at
    assert desk.deliver() == DeliveryState.REJECTED

    assert desk.row.reason == Failure.TRIES_EXHAUSTED
    assert waits == sorted(waits)
    assert len(set(waits)) == 4


def test_before_its_next_try_a_delivery_is_left_alone(desk, server):
    plan_of(server, {At.RCPT: "450 4.2.1 later"})
    desk.deliver()
    plan_of(server, {})

    assert desk.deliver() == DeliveryState.PLANNED
    assert server.inbox == []


@pytest.mark.parametrize("action", ["drop", "hang", "garbage"])
def test_no_answer_after_the_body_is_unknown_and_stays_so(desk, server, action):
    plan_of(server, {(At.DOT, 1): action})

    assert desk.deliver() == DeliveryState.UNKNOWN
    assert desk.row.reason == Failure.NO_ANSWER
    assert desk.deliver() == DeliveryState.UNKNOWN


@pytest.mark.parametrize("at", [At.GREETING, At.EHLO, At.MAIL, At.RCPT, At.DATA])
def test_a_link_that_breaks_before_the_claim_uses_up_nothing(desk, server, at):
    plan_of(server, {at: "drop"})

    assert desk.deliver() == DeliveryState.PLANNED
    assert (desk.row.reason, desk.row.attempts) == (Failure.RELAY_UNREACHABLE, 0)
    assert desk.row.due_at > desk.now

    plan_of(server, {})
    desk.now = desk.row.due_at
    assert desk.deliver() == DeliveryState.SENT


def test_a_relay_that_refuses_the_login_holds_everything_after_three_failures(server, now):
    server.login = ("ada", "right")
    server.offers["AUTH"] = "AUTH PLAIN LOGIN"
    desk = Desk(server, now)
    relay = Relay(host=server.host, port=server.port, username="ada", password="wrong", command_timeout=SHORT)
    desk.mailer = Mailer(relay)

    for _ in range(3):
        assert desk.deliver() == DeliveryState.PLANNED
        assert desk.row.attempts == 0
        desk.now = desk.row.due_at

    [hold] = Hold.select()
    assert (hold.scope, hold.cause) == ("all", Failure.RELAY_UNREACHABLE)
    assert "535" in hold.detail
    assert "wrong" not in hold.detail
    desk.mailer.close()


def test_what_is_held_is_not_tried_and_released_again_later(desk, server, now):
    release.release(now, 10, timedelta(minutes=10))
    holds.hold(holds.ALL, "test", now, "operator")

    assert desk.deliver() == DeliveryState.PLANNED
    assert server.sessions == []
    holds.resume(holds.ALL)
    assert release.release(now, 10, timedelta(minutes=10)) == [desk.id]


def test_a_template_at_fault_leaves_the_row_planned_and_then_holds_its_kind(server, now, tmp_path):
    (tmp_path / "reminder").mkdir()
    (tmp_path / "reminder" / "subject.txt").write_text("{{ no_such_fact }}")
    desk = Desk(server, now, templates_dir=tmp_path)

    for _ in range(3):
        assert desk.deliver() == DeliveryState.PLANNED
        desk.now = desk.row.due_at

    assert desk.row.reason == Failure.COMPOSITION_FAILED
    [hold] = holds.in_force(desk.now - timedelta(seconds=10))
    assert (hold.scope, hold.subject) == ("kind", "reminder")
    assert "no_such_fact" in hold.detail
    assert server.inbox == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"last_activity": "now"}, NotDue.RECENTLY_ACTIVE),
        ({"active": False}, NotDue.ACCOUNT_DISABLED),
        ({"is_staff": True}, NotDue.STAFF),
        ({"address": None}, Skip.BAD_ADDRESS),
        ({"opt_out": frozenset({Kind.REMINDER})}, Skip.OPTED_OUT),
    ],
)
def test_who_is_not_due_any_more_is_skipped_with_the_reason(desk, server, now, change, reason):
    if change.get("last_activity"):
        change = {"last_activity": now}
    desk.audience.member = replace(desk.audience.member, **change)

    assert desk.deliver() == DeliveryState.SKIPPED
    assert desk.row.reason == reason
    assert server.sessions == []


def test_who_unsubscribed_after_planning_is_skipped(desk, server):
    recipients.set_preference(Recipient.get().id, Kind.REMINDER, Preference.OFF)

    assert desk.deliver() == DeliveryState.SKIPPED
    assert desk.row.reason == Skip.OPTED_OUT
    assert server.inbox == []


@pytest.mark.parametrize(
    ("stop", "state", "reason"),
    [
        (
            lambda now: recipients.set_preference(Recipient.get().id, Kind.REMINDER, Preference.OFF),
            DeliveryState.SKIPPED,
            Skip.OPTED_OUT,
        ),
        (
            lambda now: recipients.suppress("ada@example.com", "complaint", None, now),
            DeliveryState.SKIPPED,
            Skip.SUPPRESSED,
        ),
        (lambda now: holds.hold(holds.ALL, "test", now, "operator"), DeliveryState.PLANNED, None),
    ],
    ids=["unsubscribed", "suppressed", "held"],
)
def test_a_stop_while_the_server_was_being_asked_is_obeyed(desk, server, now, stop, state, reason):
    def stop_before_354(at, session, message):
        if at is At.DATA:
            stop(now)

    plan_of(server, stop_before_354)
    desk.deliver()

    assert (desk.row.state, desk.row.reason) == (state, reason)
    assert server.inbox == []


def test_a_quiz_that_has_closed_is_dropped_from_the_mail(desk, server):
    first, *others = desk.row.facts["quizzes"]
    desk.audience.closed = {first["id"]}

    desk.deliver()

    content = server.inbox[0].content.decode().replace("=\r\n", "")
    assert first["title"] not in content
    assert others[0]["title"] in content


@pytest.mark.parametrize(("more", "reason"), [(0, NotDue.NOTHING_AVAILABLE), (7, Skip.QUIZZES_CLOSED)])
def test_when_every_quiz_of_the_mail_has_closed_the_reminder_is_skipped(desk, server, more, reason):
    facts = {**desk.row.facts, "more": more}
    Delivery.update(facts=facts).execute()
    desk.audience.closed = {quiz["id"] for quiz in facts["quizzes"]}

    assert desk.deliver() == DeliveryState.SKIPPED
    assert desk.row.reason == reason


def test_a_user_who_is_gone_is_skipped(desk):
    desk.audience.member = None

    assert desk.deliver() == DeliveryState.SKIPPED
    assert desk.row.reason == Skip.USER_GONE


@pytest.mark.parametrize("problem", [PlatformUnavailable("locked"), SourceError("no such column: email")])
def test_a_platform_that_cannot_be_read_postpones_the_mail(desk, problem):
    desk.audience.problem = problem

    assert desk.deliver() == DeliveryState.PLANNED
    assert (desk.row.reason, desk.row.attempts) == (Failure.PLATFORM_UNAVAILABLE, 0)


def test_a_mail_whose_time_has_passed_expires(desk, server):
    desk.now = desk.row.expires_at

    assert desk.deliver() == DeliveryState.EXPIRED
    assert server.sessions == []


def test_one_line_is_logged_for_an_outcome_and_names_nobody(desk, caplog):
    with caplog.at_level("INFO", logger="quizmail"):
        desk.deliver()

    [line] = [record.message for record in caplog.records if record.name == "quizmail.delivery"]
    words, milliseconds = line.rsplit(" ", 1)
    assert words == f"delivery kind=reminder id={desk.id} period=2026-11-23 state=sent reason=- attempt=1"
    assert re.fullmatch(r"ms=\d+", milliseconds)


def test_the_line_of_a_refusal_says_why_and_which_try_it_was(desk, server, caplog):
    plan_of(server, {At.RCPT: "450 4.2.1 later"})
    Delivery.update(attempts=2).execute()

    with caplog.at_level("INFO", logger="quizmail"):
        desk.deliver()

    assert f"id={desk.id} period=2026-11-23 state=planned reason=temporary_reply attempt=3 " in caplog.text


def test_a_worker_waits_for_an_instant_that_comes_soon(server, now):
    pace = Pace(timedelta(minutes=10), rate_per_second=1)
    desk = Desk(server, now, pace=pace)
    valve.release_paced(now, 1, pace)
    Delivery.update(due_at=now + timedelta(seconds=2)).execute()

    assert desk.deliver() == DeliveryState.SENT
    assert desk.slept == [2.0]
    desk.mailer.close()


def test_a_worker_is_told_later_of_an_instant_that_is_far(server, now):
    pace = Pace(timedelta(minutes=10), rate_per_second=1)
    desk = Desk(server, now, pace=pace)
    valve.release_paced(now, 1, pace)
    Delivery.update(due_at=now + timedelta(seconds=40)).execute()

    assert desk.deliver() == DeliveryState.PLANNED
    assert desk.later == [(desk.id, timedelta(seconds=37))]
    assert server.sessions == []
