"""A real SMTP server on a loopback port, which keeps what it accepts and misbehaves by plan.

    with SmtpServer({At.RCPT: "550 5.1.1 nobody here", (At.DOT, 2): "drop"}) as server:
        ...                                    # connect to server.host, server.port
        [mail] = server.wait_for(1)

A plan is a mapping or a function. The keys of a mapping are a stage, (stage, session) or (stage,
session, message); a function is given (stage, session, message). Sessions count from 1 through the
server's life, messages from 1 within a session (0 before its first MAIL). Either yields an action:

    None         behave well
    "drop"       close the connection; "reset" does it with a TCP reset
    "hang"       say nothing more, but keep the connection
    "slow 0.5"   behave well, half a second later
    "garbage"    say something that is no reply
    "550 text"   say this instead, over several lines if it holds newlines; after a 421 also close
    b"..."       write these bytes instead

A mail counts as accepted when its stage DOT passes with a 2yz (its own, or a planned one).
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from tests.support.smtp_session import Accepted, Session
from tests.support.smtp_wire import Action, At

__all__ = ["OFFERS", "Accepted", "Action", "At", "SmtpServer"]

OFFERS = ("PIPELINING", "8BITMIME", "SIZE 10000000", "ENHANCEDSTATUSCODES")


Plan = Mapping[object, Action] | Callable[[At, int, int], Action]


class SmtpServer:
    """The listener and its sessions, one thread each.

    Args:
        offers: the lines of the answer to EHLO, such as "AUTH PLAIN LOGIN" or "STARTTLS".
        login: user name and password; if given, MAIL demands it. For XOAUTH2 the access token.
        tls: the context for STARTTLS, or for all of the session when `implicit_tls`.
        on_accept: called with each mail before it is acknowledged; if it raises, the session ends.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        plan: Plan | None = None,
        *,
        offers: Sequence[str] = OFFERS,
        login: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        on_accept: Callable[[Accepted], None] | None = None,
        port: int = 0,
    ) -> None:
        self.plan: Plan = plan or {}
        self.offers = {offer.partition(" ")[0]: offer for offer in offers}
        self.login, self.tls, self.implicit_tls = login, tls, implicit_tls
        self.on_accept = on_accept
        self.port = port
        self.inbox: list[Accepted] = []
        self.sessions: list[Session] = []
        self.stopping = threading.Event()
        self.changed = threading.Condition()
        self._listen()

    def __enter__(self) -> "SmtpServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Refuse from now on, break every session and wait for its end."""
        self.stopping.set()
        self._close()
        for session in self.sessions:
            session.interrupt()
            session.thread.join()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse new connections for a while; the present ones go on."""
        self._close()
        yield
        self._listen()

    def wait_for(self, count: int, seconds: float = 20) -> list[Accepted]:
        """Wait until at least `count` mails are accepted, and return all."""
        self.wait_until(lambda: len(self.inbox) >= count, seconds)
        return list(self.inbox)

    def wait_until(self, is_so: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until something about the inbox or the sessions is so; look again at each change."""
        with self.changed:
            if not self.changed.wait_for(is_so, seconds):
                raise AssertionError(f"not so after {seconds} s; {len(self.inbox)} mails are accepted")

    def action(self, at: At, session: int, message: int) -> Action:
        """Return what is planned."""
        if callable(self.plan):
            return self.plan(at, session, message)
        keys = ((at, session, message), (at, session), at)
        return next((self.plan[key] for key in keys if key in self.plan), None)

    def accept(self, mail: Accepted) -> None:
        """Keep a mail, the hook first."""
        if self.on_accept:
            self.on_accept(mail)
        with self.changed:
            self.inbox.append(mail)
            self.changed.notify_all()

    def _listen(self) -> None:
        self._closing = threading.Event()
        self._listener = socket.create_server((self.host, self.port), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(
            target=self._serve, args=(self._listener, self._closing), daemon=True
        )
        self._acceptor.start()

    def _close(self) -> None:
        self._closing.set()
        socket.create_connection((self.host, self.port)).close()  # wakes the acceptor
        self._acceptor.join()
        self._listener.close()

    def _serve(self, listener: socket.socket, closing: threading.Event) -> None:
        while True:
            connection, _ = listener.accept()
            if closing.is_set():
                connection.close()
                return
            session = Session(self, connection, len(self.sessions) + 1)
            with self.changed:
                self.sessions.append(session)
                self.changed.notify_all()
            session.thread.start()
