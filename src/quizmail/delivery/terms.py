"""What the parts of a delivery share: its settings, the way to the server, a mail that is ready."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from quizmail.composing import Mail
from quizmail.mailer import Envelope, NoAnswer, Ready, Reply
from quizmail.outbox.valve import Pace
from quizmail.outbox.work import Work


class Transport(Protocol):
    """What a delivery needs of the mailer; see ``mailer.Mailer``."""

    def open(self, envelope: Envelope) -> Ready | Reply | NoAnswer:
        """Bring the server to the point where it waits for the body."""

    def body(self, message: bytes, ahead: Envelope | None = None) -> Reply | NoAnswer:
        """Send the body, announce the mail `ahead` behind it if that is possible, and wait for the answer."""

    def has_word(self) -> bool:
        """Say whether the server waits already for the body of the mail announced behind the last one."""

    def abandon(self) -> None:
        """Close the connection so that the server drops the mail."""


@dataclass(frozen=True)
class Terms:
    """The settings that a delivery goes by. ``lease``: how long a claim may wait for its outcome."""

    inactive_after: timedelta
    hold_after_failures: int
    lease: timedelta
    pace: Pace


class Letter(NamedTuple):
    """A delivery with its composed mail and envelope, ready to be sent.

    Attributes:
        begun: when the work on it did, in monotonic seconds.
        checked_at: when the platform was asked whether it is still wanted.
    """

    work: Work
    address: str
    mail: Mail
    begun: float
    envelope: Envelope
    checked_at: datetime
