"""An SMTP server that takes every mail, throws it away and counts: ``python -m benchmarks.sink``.

It prints its port when it listens and, when it is told to stop, how many mails it took. It must never
be what limits a measurement, so it reads no more of a mail than it needs to find its end.
"""

import asyncio
import signal

HOST = "127.0.0.1"

_GREETING = b"220 sink\r\n"
_EHLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10485760\r\n"
_DATA = b"354 go on\r\n"
_OK = b"250 2.0.0 taken\r\n"
_BYE = b"221 bye\r\n"
_END_OF_BODY = b"\r\n.\r\n"


class Session(asyncio.Protocol):
    """One connection. Commands may come as a group (RFC 2920)."""

    taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self.transport = transport
        self.buffer = bytearray()
        self.in_body = False
        transport.write(_GREETING)

    def data_received(self, data: bytes) -> None:
        """Answer everything that is complete with one write."""
        self.buffer += data
        answers = []
        while (answer := self._body() if self.in_body else self._command()) is not None:
            answers.append(answer)
        if answers:
            self.transport.write(b"".join(answers))
        if _BYE in answers:
            self.transport.close()

    def _command(self) -> bytes | None:
        end = self.buffer.find(b"\r\n")
        if end < 0:
            return None
        verb = bytes(self.buffer[:4]).upper()
        self.in_body = verb == b"DATA"
        # The line end before the body stays: an empty body is a dot right after it.
        del self.buffer[: end if self.in_body else end + 2]
        return {b"DATA": _DATA, b"EHLO": _EHLO, b"QUIT": _BYE}.get(verb, _OK)

    def _body(self) -> bytes | None:
        end = self.buffer.find(_END_OF_BODY)
        if end < 0:
            del self.buffer[: -len(_END_OF_BODY)]
            return None
        del self.buffer[: end + len(_END_OF_BODY)]
        self.in_body = False
        Session.taken += 1
        return _OK


async def serve() -> None:
    """Serve on a free loopback port until SIGTERM or SIGINT."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await loop.create_server(Session, HOST, 0, backlog=128)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stopped.wait()
    server.close()
    print(Session.taken, flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
