"""Asking the domain name system: an interface for the checks, and dnspython behind it."""

from collections.abc import Sequence
from typing import Protocol

from quizmail.errors import QuizmailError

#: Seconds for one question, over all name servers.
_PATIENCE = 5.0


class NoAnswerFromNames(QuizmailError):
    """Raised when the name servers do not answer, which says nothing about the record asked for."""


class Lookup(Protocol):
    """Asks for the records of a name."""

    def __call__(self, name: str, kind: str) -> list[str]:
        """Return the records of `kind` (TXT, MX, A, AAAA) as text; none when there are none.

        The strings of a TXT record are joined (RFC 7208 section 3.3); an MX reads ``10 mx.example.com.``.

        Raises:
            NoAnswerFromNames: nobody answers.
        """


class Names:
    """Asks the name servers of this machine, or `servers` by address and port."""

    def __init__(self, servers: Sequence[tuple[str, int]] = (), patience: float = _PATIENCE) -> None:
        self._servers, self._patience = servers, patience

    def __call__(self, name: str, kind: str) -> list[str]:
        """Ask once, with a time-out; see ``Lookup``."""
        # Imported when it is needed: no other command asks for records.
        import dns.exception
        import dns.nameserver
        import dns.resolver

        try:
            resolver = dns.resolver.Resolver(configure=not self._servers)
            if self._servers:
                resolver.nameservers = [dns.nameserver.Do53Nameserver(*server) for server in self._servers]
            answer = resolver.resolve(name, kind, lifetime=self._patience, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as problem:
            told = f"the name servers do not answer for {name} {kind} ({type(problem).__name__})"
            raise NoAnswerFromNames(told) from None
        return [_text(record, kind) for record in answer]


def _text(record: object, kind: str) -> str:
    if kind == "TXT":
        strings: tuple[bytes, ...] = record.strings  # type: ignore[attr-defined]
        return b"".join(strings).decode("utf-8", "replace")
    return str(record)


def tags(record: str) -> dict[str, str]:
    """Return the tags of a record such as ``v=DMARC1; p=none`` (RFC 6376 section 3.2)."""
    pairs = (pair.partition("=") for pair in record.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs if name.strip()}


def is_within(name: str, parent: str) -> bool:
    """Say whether `name` is `parent` or lies below it."""
    return name == parent or name.endswith(f".{parent}")
