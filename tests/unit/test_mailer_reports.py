"""How the mailer asks for delivery reports (RFC 3461), and when it does not."""

import pytest

from quizmail.mailer import Envelope, NoAnswer, Ready, Reply, Stage
from tests.support.mailing import MESSAGE, ONE_BY_ONE, RECIPIENT, SENDER, mailer_to
from tests.support.smtp_server import OFFERS, At, SmtpServer

TOKEN = "aaaabbbbccccddddeeeeffffgggghhhh22223333"
ENVELOPE = Envelope(SENDER, RECIPIENT, len(MESSAGE), TOKEN)


def announced(server):
    return [line for line in server.sessions[0].commands if line.startswith(("MAIL", "RCPT"))]


@pytest.mark.parametrize("offers", [OFFERS, ONE_BY_ONE], ids=["grouped", "one by one"])
def test_reports_of_failure_and_delay_are_asked_for_where_they_are_offered(offers):
    with SmtpServer(offers=[*offers, "DSN"]) as server, mailer_to(server) as mailer:
        assert mailer.open(ENVELOPE) == Ready()
        assert mailer.body(MESSAGE).is_positive

        assert announced(server) == [
            f"MAIL FROM:<{SENDER}> SIZE={len(MESSAGE)} RET=HDRS ENVID={TOKEN}",
            f"RCPT TO:<{RECIPIENT}> NOTIFY=FAILURE,DELAY ORCPT=rfc822;{RECIPIENT}",
        ]
        [mail] = server.inbox
        assert (mail.sender, mail.recipient) == (SENDER, RECIPIENT)


def test_a_relay_that_does_not_offer_reports_is_not_asked():
    with SmtpServer() as server, mailer_to(server) as mailer:
        assert mailer.open(ENVELOPE) == Ready()

        assert announced(server) == [f"MAIL FROM:<{SENDER}> SIZE={len(MESSAGE)}", f"RCPT TO:<{RECIPIENT}>"]


def test_an_envelope_without_an_id_asks_for_nothing():
    with SmtpServer(offers=[*OFFERS, "DSN"]) as server, mailer_to(server) as mailer:
        assert mailer.open(Envelope(SENDER, RECIPIENT, len(MESSAGE))) == Ready()

        assert announced(server)[1] == f"RCPT TO:<{RECIPIENT}>"


def test_plus_and_equals_travel_in_hexadecimal():
    envelope = Envelope(SENDER, "ada+quiz=x@example.org", len(MESSAGE), "a+b=c")
    with SmtpServer(offers=[*OFFERS, "DSN"]) as server, mailer_to(server) as mailer:
        assert mailer.open(envelope) == Ready()

        mail, rcpt = announced(server)
        assert mail.endswith(" ENVID=a+2Bb+3Dc")
        assert rcpt.endswith(" ORCPT=rfc822;ada+2Bquiz+3Dx@example.org")


@pytest.mark.parametrize("envid", ["", "a b", "a\r\nDATA", "ä", "x" * 101])
def test_an_id_that_no_command_can_carry_is_an_error_before_anything_is_said(envid):
    with SmtpServer(offers=[*OFFERS, "DSN"]) as server, mailer_to(server) as mailer:
        with pytest.raises(ValueError, match="id"):
            mailer.open(Envelope(SENDER, RECIPIENT, 1, envid))

        assert not server.sessions


@pytest.mark.parametrize("offers", [OFFERS, ONE_BY_ONE], ids=["grouped", "one by one"])
def test_a_refusal_and_the_next_mail_go_as_without_reports(offers):
    plan = {(At.RCPT, 1, 1): "550 5.1.1 nobody"}
    with SmtpServer(plan, offers=[*offers, "DSN"]) as server, mailer_to(server) as mailer:
        assert mailer.open(ENVELOPE) == Reply(Stage.RCPT, 550, "5.1.1 nobody")
        assert mailer.open(ENVELOPE) == Ready()
        assert not isinstance(mailer.body(MESSAGE), NoAnswer)

        assert len(server.inbox) == 1
