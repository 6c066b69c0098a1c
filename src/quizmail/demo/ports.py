"""Free ports on the loopback address, chosen once and remembered."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path

_HOST = "127.0.0.1"


def choose(file: Path, preferred: Mapping[str, int]) -> dict[str, int]:
    """Return a free port for every name in `preferred`, and remember them in `file`.

    The remembered port is taken first, then the preferred one, then any; a port that is in use is
    never returned.
    """
    known, chosen = remembered(file), dict[str, int]()
    for name, port in preferred.items():
        candidates = (known.get(name, port), port)
        free = (each for each in candidates if each not in chosen.values() and is_free(each))
        chosen[name] = next(free, None) or _any_free()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(chosen))
    return chosen


def remembered(file: Path) -> dict[str, int]:
    """Return the ports that `file` remembers; none when it is absent or no such file."""
    try:
        known = json.loads(file.read_text())
        return {str(name): int(port) for name, port in known.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def is_free(port: int) -> bool:
    """Say whether nobody listens on the loopback `port` and this user may."""
    return not answers(port) and _can_listen(port)


def answers(port: int) -> bool:
    """Say whether somebody accepts connections on the loopback `port`."""
    with socket.socket() as client:
        client.settimeout(2)
        return client.connect_ex((_HOST, port)) == 0


def _can_listen(port: int) -> bool:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((_HOST, port))
        except OSError:
            return False
        return True


def _any_free() -> int:
    with socket.socket() as server:
        server.bind((_HOST, 0))
        port: int = server.getsockname()[1]
        return port
