"""What the mailer makes of every answer to the body, and of none: after the claim."""

from itertools import chain, repeat

import pytest

from quizmail.mailer import NoAnswer, Reply, Stage
from tests.support.mailing import BROKEN, SENSELESS, SHORT, impatient, mailer_to, send, sessions_of
from tests.support.smtp_server import At, SmtpServer


def send_for_ever(mailer):
    while True:
        send(mailer)


@pytest.mark.parametrize("at", [At.BODY, At.DOT])
@pytest.mark.parametrize("reply", ["450 4.2.1 later", "550 5.7.1 spam", "552 5.3.4 too big"])
def test_the_answer_to_the_body_decides_and_the_connection_goes_on_after_rset(at, reply):
    with SmtpServer({(at, 1, 1): reply}) as server, mailer_to(server) as mailer:
        assert send(mailer) == Reply(Stage.BODY, int(reply[:3]), reply[4:])
        assert not server.inbox
        assert send(mailer).is_positive
        assert sessions_of(server) == [1]
        assert "RSET" in server.sessions[0].commands


@pytest.mark.parametrize("at", [At.BODY, At.DOT])
@pytest.mark.parametrize(
    "said", ["421 4.3.2 shutting down", b"421 4.3.2 shutting down\r\n"], ids=["closes", "stays"]
)
def test_a_421_to_the_body_is_a_reply_and_ends_the_connection_even_if_the_server_does_not(at, said):
    with SmtpServer({(at, 1): said}) as server, mailer_to(server) as mailer:
        assert send(mailer) == Reply(Stage.BODY, 421, "4.3.2 shutting down")
        assert send(mailer).is_positive
        assert sessions_of(server) == [2]


@pytest.mark.parametrize("at", [At.BODY, At.DOT, At.ANSWER])
@pytest.mark.parametrize("action", [*BROKEN, *SENSELESS, "354 go on"])
def test_no_proper_answer_to_the_body_is_no_answer_and_ends_the_connection(at, action):
    with SmtpServer({(at, 1): action}) as server, mailer_to(server, **impatient(action)) as mailer:
        answer = send(mailer)
        assert isinstance(answer, NoAnswer)
        assert answer.stage is Stage.BODY
        assert len(server.inbox) == (at is At.ANSWER)
        assert send(mailer).is_positive
        assert server.inbox[-1].session == 2


@pytest.mark.parametrize("action", BROKEN)
def test_a_long_body_that_is_not_read_to_its_end_is_no_answer(action):
    with SmtpServer({At.BODY: action}) as server, mailer_to(server, **impatient(action)) as mailer:
        answer = send(mailer, b"x" * 76 + b"\r\n" + b"a line of a long mail\r\n" * 1_000_000)
        assert isinstance(answer, NoAnswer)
        assert answer.stage is Stage.BODY
        assert not server.inbox


def test_the_answer_to_the_body_is_waited_for_longer_than_that_to_a_command():
    with SmtpServer({At.DOT: "slow 0.6"}) as server, mailer_to(server, command_timeout=SHORT) as mailer:
        assert send(mailer).is_positive


@pytest.mark.parametrize("interrupted", range(4))
def test_an_interrupt_closes_the_connection_and_goes_on_up(interrupted):
    def strike():
        raise KeyboardInterrupt

    times = chain(repeat(float, interrupted), [strike], repeat(float))
    with SmtpServer() as server, mailer_to(server, clock=lambda: next(times)()) as mailer:
        with pytest.raises(KeyboardInterrupt):
            send_for_ever(mailer)
        accepted = len(server.inbox)
        assert send(mailer).is_positive
        assert server.inbox[accepted].session == 2
