"""The tests' own SMTP server, seen through the standard library's client."""

import smtplib

import pytest

from tests.support.smtp_server import OFFERS, At, SmtpServer

MAIL = ("a@example.com", ["b@example.org"], b"Subject: x\r\n\r\n.dot\r\n")


def test_it_keeps_what_it_accepts_and_the_hook_sees_it_before_the_sender_hears():
    heard, seen = [], []
    with SmtpServer(on_accept=lambda mail: seen.append((mail.content, len(heard)))) as server:
        with smtplib.SMTP(server.host, server.port, timeout=10) as client:
            heard.append(client.sendmail(*MAIL))
            heard.append(client.sendmail(*MAIL))
        first, second = server.wait_for(2)

    assert seen == [(MAIL[2], 0), (MAIL[2], 1)]
    assert (first.sender, first.recipient, first.content) == ("a@example.com", "b@example.org", MAIL[2])
    assert (first.session, second.session) == (1, 1)
    assert server.sessions[0].end == "quit"


def test_a_plan_may_name_session_and_message_or_be_a_function():
    def by_function(at, session, message):
        return "450 later" if (at, session, message) == (At.RCPT, 2, 1) else None

    for plan in ({(At.RCPT, 2, 1): "450 later"}, {(At.RCPT, 2): "450 later"}, by_function):
        with SmtpServer(plan) as server:
            with smtplib.SMTP(server.host, server.port, timeout=10) as client:
                client.sendmail(*MAIL)
            with (
                smtplib.SMTP(server.host, server.port, timeout=10) as client,
                pytest.raises(smtplib.SMTPRecipientsRefused),
            ):
                client.sendmail(*MAIL)
            assert len(server.inbox) == 1


@pytest.mark.parametrize(("option", "code"), [("SMTPUTF8", 555), ("RET=HDRS", 555), ("BODY=8BITMIME", 250)])
def test_it_takes_only_the_options_that_it_offers(option, code):
    with SmtpServer() as server, smtplib.SMTP(server.host, server.port, timeout=10) as client:
        client.ehlo()
        assert client.docmd(f"MAIL FROM:<a@example.com> {option}")[0] == code
    with (
        SmtpServer(offers=(*OFFERS, "SMTPUTF8", "DSN")) as server,
        smtplib.SMTP(server.host, server.port, timeout=10) as client,
    ):
        client.ehlo()
        assert client.docmd(f"MAIL FROM:<a@example.com> {option}")[0] == 250


def test_a_group_that_was_not_offered_ends_the_session():
    with SmtpServer(offers=()) as server, smtplib.SMTP(server.host, server.port, timeout=10) as client:
        client.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n")
        server.wait_until(lambda: server.sessions[0].end is not None)
    assert server.sessions[0].end.startswith("improper pipelining")


def test_it_can_refuse_connections_for_a_while():
    with SmtpServer() as server:
        with server.refusing(), pytest.raises(ConnectionRefusedError):
            smtplib.SMTP(server.host, server.port, timeout=10)
        smtplib.SMTP(server.host, server.port, timeout=10).quit()
