"""The clock of a world: real time and an offset that lies in a file, so that all its processes share it."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

_WIDTH = 24  # characters; a fixed width is read and written in one go


class SharedClock:
    """Tells the world's time. ``skew``: by how many seconds this host's clock is wrong."""

    def __init__(self, path: Path | str, skew: float = 0) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._skew = skew

    def close(self) -> None:
        os.close(self._file)

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self._offset() + self._skew, UTC)

    def put(self, now: datetime) -> None:
        """Let it be `now` from now on."""
        self._write(now.timestamp() - time.time())

    def move(self, seconds: float) -> None:
        """Put the clock forward, or back."""
        self._write(self._offset() + seconds)

    def _offset(self) -> float:
        return float(os.pread(self._file, _WIDTH, 0))

    def _write(self, offset: float) -> None:
        os.pwrite(self._file, f"{offset:{_WIDTH}.6f}".encode(), 0)
