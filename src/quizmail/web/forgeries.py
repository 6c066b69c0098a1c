"""How many forged links a client may try: enough for a mistake, too few for a search."""

from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from threading import Lock

#: A client may ask for so many forged links in a minute; whoever has a valid one is never counted.
MOST = 20
MINUTE = 60.0  # seconds

#: As many clients are remembered; beyond that the one that began longest ago is forgotten.
_CLIENTS = 10_000


@dataclass
class Forgeries:
    """Counts the forged links of each client, in this process's memory. Threads may share it."""

    most: int = MOST
    clients: int = _CLIENTS
    _seen: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def wait(self, client: str | None, now: float) -> int:
        """Count one forged link of `client`, an IP address; return 0, or the seconds to stay away.

        `now` is in seconds, of a clock that only goes forward.
        """
        key = _network(client or "")
        with self._lock:
            began, count = self._seen.get(key, (now, 0))
            if now - began >= MINUTE:
                began, count = now, 0
                del self._seen[key]
            self._seen[key] = (began, count + 1)
            if len(self._seen) > self.clients:
                self._seen.popitem(last=False)
        return 0 if count < self.most else max(1, round(began + MINUTE - now))


def _network(client: str) -> str:
    """Return what one customer of a provider has: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return client[:64]
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(int(address) >> 64)
