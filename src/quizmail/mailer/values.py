"""The values that the mailer takes and gives: relay and envelope in; ready, reply or no answer out."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self

from quizmail.settings import Settings

_LONGEST_TEXT = 500
_ENHANCED = re.compile(r"([245])\.\d{1,3}\.\d{1,3}(?!\S)")


class Stage(StrEnum):
    """How far the conversation with the relay had come."""

    CONNECT = "connect"  # the TCP connection, TLS, the greeting and EHLO
    LOGIN = "login"  # AUTH, or a reply that demands it
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # the command; before the claim
    BODY = "body"  # the message itself and its answer; after the claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """The mail server that takes our mail, and how to speak with it.

    Attributes:
        use_ssl: TLS from the first byte (usually port 465); wins over `use_tls`.
        use_tls: STARTTLS, which is then required, never optional.
        username: the login name; it may differ from every address in the mail.
        password: None logs in nowhere.
        oauth2_file: yagmail's Gmail OAuth2 file; if given, it takes the place of the password.
        ca_file: a PEM file of authorities to trust besides the system's.
        command_timeout: how long to wait for the connection and for the answer to each command.
        body_timeout: how long to wait for the answer to the body. Less than ten minutes breeds
            duplicates (RFC 5321 section 4.5.3.2.6).
        messages_per_connection: after so many mails the connection is replaced by a new one.
    """

    host: str
    port: int
    use_ssl: bool = False
    use_tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    oauth2_file: Path | None = None
    ca_file: Path | None = None
    command_timeout: timedelta = timedelta(minutes=1)
    body_timeout: timedelta = timedelta(minutes=10)
    messages_per_connection: int = 100

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the relay of the MAIL_* settings; the login name defaults to the sender's address."""
        return cls(
            host=settings.mail_server,
            port=settings.relay_port,
            use_ssl=settings.mail_use_ssl,
            use_tls=settings.mail_use_tls and not settings.mail_use_ssl,
            username=settings.mail_username or settings.mail_default_sender.address,
            password=settings.mail_password,
            oauth2_file=settings.mail_oauth2_file,
            ca_file=settings.mail_ca_file,
            command_timeout=settings.mail_command_timeout,
            body_timeout=settings.mail_body_timeout,
            messages_per_connection=settings.mail_messages_per_connection,
        )

    @property
    def address(self) -> str:
        """The host and port, as an operator reads them."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where one mail comes from and goes to: bare ASCII addresses, and the message's length in bytes.

    ``envid``: what a delivery report is to repeat (RFC 3461), at most 100 characters of printable ASCII.
    With it reports of failures and delays are asked for, where the relay offers them.
    """

    sender: str
    recipient: str
    size: int
    envid: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the relay said about this mail, and at which stage. The code decides, never the text.

    Attributes:
        code: 200 to 599, without 3yz.
        text: one line of printable characters, at most 500.
    """

    stage: Stage
    code: int
    text: str

    @property
    def enhanced(self) -> str | None:
        """The enhanced code such as ``5.1.1``, if it is of the code's own class (RFC 2034 section 4)."""
        found = _ENHANCED.match(self.text)
        return found[0] if found and found[1] == str(self.code)[0] else None

    @property
    def said(self) -> str:
        """Stage, code and text on one line, as an operator reads them."""
        return f"{self.stage}: {self.code} {self.text}"

    @property
    def is_positive(self) -> bool:
        """The relay has done what it was asked (2yz)."""
        return 200 <= self.code <= 299


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The relay said nothing about this mail. Before the body that means: it was not sent.

    Attributes:
        cause: one line for an operator; it holds no secret and no address.
    """

    stage: Stage
    cause: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The relay has said 354 and waits for the body: the moment to claim the mail."""


def printable_line(text: bytes | str) -> str:
    """Return what a server said as one line of printable characters, at most 500."""
    words = (text.decode("utf-8", "replace") if isinstance(text, bytes) else text).strip()
    if not words.isprintable():
        words = "".join(c if c.isprintable() else " " for c in words)
    return " ".join(words.split())[:_LONGEST_TEXT]
