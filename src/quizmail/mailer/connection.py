"""One connection to the relay: opened, secured and authenticated by yagmail.

yagmail's ``send`` is never called: it connects for every mail and sends again when it is unsure.
"""

import functools
import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yagmail
from yagmail.log import get_logger
from yagmail.oauth2 import generate_oauth2_string

from quizmail.mailer import oauth2
from quizmail.mailer.failures import cause_of
from quizmail.mailer.lines import Lines
from quizmail.mailer.values import NoAnswer, Relay, Stage

_LONGEST_FAREWELL = 2.0  # seconds; a worker that must stop has not much more


def connect(relay: Relay) -> "Connection | NoAnswer":
    """Open, secure and authenticate a connection; a failure is a value, and nothing stays open then."""
    try:
        connection = Connection(relay)
    except (OSError, ValueError) as error:
        return NoAnswer(Stage.CONNECT, cause_of(error, Stage.CONNECT, relay))
    try:
        connection.login()
    except (OSError, ValueError) as error:
        connection.drop()
        cause = cause_of(error, connection.stage, relay)
        return NoAnswer(connection.stage, _without(connection.secrets, cause))
    except BaseException:
        connection.drop()
        raise
    return connection


class Connection(yagmail.SMTP):
    """A yagmail client that speaks only over the one connection it has opened.

    Attributes:
        smtp: smtplib's connection, for the mail transactions.
        replies: what the server says, once it is open.
        stage: how far the opening has come.
        mails: how many transactions have been begun on it.
    """

    def __init__(self, relay: Relay) -> None:
        self.stage = Stage.CONNECT
        self.mails = 0
        self._timeout = relay.command_timeout.total_seconds()
        credentials = oauth2.read(relay.oauth2_file) if relay.oauth2_file else {}
        user = relay.username or credentials.get("email_address", "")
        context = _trust(relay.ca_file) if relay.use_ssl or relay.use_tls else None
        super().__init__(
            user={user: user},  # as text, a login name without @ would be given a @gmail.com
            password=relay.password,
            host=relay.host,
            port=relay.port,
            smtp_ssl=relay.use_ssl,
            smtp_starttls={"context": context} if relay.use_tls and not relay.use_ssl else False,
            smtp_skip_login=relay.oauth2_file is not None or not relay.password,
            soft_email_validation=False,
            timeout=self._timeout,
            local_hostname=_our_name(),
            **({"context": context} if relay.use_ssl else {}),
        )
        self._oauth2 = credentials
        self.secrets = _forms(user, relay.password) if relay.password else []

    @property
    def connection(self) -> Callable[..., smtplib.SMTP]:
        """The class of connection that yagmail opens."""
        return _StrictSSL if self.ssl else _Strict

    def set_logging(self, *_: Any) -> None:
        """Log nothing: yagmail's own handler would write addresses to standard error."""
        self.log = get_logger(None)

    def handle_password(self, user: str, password: str) -> str:
        """Return the password as it is; called by yagmail between securing and authenticating.

        yagmail's own asks the keyring, and then whoever sits at the terminal.
        """
        self.stage = Stage.LOGIN
        return password

    def login(self) -> None:
        """Connect, secure, and log in.

        Raises:
            OSError, ValueError: whatever smtplib, ssl or the network says; ``drop`` is then due.
        """
        self._login(self.credentials)
        self.smtp.ehlo_or_helo_if_needed()
        if self._oauth2:
            self._authorize()
        self.smtp.file.close()
        self.smtp.file = self.replies = Lines(self.smtp.sock)
        # Two blocks of a long body must not wait for the acknowledgement of the first.
        self.smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _authorize(self) -> None:
        """Log in at Gmail; yagmail's own would skip STARTTLS here and take a refusal for a welcome."""
        self.stage = Stage.LOGIN
        token = oauth2.access_token(self._oauth2, self._timeout)
        bearer = generate_oauth2_string(self.user, token)
        self.secrets = [token, b64encode(bearer.encode()).decode()]
        self.smtp.auth("XOAUTH2", lambda challenge=None: bearer if challenge is None else "")

    def drop(self) -> None:
        """Close the socket without a word. Never raises."""
        if self.smtp is not None:
            try:
                self.smtp.close()
            except OSError:
                self.smtp.sock = None

    def close(self) -> None:
        """Say QUIT, wait two seconds at most for the answer, and close. Never raises."""
        try:
            if self.smtp is not None and self.smtp.sock is not None:
                self.smtp.sock.settimeout(min(_LONGEST_FAREWELL, self._timeout))
                self.smtp.docmd("QUIT")
        except (OSError, ValueError):
            pass  # There is nothing left to be lost: the last mail has had its answer.
        finally:
            self.drop()

    def __del__(self) -> None:
        """Leave no socket open; yagmail's own would wait here for the answer to QUIT."""
        if getattr(self, "smtp", None) is not None:
            self.drop()


class _Polite:
    """What smtplib passes over: after any of these replies the conversation must not go on."""

    def ehlo(self, name: str = "") -> tuple[int, bytes]:
        """Say EHLO; a server may refuse it for good (5yz) and still speak HELO, nothing else."""
        code, text = super().ehlo(name)  # type: ignore[misc]
        if code != 250 and not 500 <= code <= 599:
            raise smtplib.SMTPHeloError(code, text)
        return code, text

    def auth(self, *args: Any, **options: Any) -> tuple[int, bytes]:
        """Authenticate; only after a refusal for good (5yz) is another mechanism worth a try."""
        try:
            return super().auth(*args, **options)  # type: ignore[misc]
        except smtplib.SMTPAuthenticationError as refusal:
            if 500 <= refusal.smtp_code <= 599:
                raise
            raise smtplib.SMTPResponseException(refusal.smtp_code, refusal.smtp_error) from None


class _Strict(_Polite, smtplib.SMTP):
    """Plain, or secured by STARTTLS."""


class _StrictSSL(_Polite, smtplib.SMTP_SSL):
    """Secured from the first byte."""


@functools.cache
def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that verifies certificates and names. smtplib's own default verifies neither."""
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise ValueError(f"MAIL_CA_FILE: no certificates can be read from {ca_file}") from error
    return context


@functools.cache
def _our_name() -> str:
    """Return the name for EHLO. Asked once: the resolver may take its time."""
    return smtplib.SMTP().local_hostname


def _forms(user: str, password: str) -> list[str]:
    """Return the shapes in which a server could repeat a password to us."""
    shapes = (password, f"\0{user}\0{password}")
    return [password, *(b64encode(shape.encode()).decode() for shape in shapes)]


def _without(secrets: list[str], text: str) -> str:
    """Return `text` with every secret replaced by asterisks."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
