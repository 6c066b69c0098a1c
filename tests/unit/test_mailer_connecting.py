"""What the mailer says when it cannot connect, secure the connection or log in."""

import logging

import pytest

from quizmail.mailer import Mailer, NoAnswer, Relay, Stage
from tests.support.mailing import ENVELOPE, SENDER, impatient, mailer_to, relay_to, send, sessions_of
from tests.support.smtp_server import OFFERS, At, SmtpServer


@pytest.mark.parametrize(
    ("at", "action", "cause"),
    [
        (At.CONNECT, "drop", "closed the connection"),
        (At.CONNECT, "reset", ""),
        (At.CONNECT, "hang", "did not answer in time"),
        (At.GREETING, "drop", "closed the connection"),
        (At.GREETING, "hang", "did not answer in time"),
        (At.GREETING, "garbage", "unexpected reply: "),
        (At.GREETING, "421 4.3.2 too many connections", "greeting refused: 421 4.3.2 too many connections"),
        (At.GREETING, "554 5.3.2 no service", "greeting refused: 554 5.3.2 no service"),
        (At.GREETING, "354 what", "unexpected reply: 354 what (to greeting)"),
        (At.EHLO, "drop", "closed the connection"),
        (At.EHLO, "hang", "did not answer in time"),
        (At.EHLO, "garbage", "unexpected reply: "),
        (At.EHLO, "421 4.3.2 bye", "EHLO refused: 421 4.3.2 bye"),
        (At.EHLO, "450 4.3.2 later", "EHLO refused: 450 4.3.2 later"),
    ],
)
def test_no_connection_is_no_answer_with_a_clear_cause(at, action, cause):
    with SmtpServer({(at, 1): action}) as server, mailer_to(server, **impatient(action)) as mailer:
        answer = send(mailer)
        assert isinstance(answer, NoAnswer)
        assert answer.stage is Stage.CONNECT
        assert cause in answer.cause
        assert send(mailer).is_positive


LOGIN = {"username": "apikey", "password": "s3cret+pass"}
WITH_AUTH = (*OFFERS, "AUTH PLAIN LOGIN")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_the_login_name_may_be_no_address(mechanism):
    offers = (*OFFERS, f"AUTH {mechanism}")
    with SmtpServer(offers=offers, login=("apikey", "s3cret+pass")) as server:
        with mailer_to(server, **LOGIN) as mailer:
            assert send(mailer).is_positive
        assert server.inbox[0].sender == SENDER


def test_without_a_password_nobody_logs_in():
    with SmtpServer(offers=WITH_AUTH) as server, mailer_to(server, username="quiz") as mailer:
        assert send(mailer).is_positive
        assert not any(command.startswith("AUTH") for command in server.sessions[0].commands)


@pytest.mark.parametrize(
    ("action", "cause"),
    [
        ("drop", "closed the connection"),
        ("hang", "did not answer in time"),
        ("garbage", "unexpected reply: "),
        ("421 4.3.2 bye", "login refused: 421 4.3.2 bye"),
        ("454 4.7.0 later", "login refused: 454 4.7.0 later"),
        ("535 5.7.8 no", "login refused: 535 5.7.8 no"),
    ],
)
def test_a_failed_login_is_no_answer_with_a_clear_cause(action, cause):
    plan = {(At.AUTH, 1): action}
    with (
        SmtpServer(plan, offers=WITH_AUTH) as server,
        mailer_to(server, **LOGIN, **impatient(action)) as mailer,
    ):
        answer = send(mailer)
        assert isinstance(answer, NoAnswer)
        assert answer.stage is Stage.LOGIN
        assert cause in answer.cause
        server.plan = {At.AUTH: "235 welcome"}
        assert send(mailer).is_positive


def test_a_wrong_password_is_no_answer():
    with (
        SmtpServer(offers=WITH_AUTH, login=("apikey", "other")) as server,
        mailer_to(server, **LOGIN) as mailer,
    ):
        assert send(mailer) == NoAnswer(Stage.LOGIN, "login refused: 535 5.7.8 wrong login")


