"""What happened in a world, in order: every process tells it, and the harness writes it down.

A datagram that was sent outlives the sender, so a process can tell of a moment and be killed in it.
"""

import json
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class Teller:
    """Tells the history at `path` what this process does."""

    def __init__(self, path: Path | str, name: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._path, self._name = str(path), name

    def tell(self, what: str, **facts: Any) -> None:
        event = {"at": time.monotonic(), "by": self._name, "pid": os.getpid(), "what": what, **facts}
        with suppress(OSError):  # The harness has gone; nobody wants to know any more.
            self._socket.sendto(json.dumps(event, default=str).encode(), self._path)


class History:
    """Hears what is told and keeps it in memory and in a file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "history.sock"
        self.events: list[Event] = []
        self.file = folder / "history.jsonl"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._out = self.file.open("w")
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        self.began = time.monotonic()
        self._own = Teller(self.path, "harness")

    def tell(self, what: str, **facts: Any) -> None:
        """Tell it from the harness itself."""
        self._own.tell(what, **facts)

    def of(self, *what: str) -> list[Event]:
        """Return the events of these names."""
        return [event for event in list(self.events) if event["what"] in what]

    def close(self) -> None:
        self._own.tell("end")
        self._thread.join()
        self._socket.close()
        self._own._socket.close()
        self._out.close()

    def _listen(self) -> None:
        while True:
            event = json.loads(self._socket.recv(65536))
            if event["what"] == "end" and event["by"] == "harness":
                return
            self.events.append(event)
            self._out.write(json.dumps(event) + "\n")

    def lines(self) -> list[str]:
        """Return it for people, times in seconds since the world began."""
        return [_line(event, self.began) for event in self.events]


def _line(event: Event, began: float) -> str:
    facts = {name: value for name, value in event.items() if name not in {"at", "by", "pid", "what"}}
    facts |= {"token": facts["token"][:6]} if "token" in facts else {}
    shown = " ".join(f"{name}={value}" for name, value in facts.items())
    return f"{event['at'] - began:8.3f} {event['by']:<13} {event['what']:<14} {shown}"
