"""Handing mails to the relay over SMTP: the only package that knows yagmail and smtplib.

What the relay answers is a value, never an exception: a ``Reply`` is its word on this mail, a
``NoAnswer`` says that there was none. A mail is handed over in two steps, so that the caller can
claim it between them:

    answer = mailer.open(Envelope(sender, recipient, len(message)))
    if isinstance(answer, Ready):       # the relay said 354; nothing of the body has been sent
        answer = mailer.body(message)   # or mailer.abandon(), and the relay has no mail
"""

from quizmail.mailer.client import Mailer
from quizmail.mailer.examining import Offer, examine
from quizmail.mailer.values import Envelope, NoAnswer, Ready, Relay, Reply, Stage

__all__ = ["Envelope", "Mailer", "NoAnswer", "Offer", "Ready", "Relay", "Reply", "Stage", "examine"]
