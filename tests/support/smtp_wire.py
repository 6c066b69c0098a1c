"""One client's connection, as lines and bodies, and the ways in which it can be made to misbehave."""

import re
import socket
import struct
import threading
from enum import StrEnum

GARBAGE = b"\x00\xfe what is this?\r\n"

Action = str | bytes | None


class At(StrEnum):
    """Where the server can misbehave."""

    CONNECT = "connect"  # the connection is accepted, TLS and the greeting are still to come
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    RSET = "rset"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # instead of the 354
    BODY = "body"  # some of the body has come, not all of it
    DOT = "dot"  # the body has come; it is not accepted yet
    ANSWER = "answer"  # the body is accepted; its 250 is still to be written
    AFTER = "after"  # the 250 is written
    QUIT = "quit"


class Over(Exception):
    """The session is over; the text says how."""


class Wire:
    """Reads lines and bodies, writes replies, and does at each stage what ``plan`` says."""

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self.socket = connection
        self.stopping = stopping
        self.input, self.output = bytearray(), bytearray()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def plan(self, at: At) -> Action:
        """Return what is planned for this stage now."""
        raise NotImplementedError

    def answer(self, at: At, normal: str) -> int:
        """Do what is planned, or say `normal`; return the code that was said, 0 for none."""
        said = self.disturb(at)
        if said is None:
            return self.say(normal)
        return said

    def disturb(self, at: At) -> int | None:
        """Do what is planned; return None when nothing was said by that, else the code, or 0."""
        match self.plan(at):
            case None:
                return None
            case bytes(raw):
                self.output += raw
                return 0
            case "garbage":
                self.output += GARBAGE
                return 0
            case "drop" | "reset" | "hang" as way:
                self.flush()
                raise self.leave(way)
            case str(words) if words.startswith("slow"):
                self.flush()
                self.stopping.wait(float(words.split()[1]))
                return None
            case str(words):
                return self.say(words)
        raise AssertionError(f"not an action: {self.plan(at)!r}")

    def leave(self, way: str) -> Over:
        if way == "hang":
            self.stopping.wait()
        elif way == "reset":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return Over("dropped")

    def say(self, words: str) -> int:
        self.output += words.replace("\n", "\r\n").encode() + b"\r\n"
        code = int(words.splitlines()[-1][:3])
        if code == 421:
            self.flush()
            raise Over("dropped")
        return code

    def flush(self) -> None:
        if self.output:
            self.socket.sendall(self.output)
            self.output.clear()

    def fill(self, end: str) -> None:
        """Read on; what waits to be said goes out first, so that a group is answered as a group."""
        self.flush()
        chunk = self.socket.recv(65536)
        if not chunk:
            raise Over(end)
        self.input += chunk

    def read_line(self) -> str:
        while b"\r\n" not in self.input:
            self.fill("left")
        line, _, rest = bytes(self.input).partition(b"\r\n")
        self.input[:] = rest
        return line.decode("utf-8", "replace")

    def read_body(self) -> bytes | None:
        """Read up to the lone dot and undouble the others; None when the plan refused it half way."""
        self.fill("left in body")
        refused = self.disturb(At.BODY) is not None
        searched = 0
        while (found := (b"\r\n" + self.input).find(b"\r\n.\r\n", searched)) < 0:
            searched = max(0, len(self.input) - 4)
            self.fill("left in body")
        body = bytes(self.input[:found])
        del self.input[: found + 3]
        return None if refused else re.sub(rb"(?m)^\.", b"", body)
