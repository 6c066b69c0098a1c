"""Reading single settings: text in, a typed value out, ValueError or KeyError when it is wrong."""

import re
from collections.abc import Callable
from datetime import timedelta
from email.utils import parseaddr
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Mailbox(NamedTuple):
    """A display name, possibly empty, and an address."""

    name: str
    address: str


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `lowest` to `highest`."""

    def parse(text: str) -> int:
        number = int(text)
        if not lowest <= number <= highest:
            raise ValueError(text)
        return number

    return parse


def span(unit: timedelta) -> Callable[[str], timedelta]:
    """Return a reader of spans above zero, given as a number of `unit`."""

    def parse(text: str) -> timedelta:
        span = float(text) * unit
        if span <= timedelta(0):
            raise ValueError(text)
        return span

    return parse


def rate(text: str) -> float:
    """Read a number a second: 0, or from one in a day to a million."""
    number = float(text)
    if number != 0 and not 1 / 86_400 <= number <= 1_000_000:
        raise ValueError(text)
    return number


def flag(text: str) -> bool:
    """Read true or false."""
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]


def mailbox(text: str) -> Mailbox:
    """Read ``Name <address>`` or a bare ASCII address."""
    name, address = parseaddr(text)
    local, at, domain = address.rpartition("@")
    if not (local and at and domain) or not address.isascii() or any(c.isspace() for c in address):
        raise ValueError(text)
    return Mailbox(name, address)


def optional(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a reader that takes an empty text as None."""
    return lambda text: parse(text) if text else None


def text(text: str) -> str:
    """Read any text but an empty one."""
    if not text.strip():
        raise ValueError(text)
    return text.strip()


def web_url(text: str) -> str:
    """Read an http or https address without query, and drop slashes at its end."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(text)
    return text.rstrip("/")


def url(*schemes: str) -> Callable[[str], str]:
    """Return a reader of URLs with one of `schemes`."""

    def parse(text: str) -> str:
        if urlsplit(text).scheme not in schemes:
            raise ValueError(text)
        return text

    return parse


def secret_key(text: str) -> str:
    """Read a key that is long enough to sign with."""
    if len(text) < 16:
        raise ValueError(text)
    return text


def header_name(text: str) -> str:
    """Read the name of a mail header."""
    if not re.fullmatch(r"[A-Za-z0-9-]+", text):
        raise ValueError(text)
    return text


def words(text: str) -> tuple[str, ...]:
    """Read words separated by spaces or commas."""
    return tuple(word for word in text.replace(",", " ").split() if word)
