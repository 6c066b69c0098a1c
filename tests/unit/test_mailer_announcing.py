"""What the mailer makes of every answer to MAIL, RCPT and DATA: before the claim."""

import pytest

from quizmail.mailer import NoAnswer, Reply, Stage
from tests.support.mailing import (
    BROKEN,
    ENVELOPE,
    ONE_BY_ONE,
    SENSELESS,
    impatient,
    mailer_to,
    send,
    sessions_of,
)
from tests.support.smtp_server import OFFERS, At, SmtpServer

ANNOUNCEMENT = [At.MAIL, At.RCPT, At.DATA]


@pytest.mark.parametrize("offers", [OFFERS, ONE_BY_ONE], ids=["grouped", "one by one"])
@pytest.mark.parametrize("at", ANNOUNCEMENT)
@pytest.mark.parametrize("code", [450, 451, 452, 500, 550, 552, 554])
def test_a_refusal_is_a_reply_and_the_connection_goes_on_after_rset(at, code, offers):
    plan = {(at, 1, 1): f"{code} not\tthis \x1b[1mone"}
    with SmtpServer(plan, offers=offers) as server, mailer_to(server) as mailer:
        assert mailer.open(ENVELOPE) == Reply(Stage(at), code, "not this [1mone")
        assert not server.inbox
        assert send(mailer).is_positive

        assert sessions_of(server) == [1]
        assert "RSET" in server.sessions[0].commands


@pytest.mark.parametrize("offers", [OFFERS, ONE_BY_ONE], ids=["grouped", "one by one"])
@pytest.mark.parametrize("at", ANNOUNCEMENT)
@pytest.mark.parametrize("said", ["421 4.7.0 too fast", b"421 4.7.0 too fast\r\n"], ids=["closes", "stays"])
def test_a_421_is_a_reply_and_ends_the_connection_even_if_the_server_does_not(at, offers, said):
    plan = {(at, 1): said}
    with SmtpServer(plan, offers=offers) as server, mailer_to(server) as mailer:
        answer = mailer.open(ENVELOPE)
        assert answer == Reply(Stage(at), 421, "4.7.0 too fast")
        assert answer.code // 100 == 4
        assert send(mailer).is_positive
        assert sessions_of(server) == [2]


@pytest.mark.parametrize("offers", [OFFERS, ONE_BY_ONE], ids=["grouped", "one by one"])
@pytest.mark.parametrize("at", ANNOUNCEMENT)
@pytest.mark.parametrize("action", [*BROKEN, *SENSELESS, "wrong"])
def test_what_is_no_proper_reply_is_no_answer_and_ends_the_connection(at, action, offers):
    wrong = "250 ok" if at is At.DATA else "354 go on"
    plan = {(at, 1): wrong if action == "wrong" else action}
    with SmtpServer(plan, offers=offers) as server, mailer_to(server, **impatient(action)) as mailer:
        answer = mailer.open(ENVELOPE)
        assert isinstance(answer, NoAnswer)
        assert answer.stage == Stage(at)
        assert not server.inbox
        assert send(mailer).is_positive
        assert sessions_of(server) == [2]


def test_the_causes_tell_a_time_out_from_a_closed_connection_and_from_nonsense():
    actions = ["hang", "drop", "250 ok", "garbage"]
    causes = []
    for action in actions:
        with SmtpServer({At.DATA: action}) as server, mailer_to(server, **impatient(action)) as mailer:
            causes.append(mailer.open(ENVELOPE).cause)

    assert causes[:3] == [
        "the server did not answer in time",
        "the server closed the connection",
        "unexpected reply: 250 ok",
    ]
    assert causes[3].startswith("unexpected reply: ")


def test_the_first_refusal_counts_whatever_follows_it():
    for last in ["503 5.5.1 no", "421 4.3.2 bye", "garbage", "drop", "250 ok"]:
        plan = {(At.RCPT, 1): "550 5.1.1 nobody", (At.DATA, 1): last}
        with SmtpServer(plan) as server, mailer_to(server) as mailer:
            assert mailer.open(ENVELOPE) == Reply(Stage.RCPT, 550, "5.1.1 nobody")
            server.plan = {}
            assert send(mailer).is_positive
            assert sessions_of(server) == [1 if last.startswith("503") else 2]


def test_a_refused_mail_lets_a_strange_server_deliver_nothing():
    # To a server that took the recipient, a lone dot would be an empty mail.
    plan = {At.MAIL: "550 5.7.1 not you", At.RCPT: "250 ok", At.DATA: "354 go on"}
    with SmtpServer(plan) as server, mailer_to(server) as mailer:
        assert mailer.open(ENVELOPE) == Reply(Stage.MAIL, 550, "5.7.1 not you")
        server.wait_until(lambda: server.sessions[0].end == "left in body")
        assert not server.inbox


