"""The mailer against a server that behaves, and the values that it takes and gives."""

from datetime import timedelta

import pytest

from quizmail import settings
from quizmail.mailer import Envelope, Mailer, Ready, Relay, Reply, Stage
from tests.support.mailing import (
    ENVELOPE,
    MESSAGE,
    ONE_BY_ONE,
    RECIPIENT,
    SENDER,
    SHORT,
    mailer_to,
    relay_to,
    send,
    sessions_of,
)
from tests.support.smtp_server import OFFERS, At, SmtpServer


def test_a_mail_arrives_with_its_envelope_and_byte_for_byte():
    with SmtpServer() as server, mailer_to(server) as mailer:
        assert mailer.open(ENVELOPE) == Ready()
        assert mailer.body(MESSAGE) == Reply(Stage.BODY, 250, "2.0.0 queued as 1.1")
        [mail] = server.wait_for(1)

        assert (mail.sender, mail.recipient, mail.content) == (SENDER, RECIPIENT, MESSAGE)
        assert mail.options == f"SIZE={len(MESSAGE)}"


@pytest.mark.parametrize("offers", [OFFERS, ONE_BY_ONE, ()])
def test_commands_are_grouped_only_when_the_server_offers_it(offers):
    # The server ends a session whose group it did not offer, or in which anything follows DATA.
    with SmtpServer(offers=offers) as server, mailer_to(server) as mailer:
        assert send(mailer).is_positive

        said = [command.split(":")[0] for command in server.sessions[0].commands[1:]]
        assert said == ["MAIL FROM", "RCPT TO", "DATA"]
        assert server.inbox[0].options == (f"SIZE={len(MESSAGE)}" if offers else "")


def test_nothing_of_the_body_is_sent_before_it_is_asked_for():
    with SmtpServer() as server, mailer_to(server) as mailer:
        assert isinstance(mailer.open(ENVELOPE), Ready)
        mailer.abandon()
        server.wait_until(lambda: server.sessions[0].end is not None)

        assert server.sessions[0].end == "left in body"
        assert not server.inbox
        assert send(mailer).is_positive


@pytest.mark.parametrize(
    ("message", "arrives"),
    [
        (b".one\r\n..two\r\n.\r\n", b".one\r\n..two\r\n.\r\n"),
        (b"a\n.\nb\r.\rc\r\n.\r\n", b"a\r\n.\r\nb\r\n.\r\nc\r\n.\r\n"),
        (b"\n.\r\nQUIT\r\n", b"\r\n.\r\nQUIT\r\n"),
        (b"no end", b"no end\r\n"),
        (b"", b"\r\n"),
        (b".x" * 40 + b"\r\n" + b".23456789\r\n" * 30_000, b".x" * 40 + b"\r\n" + b".23456789\r\n" * 30_000),
    ],
    ids=["dots", "bare line ends", "smuggling", "no end", "empty", "330 kB"],
)
def test_no_message_can_end_before_its_end(message, arrives):
    with SmtpServer() as server, mailer_to(server) as mailer:
        assert send(mailer, message).is_positive
        assert send(mailer).is_positive

        assert [mail.content for mail in server.wait_for(2)] == [arrives, MESSAGE]


def test_the_connection_is_kept_and_replaced_after_so_many_mails():
    with SmtpServer() as server, mailer_to(server, messages_per_connection=2) as mailer:
        assert all(send(mailer).is_positive for _ in range(5))
        mailer.close()
        server.wait_until(lambda: all(session.end for session in server.sessions))

        assert sessions_of(server) == [1, 1, 2, 2, 3]
        assert [session.end for session in server.sessions] == ["quit"] * 3


def test_a_connection_idle_for_over_a_minute_is_replaced():
    instants = iter([0.0, 0.5, 1.0, 60.9, 61.0, 61.2, 61.5, 122.0, 122.1, 122.15, 122.2])
    with SmtpServer() as server, mailer_to(server, clock=lambda: next(instants)) as mailer:
        assert all(send(mailer).is_positive for _ in range(3))

        assert sessions_of(server) == [1, 1, 2]


def test_closing_is_bounded_and_never_raises():
    with SmtpServer({At.QUIT: "hang"}) as server:
        mailer = Mailer(relay_to(server, command_timeout=SHORT))
        assert send(mailer).is_positive
        mailer.close()
        mailer.close()
        server.wait_until(lambda: server.sessions[0].commands[-1] == "QUIT")


