"""What a refusal does beyond its own mail, seen through whole deliveries."""

from datetime import timedelta

import pytest

from quizmail import holds
from quizmail.models import SoftHit, Suppression
from quizmail.outbox import release
from quizmail.states import DeliveryState, Failure
from tests.support.smtp_server import At

pytestmark = pytest.mark.usefixtures("sqlite_database")


def held(desk):
    return [(hold.scope, hold.subject) for hold in holds.in_force(desk.now)]


def test_a_dead_address_is_suppressed_at_once(desk, server):
    server.plan = {At.RCPT: "550 5.1.1 nobody here"}

    assert desk.deliver() == DeliveryState.REJECTED
    assert (Suppression.get().address, Suppression.get().code) == ("ada@example.com", "5.1.1")


def test_a_full_mailbox_is_only_noted(desk, server):
    server.plan = {At.RCPT: "452 4.2.2 full"}

    assert desk.deliver() == DeliveryState.PLANNED
    assert SoftHit.select().count() == 1
    assert Suppression.select().count() == 0


def test_a_success_forgets_the_soft_hits(desk, server):
    server.plan = {(At.RCPT, 1, 1): "452 4.2.2 full"}
    desk.deliver()
    desk.now = desk.row.due_at

    assert desk.deliver() == DeliveryState.SENT
    assert SoftHit.select().count() == 0


def test_a_rate_reply_rests_the_domain_and_spares_the_address(desk, server):
    server.plan = {At.RCPT: "421 4.7.28 too many"}

    assert desk.deliver() == DeliveryState.PLANNED
    assert held(desk) == [("domain", "example.com")]
    assert SoftHit.select().count() == 0


@pytest.mark.parametrize("reply", ["450 4.2.1 <ada@example.com> is greylisted", "421 4.7.28 ada@example.com"])
def test_an_address_that_a_server_repeats_gets_into_no_log(desk, server, caplog, reply):
    server.plan = {At.RCPT: reply}

    with caplog.at_level("DEBUG", logger="quizmail"):
        desk.deliver()

    assert caplog.records
    assert "ada@example.com" not in caplog.text


def test_while_its_domain_rests_a_mail_waits_without_using_up_a_try(desk, server):
    holds.hold(holds.Subject(holds.Scope.DOMAIN, "example.com"), "test", desk.now, "operator")

    assert desk.deliver() == DeliveryState.PLANNED

    assert (desk.row.reason, desk.row.attempts) == (Failure.DOMAIN_HELD, 0)
    assert desk.row.due_at > desk.now + timedelta(minutes=10)
    assert release.release(desk.now, 10, timedelta(minutes=10)) == []
    assert server.sessions == []


def test_a_relay_that_refuses_our_sender_holds_everything_and_burns_no_try(desk, server):
    server.plan = {At.MAIL: "550 5.7.1 sender not allowed"}

    for _ in range(3):
        assert desk.deliver() == DeliveryState.PLANNED
        assert desk.row.attempts == 0
        desk.now = desk.row.due_at

    desk.now -= timedelta(minutes=1)
    assert held(desk) == [("all", "")]


def test_our_own_fault_in_the_content_holds_the_kind_and_spares_the_address(desk, server):
    server.plan = {At.DOT: "554 5.6.0 cannot read this"}

    assert desk.deliver() == DeliveryState.REJECTED
    assert Suppression.select().count() == 0
    assert [(row[0], row[1]) for row in holds.board().rows] == [("kind", "reminder")]


def test_a_mail_that_goes_through_ends_the_hold_that_failures_began(desk, server):
    holds.strike(holds.Subject(holds.Scope.DOMAIN, "example.com"), "rate", "421", desk.now, 1)
    desk.now += timedelta(minutes=2)

    assert desk.deliver() == DeliveryState.SENT
    assert holds.board().rows == []
