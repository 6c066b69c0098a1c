"""What the server says, line by line."""

import socket
import ssl

_BLOCK = 8192  # bytes

#: Bytes, with its end. What is longer smtplib refuses.
_LONGEST_LINE = 8192


class Lines:
    """Stands in for the file that smtplib reads, and knows what has come and is not read yet."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._come = b""

    @property
    def has_more(self) -> bool:
        """Something has come with what was read last."""
        return bool(self._come)

    def codes(self) -> list[bytes]:
        """Return the codes of the whole replies that have come and are not read yet."""
        lines = self._come.splitlines(keepends=True)
        return [line[:3] for line in lines if line.endswith(b"\n") and line[3:4] != b"-"]

    def whole_reply(self) -> tuple[int, bytes] | None:
        """Take the next reply when it has come already and is a single line; smtplib reads all others.

        Most replies in a group of commands come with the first, and smtplib takes some time for each.
        """
        line, end, rest = self._come.partition(b"\n")
        is_single = end and len(line) < _LONGEST_LINE and line[3:4] == b" " and line[:3].isdigit()
        if not is_single:
            return None
        self._come = rest
        return int(line[:3]), line[4:]

    def readline(self, limit: int) -> bytes:
        """Return the next line with its end, or its first `limit` bytes; what there is when no more comes."""
        while (end := self._come.find(b"\n") + 1) == 0 and len(self._come) < limit:
            block = self._sock.recv(_BLOCK)
            if not block:
                break
            self._come += block
        cut = min(end or limit, limit)
        line, self._come = self._come[:cut], self._come[cut:]
        return line

    def speak_unbidden(self) -> bool:
        """Say, without waiting, whether there is anything to be read, or the connection is broken."""
        if self._come:
            return True
        patience = self._sock.gettimeout()
        try:
            self._sock.settimeout(0)
            self._come = self._sock.recv(_BLOCK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        finally:
            self._sock.settimeout(patience)
        return True

    def close(self) -> None:
        """Forget what has come; the socket is somebody else's."""
        self._come = b""
