"""A mail that is announced behind the body of the one before: one round trip for each."""

from itertools import count

import pytest

from quizmail.mailer import Envelope, NoAnswer, Ready, Reply, Stage
from tests.support.mailing import (
    BROKEN,
    ENVELOPE,
    MESSAGE,
    ONE_BY_ONE,
    SENDER,
    impatient,
    mailer_to,
    send,
    sessions_of,
)
from tests.support.smtp_server import At, SmtpServer

NEXT = Envelope(SENDER, "grace@example.org", len(MESSAGE))


def send_two(mailer, first=ENVELOPE, second=NEXT):
    """Send one mail with the next announced behind it; return what came of each."""
    assert mailer.open(first) == Ready()
    one = mailer.body(MESSAGE, second)
    opened = mailer.open(second)
    return one, mailer.body(MESSAGE) if isinstance(opened, Ready) else opened


def recipients_of(server):
    return [mail.recipient for mail in server.inbox]


def test_both_mails_arrive_over_one_connection():
    with SmtpServer() as server, mailer_to(server) as mailer:
        one, two = send_two(mailer)

        assert one.is_positive and two.is_positive
        assert recipients_of(server) == [ENVELOPE.recipient, NEXT.recipient]
        assert sessions_of(server) == [1, 1]


def test_the_announcement_leaves_with_the_body():
    with SmtpServer() as server, mailer_to(server) as mailer:
        mailer.open(ENVELOPE)
        assert mailer.body(MESSAGE, NEXT).is_positive

        server.wait_until(lambda: server.sessions[0].message == 2)
        assert mailer.open(NEXT) == Ready()


def test_a_server_that_takes_no_groups_is_told_of_the_next_mail_when_it_has_answered():
    with SmtpServer(offers=ONE_BY_ONE) as server, mailer_to(server) as mailer:
        mailer.open(ENVELOPE)
        mailer.body(MESSAGE, NEXT)

        assert server.sessions[0].message == 1
        assert not mailer.has_word()
        assert mailer.open(NEXT) == Ready()


@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.DATA])
def test_a_refusal_of_the_next_mail_is_its_own(at):
    with SmtpServer({(at, 1, 2): "550 5.1.1 not this one"}) as server, mailer_to(server) as mailer:
        one, two = send_two(mailer)

        assert one.is_positive
        assert two == Reply(Stage(at), 550, "5.1.1 not this one")
        assert send(mailer).is_positive
        assert sessions_of(server) == [1, 1]


def test_a_refusal_of_the_body_leaves_the_next_mail_alone():
    with SmtpServer({(At.DOT, 1, 1): "554 5.7.1 spam"}) as server, mailer_to(server) as mailer:
        one, two = send_two(mailer)

        assert one == Reply(Stage.BODY, 554, "5.7.1 spam")
        assert two.is_positive
        assert recipients_of(server) == [NEXT.recipient]


@pytest.mark.parametrize("action", [*BROKEN, "garbage", "421 4.3.2 going down"])
def test_when_the_body_has_no_good_answer_the_next_mail_begins_anew(action):
    plan = {(At.DOT, 1): action}
    with SmtpServer(plan) as server, mailer_to(server, **impatient(action)) as mailer:
        one, two = send_two(mailer)

        assert isinstance(one, NoAnswer) or one.code == 421
        assert two.is_positive
        assert recipients_of(server) == [NEXT.recipient]
        assert sessions_of(server) == [2]


@pytest.mark.parametrize("after", ["drop", "421 4.7.0 enough for one connection"])
def test_a_server_that_closes_after_a_mail_gets_the_next_one_over_a_new_connection(after):
    with SmtpServer({(At.AFTER, 1): after}) as server, mailer_to(server) as mailer:
        one, two = send_two(mailer)

        assert one.is_positive and two.is_positive
        assert sessions_of(server) == [1, 2]