def test_closing_between_announcement_and_body_delivers_nothing():
    with SmtpServer() as server, mailer_to(server) as mailer:
        mailer.open(ENVELOPE)
        mailer.close()
        server.wait_until(lambda: server.sessions[0].end == "left in body")

        assert not server.inbox


def test_a_server_that_only_knows_helo_is_served():
    with SmtpServer({At.EHLO: "502 5.5.1 what?"}) as server, mailer_to(server) as mailer:
        assert send(mailer).is_positive
        assert server.inbox[0].options == ""


@pytest.mark.parametrize("at", list(At))
def test_a_slow_server_is_waited_for(at):
    with SmtpServer({at: "slow 0.1"}) as server, mailer_to(server) as mailer:
        assert send(mailer).is_positive
        assert len(server.wait_for(1)) == 1


def test_body_without_an_announcement_is_our_own_mistake():
    with SmtpServer() as server, mailer_to(server) as mailer:
        with pytest.raises(RuntimeError):
            mailer.body(MESSAGE)
        assert send(mailer).is_positive
        with pytest.raises(RuntimeError):
            mailer.body(MESSAGE)


@pytest.mark.parametrize(
    "address",
    ["", "a b@x.org", "a@x.org\r\nDATA", "a@x.org\n", "<a@x.org>", "ä@x.org", "a\t@x.org", "a\0@x.org"],
)
def test_an_address_that_could_break_out_of_its_command_is_refused_before_anything_is_said(address):
    with SmtpServer() as server, mailer_to(server) as mailer:
        for envelope in (Envelope(address, RECIPIENT, 1), Envelope(SENDER, address, 1)):
            with pytest.raises(ValueError) as raised:
                mailer.open(envelope)
            assert address == "" or address not in str(raised.value)
        assert not server.sessions


# The values.


@pytest.mark.parametrize(
    ("code", "text", "enhanced"),
    [
        (550, "5.1.1 nobody", "5.1.1"),
        (550, "5.1.10", "5.1.10"),
        (421, "4.7.28 slow down", "4.7.28"),
        (550, "4.1.1 of another class", None),
        (550, "nobody 5.1.1", None),
        (550, "5.1.1234 x", None),
        (550, "5.1.1.2 x", None),
        (550, "", None),
    ],
)
def test_an_enhanced_code_is_read_only_where_it_belongs(code, text, enhanced):
    assert Reply(Stage.RCPT, code, text).enhanced == enhanced


def test_a_replys_class_is_its_first_digit():
    positive = [code for code in (250, 299, 354, 421, 599) if Reply(Stage.BODY, code, "").is_positive]
    assert positive == [250, 299]


def test_a_replys_text_is_bounded_and_printable():
    with SmtpServer({At.RCPT: "550 " + "é\u202e\x07 " * 900}) as server, mailer_to(server) as mailer:
        text = mailer.open(ENVELOPE).text
        assert len(text) <= 500
        assert set(text) == {"é", " "}


NEEDED = {
    "QUIZ_DATABASE_URL": "sqlite:///quiz.db",
    "DATABASE_URL": "sqlite:///ours.db",
    "MAIL_SERVER": "smtp.example.com",
    "BASE_URL": "https://mail.example.com",
    "SECRET_KEY": "sixteen characters",
    "POSTAL_ADDRESS": "1 Street, Town",
}


def test_the_settings_describe_the_relay():
    relay = Relay.from_settings(
        settings.load(NEEDED | {"MAIL_PASSWORD": "pw", "MAIL_BODY_TIMEOUT_SECONDS": "900"})
    )
    assert (relay.host, relay.port, relay.use_tls, relay.use_ssl) == ("smtp.example.com", 587, True, False)
    assert (relay.username, relay.password) == ("noreply@example.com", "pw")
    assert relay.body_timeout == timedelta(minutes=15)

    relay = Relay.from_settings(settings.load(NEEDED | {"MAIL_USE_SSL": "true", "MAIL_USERNAME": "apikey"}))
    assert (relay.port, relay.use_tls, relay.use_ssl, relay.username) == (465, False, True, "apikey")
