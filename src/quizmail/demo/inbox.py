"""The demo's mail server: takes every mail over real SMTP, stores it as a file, delivers to nobody.

A mail becomes one ``.eml`` file, named after the moment of its arrival, so that names sort by time.
"""

import asyncio
import os
import re
import signal
import time
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"

#: How long connections may go on after the order to stop, in seconds: mails in flight are finished.
GRACE = 2.0

_NAME = re.compile(r"\d{20}-\d{6}")


class Inbox:
    """The stored mails: one complete file each, below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    def store(self, content: bytes, arrived: int) -> str:
        """Keep `content`, which arrived at `arrived` (nanoseconds since 1970), and return its name.

        The file appears under its name only when it is complete.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{arrived:020d}-{next(self._numbers):06d}"
        unfinished = self._folder / f"{name}.unfinished"
        unfinished.write_bytes(content)
        os.replace(unfinished, self._folder / f"{name}.eml")
        return name

    def names(self) -> list[str]:
        """Return the names of all mails, newest first."""
        return sorted((path.stem for path in self._folder.glob("*.eml") if is_name(path.stem)), reverse=True)

    def read(self, name: str) -> bytes:
        """Return the mail with this name.

        Raises:
            FileNotFoundError: when there is none, or it cannot be a name of ours.
        """
        if not is_name(name):
            raise FileNotFoundError(name)
        return (self._folder / f"{name}.eml").read_bytes()


def is_name(text: str) -> bool:
    """Say whether `text` has the form of a mail's name."""
    return _NAME.fullmatch(text) is not None


def arrival(name: str) -> datetime:
    """Return when the mail with this name arrived, UTC-aware."""
    return datetime.fromtimestamp(int(name.partition("-")[0]) / 1e9, UTC)


class Sink:
    """aiosmtpd's handler: whatever is sent to whomever ends in the inbox."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Store the mail, headed by its envelope as a delivery agent would (RFC 5321 section 4.4)."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        recipients = b"".join(f"Delivered-To: {_line(to)}\r\n".encode() for to in envelope.rcpt_tos)
        head = f"Return-Path: <{_line(envelope.mail_from or '')}>\r\n".encode() + recipients
        return f"250 2.0.0 Stored as {self._inbox.store(head + content, time.time_ns())}"


def _line(address: str) -> str:
    return "".join(character for character in address if character.isprintable())


class _Connection(SMTP):
    """One client's connection; it is in ``connections`` for as long as it is open."""

    def __init__(self, sink: Sink, connections: set[SMTP], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            sink, hostname="localhost", ident="Quizmail demo inbox", enable_SMTPUTF8=True, loop=loop
        )
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        super().connection_lost(error)


async def run(port: int, folder: Path, stop: asyncio.Event) -> None:
    """Serve SMTP on the loopback `port` until `stop` is set, then let the mails in flight finish."""
    loop, connections = asyncio.get_running_loop(), set[SMTP]()
    sink = Sink(Inbox(folder))
    server = await loop.create_server(lambda: _Connection(sink, connections, loop), HOST, port)
    await stop.wait()
    server.close()
    ends = loop.time() + GRACE
    while connections and loop.time() < ends:
        await asyncio.sleep(0.05)


def serve(port: int, folder: Path) -> None:
    """Serve SMTP on the loopback `port` until SIGTERM or SIGINT, storing every mail in `folder`."""

    async def until_told() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(port, folder, stop)

    asyncio.run(until_told())