def test_a_server_that_thinks_of_another_transaction_is_asked_anew_once():
    nested = "503 5.5.1 nested MAIL"
    with SmtpServer({(At.MAIL, 1, 2): nested}) as server, mailer_to(server) as mailer:
        assert all(answer.is_positive for answer in send_two(mailer))
        assert sessions_of(server) == [1, 2]

        server.plan = {At.MAIL: nested}
        assert send(mailer) == Reply(Stage.MAIL, 503, "5.5.1 nested MAIL")


def test_a_server_that_takes_long_for_a_mail_is_told_of_the_next_one_when_it_has_answered():
    seconds = count(step=5.0)
    with SmtpServer() as server, mailer_to(server, clock=lambda: next(seconds)) as mailer:
        mailer.open(ENVELOPE)
        mailer.body(MESSAGE)
        mailer.open(ENVELOPE)
        mailer.body(MESSAGE, NEXT)

        assert server.sessions[0].message == 2
        assert mailer.open(NEXT) == Ready()


@pytest.mark.parametrize("first", [b"250 2.1.0 ok\r\n", b"250-more\r\n250-and more\r\n250 2.1.0 ok\r\n"])
def test_some_of_the_answers_to_the_next_mail_are_no_word(first):
    plan = {(At.MAIL, 1, 2): first, (At.RCPT, 1, 2): "hang"}
    with SmtpServer(plan) as server, mailer_to(server, **impatient("hang")) as mailer:
        mailer.open(ENVELOPE)
        assert mailer.body(MESSAGE, NEXT).is_positive
        assert not mailer.has_word()


def test_a_connection_that_has_served_its_time_is_told_of_no_other_mail():
    with SmtpServer() as server, mailer_to(server, messages_per_connection=1) as mailer:
        assert all(answer.is_positive for answer in send_two(mailer))

        assert sessions_of(server) == [1, 2]
        assert server.sessions[0].message == 1


def test_an_announcement_that_nobody_follows_up_delivers_nothing():
    with SmtpServer() as server, mailer_to(server) as mailer:
        mailer.open(ENVELOPE)
        mailer.body(MESSAGE, NEXT)
        assert send(mailer).is_positive

        assert recipients_of(server) == [ENVELOPE.recipient, ENVELOPE.recipient]
        assert sessions_of(server) == [1, 2]
        mailer.open(ENVELOPE)
        mailer.body(MESSAGE, NEXT)
        mailer.close()
        server.wait_until(lambda: server.sessions[1].end == "left in body")


def test_an_address_that_cannot_be_announced_does_not_spoil_the_mail_before_it():
    bad = Envelope(SENDER, "no <address>", len(MESSAGE))
    with SmtpServer() as server, mailer_to(server) as mailer:
        mailer.open(ENVELOPE)
        assert mailer.body(MESSAGE, bad).is_positive
        with pytest.raises(ValueError, match="cannot stand"):
            mailer.open(bad)


def test_it_is_known_whether_the_answers_to_the_next_mail_have_come():
    with SmtpServer({(At.MAIL, 1, 2): "hang"}) as server, mailer_to(server, **impatient("hang")) as mailer:
        mailer.open(ENVELOPE)
        mailer.body(MESSAGE, NEXT)
        assert not mailer.has_word()

        server.plan = {}
        assert mailer.open(NEXT) == Ready()  # over a new connection
        mailer.body(MESSAGE, ENVELOPE)
        server.wait_until(lambda: server.sessions[1].message == 2)
        while not mailer.has_word():
            pass
        assert mailer.open(ENVELOPE) == Ready()


def test_a_long_body_carries_the_announcement_in_its_last_block():
    long = b"Subject: long\r\n\r\n" + b"a line of the mail\r\n" * 10_000
    with SmtpServer() as server, mailer_to(server) as mailer:
        mailer.open(ENVELOPE)
        assert mailer.body(long, NEXT).is_positive
        assert mailer.open(NEXT) == Ready()
        assert mailer.body(MESSAGE).is_positive

        assert [mail.content for mail in server.inbox] == [long, MESSAGE]