def test_a_password_without_an_offer_of_auth_is_no_answer():
    with SmtpServer() as server, mailer_to(server, **LOGIN) as mailer:
        cause = "login refused: a password is set, but the server offers no AUTH"
        assert send(mailer) == NoAnswer(Stage.LOGIN, cause)


def test_no_mechanism_in_common_is_no_answer():
    with SmtpServer(offers=("AUTH GSSAPI",)) as server, mailer_to(server, **LOGIN) as mailer:
        cause = "login refused: No suitable authentication method found."
        assert send(mailer) == NoAnswer(Stage.LOGIN, cause)


def test_a_password_outside_ascii_is_no_answer():
    with (
        SmtpServer(offers=WITH_AUTH) as server,
        mailer_to(server, username="a", password="pässword") as mailer,
    ):
        cause = "login refused: the login name or the password holds characters outside ASCII"
        assert send(mailer) == NoAnswer(Stage.LOGIN, cause)


@pytest.mark.parametrize("code", [530, 534, 535, 538])
@pytest.mark.parametrize("at", [At.MAIL, At.RCPT])
def test_a_demand_for_a_login_is_not_the_mails_fault(at, code):
    with SmtpServer({(at, 1): f"{code} 5.7.0 log in"}) as server, mailer_to(server) as mailer:
        assert send(mailer) == NoAnswer(Stage.LOGIN, f"login refused: {code} 5.7.0 log in")
        assert send(mailer).is_positive
        assert sessions_of(server) == [2]


def test_no_cause_repeats_a_secret_even_if_the_server_does():
    echo = "535 5.7.8 no: s3cret+pass AGFwaWtleQBzM2NyZXQrcGFzcw== czNjcmV0K3Bhc3M="
    with SmtpServer({At.AUTH: echo}, offers=WITH_AUTH) as server, mailer_to(server, **LOGIN) as mailer:
        assert send(mailer) == NoAnswer(Stage.LOGIN, "login refused: 535 5.7.8 no: *** *** ***")
        assert "s3cret" not in repr(relay_to(server, **LOGIN))


def test_starttls_that_is_wanted_but_not_offered_is_no_answer():
    with SmtpServer() as server, mailer_to(server, use_tls=True) as mailer:
        answer = send(mailer)
        assert answer == NoAnswer(
            Stage.CONNECT, "STARTTLS is wanted (MAIL_USE_TLS), but the server does not offer it"
        )


@pytest.mark.parametrize(
    ("action", "cause"),
    [
        ("454 4.7.0 no TLS today", "STARTTLS refused: 454 4.7.0 no TLS today"),
        ("421 4.3.2 bye", "STARTTLS refused: 421 4.3.2 bye"),
        ("drop", "closed the connection"),
        ("hang", "did not answer in time"),
        ("garbage", "unexpected reply: "),
    ],
)
def test_starttls_that_fails_is_no_answer_and_never_goes_on_in_clear(action, cause):
    with SmtpServer({At.STARTTLS: action}, offers=("STARTTLS", "AUTH PLAIN")) as server:
        with mailer_to(server, use_tls=True, **LOGIN, **impatient(action)) as mailer:
            answer = send(mailer)
        assert answer.stage is Stage.CONNECT
        assert cause in answer.cause
        assert server.sessions[0].commands[1] == "STARTTLS"
        assert not any("AUTH" in command for command in server.sessions[0].commands)


def test_a_host_that_is_none_is_no_answer():
    for host in ("x" * 64 + ".example", "a b"):
        answer = Mailer(Relay(host=host, port=25)).open(ENVELOPE)
        assert isinstance(answer, NoAnswer)
        assert answer.stage is Stage.CONNECT
        assert host in answer.cause


def test_yagmail_writes_no_log(capfd):
    with SmtpServer() as server, mailer_to(server) as mailer:
        assert send(mailer).is_positive
    assert capfd.readouterr() == ("", "")
    assert all(isinstance(each, logging.NullHandler) for each in logging.getLogger("yagmail.log").handlers)
