"""A mailer that speaks with the tests' own server, and a mail for it to send."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from quizmail.mailer import Envelope, Mailer, NoAnswer, Ready, Relay, Reply
from tests.support.smtp_server import OFFERS, SmtpServer

SENDER, RECIPIENT = "bounce@quiz.example.com", "ada@example.org"
MESSAGE = b"Subject: Quizzes\r\n\r\nTwo quizzes wait for you.\r\n"
ENVELOPE = Envelope(SENDER, RECIPIENT, len(MESSAGE))

ONE_BY_ONE = tuple(offer for offer in OFFERS if offer != "PIPELINING")

#: What a server may do instead of an answer, and what it may say that is none.
BROKEN = ["drop", "reset", "hang"]
SENSELESS = ["garbage", "199 wait", "600 what", b"2x0 no\r\n", b"x" * 9000 + b"\r\n"]

#: A time-out that a test which runs into it can afford.
SHORT = timedelta(seconds=0.4)
PATIENT = timedelta(seconds=10)


def relay_to(server: SmtpServer, **changes: Any) -> Relay:
    patience = {"command_timeout": PATIENT, "body_timeout": PATIENT}
    return Relay(**{"host": server.host, "port": server.port, **patience, **changes})


@contextmanager
def mailer_to(
    server: SmtpServer, *, clock: Callable[[], float] | None = None, **changes: Any
) -> Iterator[Mailer]:
    mailer = Mailer(relay_to(server, **changes), **({"clock": clock} if clock else {}))
    try:
        yield mailer
    finally:
        mailer.close()


def send(mailer: Mailer, message: bytes = MESSAGE) -> Reply | NoAnswer:
    answer = mailer.open(ENVELOPE)
    return mailer.body(message) if isinstance(answer, Ready) else answer


def sessions_of(server: SmtpServer) -> list[int]:
    return [mail.session for mail in server.inbox]


def impatient(action: object) -> dict[str, timedelta]:
    """Time-outs that do not keep a test waiting for a server that hangs."""
    return {"command_timeout": SHORT, "body_timeout": SHORT} if action == "hang" else {}