@pytest.mark.parametrize("refusal", [{At.RCPT: "550 5.1.1 nobody"}, {At.MAIL: "451 4.3.0 later"}])
@pytest.mark.parametrize(
    ("dot", "session"),
    [(None, 1), ("451 4.3.0 later", 1), ("250 ok", 2), ("hang", 2), ("drop", 2), ("garbage", 2)],
)
def test_a_354_after_a_refusal_is_answered_by_a_lone_dot(refusal, dot, session):
    plan = {**refusal, At.DATA: "354 go on", At.DOT: dot}
    [stage] = refusal
    with SmtpServer(plan) as server, mailer_to(server, **impatient(dot)) as mailer:
        answer = mailer.open(ENVELOPE)
        assert isinstance(answer, Reply) and answer.stage == Stage(stage)
        assert all(mail.recipients == () for mail in server.inbox)
        server.plan = {}
        assert send(mailer).is_positive
        assert server.inbox[-1].session == session


def test_a_reply_of_several_lines_is_one_line_of_text():
    with SmtpServer({At.RCPT: "550-5.1.1 Nobody\n550 5.1.1 here"}) as server, mailer_to(server) as mailer:
        answer = mailer.open(ENVELOPE)
        assert answer == Reply(Stage.RCPT, 550, "5.1.1 Nobody 5.1.1 here")
        assert answer.enhanced == "5.1.1"


def test_more_than_the_354_is_no_answer():
    with SmtpServer({At.DATA: b"354 go on\r\n250 queued\r\n"}) as server, mailer_to(server) as mailer:
        assert mailer.open(ENVELOPE) == NoAnswer(Stage.DATA, "unexpected reply: more than the 354")


# A kept connection.


@pytest.mark.parametrize("offers", [OFFERS, ONE_BY_ONE], ids=["grouped", "one by one"])
@pytest.mark.parametrize("plan", [{(At.AFTER, 1): "drop"}, {(At.AFTER, 1): "421 4.4.2 idle too long"}])
def test_a_connection_closed_while_idle_is_replaced_silently(plan, offers):
    with SmtpServer(plan, offers=offers) as server, mailer_to(server) as mailer:
        assert send(mailer).is_positive
        server.wait_until(lambda: server.sessions[0].end == "dropped")
        assert send(mailer).is_positive
        assert sessions_of(server) == [1, 2]


@pytest.mark.parametrize("action", [*BROKEN, "garbage", "421 4.4.2 idle too long"])
def test_a_kept_connection_that_fails_at_its_first_command_is_replaced_once(action):
    plan = {(At.MAIL, 1, 2): action, (At.MAIL, 3): "drop"}
    with SmtpServer(plan) as server, mailer_to(server, **impatient(action)) as mailer:
        assert send(mailer).is_positive
        assert send(mailer).is_positive
        assert sessions_of(server) == [1, 2]
        server.plan = {At.MAIL: "drop"}
        assert send(mailer) == NoAnswer(Stage.MAIL, "the server closed the connection")
        assert len(server.sessions) == 3


def test_a_kept_connection_is_not_replaced_for_a_refusal_or_a_later_failure():
    plan = {(At.MAIL, 1, 2): "451 4.3.0 later", (At.RCPT, 1, 3): "drop"}
    with SmtpServer(plan) as server, mailer_to(server) as mailer:
        assert send(mailer).is_positive
        assert send(mailer) == Reply(Stage.MAIL, 451, "4.3.0 later")
        assert send(mailer) == NoAnswer(Stage.RCPT, "the server closed the connection")
        assert len(server.sessions) == 1


@pytest.mark.parametrize("action", [*BROKEN, "garbage", "502 5.5.1 no RSET here", "421 4.3.2 bye"])
def test_a_connection_that_cannot_be_reset_is_replaced(action):
    plan = {(At.RCPT, 1, 1): "550 5.1.1 nobody", At.RSET: action}
    with SmtpServer(plan) as server, mailer_to(server, **impatient(action)) as mailer:
        assert send(mailer).code // 100 == 5
        assert send(mailer).is_positive
        assert sessions_of(server) == [2]


def test_what_the_server_says_unasked_is_not_taken_for_the_word_on_the_next_mail():
    plan = {(At.ANSWER, 1): b"250 2.0.0 queued\r\n550 5.1.1 nobody\r\n"}
    with SmtpServer(plan) as server, mailer_to(server) as mailer:
        assert send(mailer) == Reply(Stage.BODY, 250, "2.0.0 queued")
        assert send(mailer).is_positive
        assert sessions_of(server) == [1, 2]


def test_a_server_that_went_away_is_no_answer_and_one_that_came_back_is_used_again():
    with SmtpServer({(At.AFTER, 1): "drop"}) as server, mailer_to(server) as mailer:
        assert send(mailer).is_positive
        with server.refusing():
            refused = NoAnswer(Stage.CONNECT, f"connection refused by 127.0.0.1:{server.port}")
            assert send(mailer) == refused
            assert send(mailer) == refused
        assert send(mailer).is_positive
