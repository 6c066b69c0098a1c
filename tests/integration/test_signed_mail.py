"""A signed mail after a real SMTP conversation: aiosmtpd takes it, dkimpy verifies what arrived."""

import asyncio
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from aiosmtpd.smtp import SMTP

from quizmail import testmail, wiring
from quizmail.mailer import Envelope, Mailer, Relay
from quizmail.rendering import Parts
from quizmail.settings import load
from quizmail.states import Kind
from tests.support import signing
from tests.support.configuration import environment
from tests.support.mails import composed, read, render

AT = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)

#: Lines that begin with dots, at the start of a line and of a soft-broken one.
DOTS = ".\n..\n.dot\n" + "x" * 74 + "." * 200 + "\n. \n" + "é." * 200 + "\n.\n"


class Postbox:
    """aiosmtpd's handler: keeps the envelopes."""

    def __init__(self):
        self.envelopes = []

    async def handle_DATA(self, server, session, envelope):
        self.envelopes.append(envelope)
        return "250 2.0.0 taken"


@contextmanager
def a_relay():
    """A postbox, and the port on which aiosmtpd fills it."""
    postbox, loop = Postbox(), asyncio.new_event_loop()
    listening = loop.create_server(lambda: SMTP(postbox, hostname="relay.example"), "127.0.0.1", 0)
    server = loop.run_until_complete(listening)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield postbox, server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def relay():
    with a_relay() as running:
        yield running


@pytest.mark.parametrize("algorithm", signing.ALGORITHMS)
def test_the_signature_survives_the_way(relay, tmp_path, algorithm):
    postbox, port = relay
    signer = signing.signer(tmp_path, algorithm)
    parts = [render(Kind.REMINDER), render(Kind.REPORT), Parts("Grüße " * 40, DOTS, f"<p>{DOTS}</p>")]
    mails = [signer.sign(composed(each), AT) for each in parts]
    mailer = Mailer(Relay(host="127.0.0.1", port=port))
    try:
        for mail in mails:
            mailer.open(Envelope("noreply@example.com", "ada@example.org", len(mail)))
            assert mailer.body(mail).is_positive
    finally:
        mailer.close()

    assert [envelope.content for envelope in postbox.envelopes] == mails
    assert all(signing.verifies(envelope.content) for envelope in postbox.envelopes)


def test_a_test_mail_is_what_the_readers_get(relay, tmp_path):
    postbox, port = relay
    settings = load(
        environment(
            MAIL_PORT=str(port),
            MAIL_REMINDER_SENDER="reminders@example.com",
            DKIM_DOMAIN=signing.DOMAIN,
            DKIM_SELECTOR=signing.SELECTOR,
            DKIM_KEY_FILE=str(signing.key_file(tmp_path)),
        )
    )

    said = testmail.send(settings, wiring.composer_of(settings), "ada@example.org", AT)

    assert said == "accepted: 250 2.0.0 taken"
    (envelope,) = postbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("reminders@example.com", ["ada@example.org"])
    assert read(envelope.content)["From"] == "reminders@example.com"
    assert signing.verifies(envelope.content)
