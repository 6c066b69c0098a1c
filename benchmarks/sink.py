"""An SMTP server that takes every mail, throws it away and counts: ``python -m benchmarks.sink``.

It prints its port when it listens and, when it is told to stop, how many mails it took. It must never
be what limits a measurement: one thread waits for all connections, and reads no more of a mail than it needs
to find its end.
"""

import selectors
import signal
import socket

HOST = "127.0.0.1"

_GREETING = b"220 sink\r\n"
_EHLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10485760\r\n"
_DATA = b"354 go on\r\n"
_OK = b"250 2.0.0 taken\r\n"
_BYE = b"221 bye\r\n"
_END_OF_BODY = b"\r\n.\r\n"
_BLOCK = 256 * 1024  # bytes


class Session:
    """One connection. Commands may come as a group (RFC 2920)."""

    taken = 0

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.come = b""
        self.in_body = False
        connection.sendall(_GREETING)

    def obey(self) -> bool:
        """Answer everything that has come and is complete with one write; False when it is over."""
        try:
            block = self.connection.recv(_BLOCK)
            self.come += block
            answers = []
            while (answer := self._body() if self.in_body else self._command()) is not None:
                answers.append(answer)
            if answers:
                self.connection.sendall(b"".join(answers))
        except OSError:
            return False
        return bool(block) and _BYE not in answers

    def _command(self) -> bytes | None:
        end = self.come.find(b"\r\n")
        if end < 0:
            return None
        verb = self.come[:4].upper()
        self.in_body = verb == b"DATA"
        # The line end before the body stays: an empty body is a dot right after it.
        self.come = self.come[end if self.in_body else end + 2 :]
        return {b"DATA": _DATA, b"EHLO": _EHLO, b"QUIT": _BYE}.get(verb, _OK)

    def _body(self) -> bytes | None:
        end = self.come.find(_END_OF_BODY)
        if end < 0:
            self.come = self.come[-len(_END_OF_BODY) :]
            return None
        self.come = self.come[end + len(_END_OF_BODY) :]
        self.in_body = False
        Session.taken += 1
        return _OK


class Stopped(Exception):
    """Raised when the sink is told to stop."""


def stop(*_: object) -> None:
    """Stop serving."""
    raise Stopped


def serve() -> None:
    """Serve on a free loopback port until SIGTERM or SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with selectors.DefaultSelector() as waiting, socket.create_server((HOST, 0), backlog=128) as listener:
        waiting.register(listener, selectors.EVENT_READ)
        print(listener.getsockname()[1], flush=True)
        try:
            while True:
                for key, _ in waiting.select():
                    _attend(waiting, listener, key)
        except Stopped:
            print(Session.taken, flush=True)


def _attend(waiting: selectors.BaseSelector, listener: socket.socket, key: selectors.SelectorKey) -> None:
    if key.fileobj is listener:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting.register(connection, selectors.EVENT_READ, Session(connection))
    elif not key.data.obey():
        waiting.unregister(key.fileobj)
        key.data.connection.close()


if __name__ == "__main__":
    serve()
