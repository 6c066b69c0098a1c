"""One mail through the real relay, to see that it works. No row is written."""

from datetime import datetime
from typing import Any

from quizmail.composing import Composer
from quizmail.errors import QuizmailError
from quizmail.mailer import Envelope, Mailer, NoAnswer, Relay, Reply
from quizmail.settings import Settings
from quizmail.states import Kind

_FACTS: dict[str, Any] = {
    "name": "",
    "locale": None,
    "zone": "UTC",
    "last_activity": None,
    "days_away": 3,
    "quizzes": [
        {
            "id": "1",
            "title": "This is a test mail",
            "category": "Quizmail",
            "url": None,
            "minutes": 1,
            "closes_at": None,
            "is_new": True,
        }
    ],
    "more": 0,
}


def send(settings: Settings, composer: Composer, address: str, now: datetime) -> str:
    """Send a sample reminder to `address` and return what the relay answered.

    Raises:
        QuizmailError: the relay did not take it; the message says what it said.
    """
    key = (f"test {now.isoformat()}", now.date().isoformat())
    mail = composer.compose(Kind.REMINDER, key, 0, address, _FACTS, now)
    mailer = Mailer(Relay.from_settings(settings))
    try:
        answer = mailer.open(Envelope(mail.envelope_sender, address, len(mail.content)))
        if not isinstance(answer, Reply | NoAnswer):
            answer = mailer.body(mail.content)
    finally:
        mailer.close()
    if isinstance(answer, NoAnswer):
        raise QuizmailError(f"not sent, the relay did not answer at {answer.stage}: {answer.cause}")
    said = f"{answer.code} {answer.text}"
    if not answer.is_positive:
        raise QuizmailError(f"not sent, the relay refused at {answer.stage}: {said}")
    return f"accepted: {said}"
