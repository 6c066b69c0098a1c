import email
from dataclasses import replace
from datetime import timedelta
from email.utils import parseaddr

import pytest

from quizmail import holds
from quizmail.alerts import Alarm
from quizmail.mailer import Mailer, Relay
from quizmail.models import Alert, Delivery
from quizmail.outbox import plan
from quizmail.outbox.plan import PlannedRow
from quizmail.parsing import Mailbox
from quizmail.slots import Slot
from quizmail.states import DeliveryState, Failure, Kind, RunState
from tests.support.smtp_server import At, SmtpServer

pytestmark = pytest.mark.usefixtures("sqlite_database")


@pytest.fixture
def server():
    with SmtpServer() as running:
        yield running


@pytest.fixture
def alarm(server):
    mailer = Mailer(Relay(host=server.host, port=server.port, command_timeout=timedelta(seconds=2)))
    yield Alarm(
        Mailbox("", "admin@example.com"), Mailbox("", "noreply@example.com"), "Quizzes", lambda: mailer, 1
    )
    mailer.close()


def a_slot(now):
    return Slot(Kind.REMINDER, "2026-11-23", now, frozenset({"UTC"}))


def test_a_hold_is_told_once_a_day_in_the_log_and_by_mail(alarm, server, now, caplog):
    holds.hold(holds.ALL, "relay_unreachable", now, "quizmail")

    for hours in (0, 1, 2):
        alarm.check(now + timedelta(hours=hours))

    [mail] = server.inbox
    assert mail.recipient == "admin@example.com"
    assert b"relay_unreachable" in mail.content
    assert len([record for record in caplog.records if "alert cause" in record.message]) == 1

    alarm.check(now + timedelta(days=1))
    assert len(server.inbox) == 2


def test_a_missed_run_is_told(alarm, server, now):
    plan.open_run(a_slot(now), now, state=RunState.MISSED)

    assert alarm.check(now) == 1
    assert b"missed" in server.inbox[0].content


@pytest.mark.parametrize(("unknown", "alerts"), [(1, 0), (2, 1)])
def test_unknown_outcomes_are_told_above_the_threshold(alarm, server, now, unknown, alerts):
    plan.open_run(a_slot(now), now)
    rows = [PlannedRow(str(number), now, {}) for number in range(unknown)]
    plan.insert_rows(Kind.REMINDER, "2026-11-23", 1, now, now, rows)
    Delivery.update(state=DeliveryState.UNKNOWN, claimed_at=now).execute()

    assert alarm.check(now) == alerts


@pytest.mark.parametrize(
    "trouble",
    [
        {"state": DeliveryState.UNKNOWN, "claimed_at": timedelta(hours=1)},
        {
            "state": DeliveryState.REJECTED,
            "reason": Failure.NEVER_FINISHED,
            "released_at": timedelta(hours=1),
        },
    ],
    ids=["unknown", "set aside"],
)
def test_new_trouble_of_a_delivery_planned_days_ago_is_told(alarm, now, trouble):
    rows = [PlannedRow(str(number), now + timedelta(days=1), {}) for number in range(2)]
    plan.insert_rows(Kind.REPORT, "2026-10", None, now, now - timedelta(days=2), rows)
    changes = {name: now - each if isinstance(each, timedelta) else each for name, each in trouble.items()}
    Delivery.update(changes).execute()

    assert alarm.check(now) == 1


def test_a_cause_of_two_lines_stops_neither_its_own_alert_nor_the_next(alarm, server, now):
    holds.hold(holds.ALL, "first line\nsecond line", now, "ada")
    plan.open_run(a_slot(now), now, state=RunState.MISSED)

    assert alarm.check(now) == 2
    assert len(server.inbox) == 2


def test_a_comma_in_the_sites_name_leaves_one_sender(alarm, server, now):
    holds.hold(holds.ALL, "maintenance", now, "ada")

    replace(alarm, site_name="Quiz, Inc.").check(now)

    sender = email.message_from_bytes(server.inbox[0].content)["From"]
    assert parseaddr(sender) == ("Quiz, Inc.", "noreply@example.com")


def test_a_relay_that_is_down_does_not_stop_the_alarm(alarm, server, now, caplog):
    holds.hold(holds.ALL, "relay_unreachable", now, "quizmail")
    with server.refusing():
        assert alarm.check(now) == 1
    assert any("could not be mailed" in record.message for record in caplog.records)


def test_what_the_relay_said_of_an_alert_gets_into_no_log(alarm, server, now, caplog):
    holds.hold(holds.ALL, "relay_unreachable", now, "quizmail")
    server.plan = {At.RCPT: "550 5.1.1 <admin@example.com> unknown"}

    with caplog.at_level("INFO"):
        alarm.check(now)

    assert "could not be mailed: rcpt: 550" in caplog.text
    assert "admin" not in caplog.text


def test_an_alert_that_the_relay_would_not_take_is_mailed_at_a_later_tick_and_then_no_more(
    alarm, server, now
):
    holds.hold(holds.ALL, "relay_unreachable", now, "quizmail")
    with server.refusing():
        assert alarm.check(now) == 1

    for minutes in (1, 2, 3):
        assert alarm.check(now + timedelta(minutes=minutes)) == 0
    assert [mail.recipient for mail in server.inbox] == ["admin@example.com"]


def test_two_processes_that_tell_the_same_at_once_send_one_mail(alarm, server, now):
    holds.hold(holds.ALL, "relay_unreachable", now, "quizmail")

    class Slow:
        """While this process waits for the server, another one tells the administrator."""

        def __init__(self):
            self.mailer = alarm.transport()

        def open(self, envelope):
            alarm._mail(
                alarm.administrator, "held all relay_unreachable", "told", now, Alert.mailed_at.is_null()
            )
            return self.mailer.open(envelope)

        def __getattr__(self, name):
            return getattr(self.mailer, name)

    replace(alarm, transport=Slow).check(now)
    assert len(server.inbox) == 1


def test_without_trouble_nobody_is_told(alarm, server, now):
    assert alarm.check(now) == 0
    assert server.inbox == []
