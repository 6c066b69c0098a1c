"""The way of a few mails: still wanted? compose, open, claim, body, outcome.

The claim is made between the server's 354 and the first byte of the body, so we can be unsure of a mail
only when the process dies or the link breaks between the claim and the recorded answer
(RFC 1047); such a delivery becomes ``unknown``, and only an operator or a setting has it sent again.

``deliverer`` is the door, ``selection`` finds and composes what may go now, ``round`` sends it over one
connection, ``outcomes`` says what an answer means for the mail.
"""

from quizmail.delivery.deliverer import Deliverer
from quizmail.delivery.terms import Terms, Transport

__all__ = ["Deliverer", "Terms", "Transport"]
