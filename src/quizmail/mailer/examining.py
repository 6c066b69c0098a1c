"""What a relay offers: asked by connecting as for a mail, and taking leave without one."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

from quizmail.mailer.connection import Connection, connect
from quizmail.mailer.values import NoAnswer, Relay


@dataclass(frozen=True, slots=True)
class Offer:
    """What a relay offers to who has connected and logged in.

    Attributes:
        extensions: as EHLO names them, in capitals, such as ``PIPELINING``.
        tls: the protocol's version such as ``TLSv1.3``; None on a plain connection.
        certificate_ends: when the relay's certificate does, in UTC; None without TLS.
        logged_in: whether there was a login, which has succeeded then.
    """

    extensions: frozenset[str]
    tls: str | None
    certificate_ends: datetime | None
    logged_in: bool


def examine(relay: Relay) -> Offer | NoAnswer:
    """Connect, secure and log in as for a mail, and return what the relay offers. No mail is sent."""
    connection = connect(relay)
    if isinstance(connection, NoAnswer):
        return connection
    try:
        return _offer(connection, relay)
    finally:
        connection.close()


def _offer(connection: Connection, relay: Relay) -> Offer:
    socket = connection.smtp.sock
    extensions = frozenset(name.upper() for name in connection.smtp.esmtp_features)
    logged_in = bool(relay.password or relay.oauth2_file)
    if not isinstance(socket, ssl.SSLSocket):
        return Offer(extensions, None, None, logged_in)
    return Offer(extensions, socket.version(), certificate_end(socket), logged_in)


def certificate_end(socket: ssl.SSLSocket) -> datetime | None:
    """Return when the certificate that the other side has shown, and that was verified, ends."""
    shown = socket.getpeercert() or {}
    end = shown.get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(end)), UTC) if end else None
