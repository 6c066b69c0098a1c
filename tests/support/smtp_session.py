"""One client's session with the SMTP server: it obeys the protocol strictly, and misbehaves as planned."""

import re
import socket
import ssl
import threading
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from tests.support.smtp_wire import Action, At, Over, Wire


@dataclass(frozen=True)
class Accepted:
    """A mail that the server took: its envelope, and its bytes without the doubled dots."""

    session: int
    sender: str
    options: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def recipient(self) -> str:
        """The only recipient."""
        [only] = self.recipients
        return only


class Server(Protocol):
    """What a session needs of its server."""

    offers: dict[str, str]
    login: tuple[str, str] | None
    tls: ssl.SSLContext | None
    implicit_tls: bool
    stopping: threading.Event
    changed: threading.Condition

    def action(self, at: At, session: int, message: int) -> Action: ...

    def accept(self, mail: Accepted) -> None: ...


class Session(Wire):
    """One client's connection.

    Attributes:
        commands: each line that came outside of a body.
        end: how it ended: "quit", "left", "left in body", "dropped", or None while it lives.
    """

    def __init__(self, server: Server, connection: socket.socket, number: int) -> None:
        super().__init__(connection, server.stopping)
        self.server, self.number = server, number
        self.commands: list[str] = []
        self.end: str | None = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.message = 0
        self.is_known = server.login is None
        self.forget()

    def plan(self, at: At) -> Action:
        return self.server.action(at, self.number, self.message)

    def forget(self) -> None:
        self.sender, self.options = None, ""
        self.recipients: list[str] = []

    def interrupt(self) -> None:
        """Wake the session's thread out of whatever it reads; for other threads."""
        with suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def run(self) -> None:
        end = "dropped"
        try:
            self.greet()
            while True:
                self.obey(self.read_line())
        except Over as over:
            end = str(over)
        except OSError:
            end = "left"
        finally:
            self.socket.close()
            with self.server.changed:
                self.end = end
                self.server.changed.notify_all()

    def greet(self) -> None:
        self.disturb(At.CONNECT)
        if self.server.implicit_tls:
            self.secure()
        self.answer(At.GREETING, "220 oracle.example ESMTP")

    def secure(self) -> None:
        assert self.server.tls
        self.socket = self.server.tls.wrap_socket(self.socket, server_side=True)

    def obey(self, line: str) -> None:
        self.commands.append(line)
        verb = line[:4].upper()
        if self.input and ("PIPELINING" not in self.server.offers or verb not in {"MAIL", "RCPT", "RSET"}):
            raise Over(f"improper pipelining after {line}")
        handler = getattr(self, f"on_{verb.lower()}", None)
        if handler is None:
            self.say("500 5.5.2 unknown command")
        else:
            handler(line)

    def on_ehlo(self, _: str) -> None:
        lines = ["oracle.example", *self.server.offers.values()]
        if isinstance(self.socket, ssl.SSLSocket):
            lines = [line for line in lines if line != "STARTTLS"]
        marks = ["-"] * (len(lines) - 1) + [" "]
        self.answer(At.EHLO, "\n".join(f"250{mark}{line}" for mark, line in zip(marks, lines, strict=True)))

    def on_helo(self, _: str) -> None:
        self.say("250 oracle.example")

    def on_star(self, _: str) -> None:
        offered = "STARTTLS" in self.server.offers
        if self.answer(At.STARTTLS, "220 2.0.0 go on" if offered else "502 5.5.1 not offered") == 220:
            self.flush()
            self.secure()

    def on_auth(self, line: str) -> None:
        _, mechanism, *initial = line.split()
        if mechanism not in self.server.offers.get("AUTH", "").split():
            self.say("504 5.5.4 unknown mechanism")
            return
        user, password = self.server.login or ("", "")
        right = {
            "PLAIN": [f"\0{user}\0{password}"],
            "LOGIN": [user, password],
            "XOAUTH2": [f"user={user}\1auth=Bearer {password}\1\1"],
        }[mechanism]
        heard = initial + [
            self.challenge(words) for words in ("Username:", "Password:")[len(initial) : len(right)]
        ]
        is_right = heard == [_encoded(words) for words in right]
        if mechanism == "XOAUTH2" and not is_right:
            self.challenge('{"status":"400"}')
        self.is_known = (
            self.answer(At.AUTH, "235 2.7.0 welcome" if is_right else "535 5.7.8 wrong login") == 235
        )

    def challenge(self, words: str) -> str:
        self.say(f"334 {_encoded(words)}")
        return self.read_line()

    def on_mail(self, line: str) -> None:
        self.message += 1
        found = re.fullmatch(r"MAIL FROM:<([^<> ]*)>((?: [!-~]+)*)", line, re.IGNORECASE)
        if self.answer(At.MAIL, self.opinion_of(found)) // 100 == 2 and found:
            self.sender, self.options = found[1], found[2].strip()

    def opinion_of(self, found: re.Match[str] | None) -> str:
        if found is None:
            return "501 5.5.4 syntax"
        if not self.is_known:
            return "530 5.7.0 authentication required"
        if self.sender is not None:
            return "503 5.5.1 nested MAIL"
        for option in found[2].upper().split():
            name, _, value = option.partition("=")
            offer = {"BODY": "8BITMIME", "RET": "DSN", "ENVID": "DSN"}.get(name, name)
            if offer not in self.server.offers:
                return f"555 5.5.4 {name} is not offered"
            if name == "SIZE" and int(value) > int(self.server.offers["SIZE"].split()[1]):
                return "552 5.3.4 too big"
        return "250 2.1.0 sender ok"

    def on_rcpt(self, line: str) -> None:
        found = re.fullmatch(r"RCPT TO:<([^<> ]+)>((?: [!-~]+)*)", line, re.IGNORECASE)
        normal = "250 2.1.5 recipient ok" if self.sender is not None else "503 5.5.1 MAIL first"
        if found and found[2] and "DSN" not in self.server.offers:
            normal = "555 5.5.4 not offered"
        if self.answer(At.RCPT, normal if found else "501 5.5.4 syntax") // 100 == 2 and found:
            self.recipients.append(found[1])

    def on_data(self, _: str) -> None:
        normal = "354 go on" if self.recipients else "503 5.5.1 RCPT first"
        if self.answer(At.DATA, normal) == 354:
            self.take(self.read_body())
            self.forget()

    def take(self, body: bytes | None) -> None:
        """Accept or refuse a body; None is one that was refused while it came."""
        if body is None:
            return
        planned = self.plan(At.DOT)
        if isinstance(planned, str) and planned.startswith("2"):
            normal = planned
        else:
            normal = "250 2.0.0 queued" if self.recipients else "554 5.5.1 no valid recipients"
            if self.disturb(At.DOT) is not None:
                return
        if not normal.startswith("2"):
            self.say(normal)
            return
        mail = Accepted(self.number, self.sender or "", self.options, tuple(self.recipients), body)
        self.server.accept(mail)
        self.answer(At.ANSWER, f"{normal}{'' if planned else f' as {self.number}.{self.message}'}")
        self.disturb(At.AFTER)

    def on_rset(self, _: str) -> None:
        self.forget()
        self.answer(At.RSET, "250 2.0.0 forgotten")

    def on_noop(self, _: str) -> None:
        self.say("250 2.0.0 ok")

    def on_quit(self, _: str) -> None:
        self.answer(At.QUIT, "221 2.0.0 bye")
        self.flush()
        raise Over("quit")


def _encoded(words: str) -> str:
    return b64encode(words.encode()).decode()
