"""Reading single settings: text in, a typed value out, ValueError or KeyError when it is wrong."""

import re
from collections.abc import Callable
from datetime import timedelta
from email.utils import parseaddr
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit


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


def span(unit: timedelta, least: float = 0) -> Callable[[str], timedelta]:
    """Return a reader of spans above zero, given as a number of `unit` that is `least` or more."""

    def parse(text: str) -> timedelta:
        span = float(text) * unit
        if span <= timedelta(0) or span < least * unit:
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


def unverified(redis_url: str) -> str:
    """Return the URL of a Redis with the words by which its client believes any certificate."""
    parts = urlsplit(redis_url)
    if parts.scheme != "rediss":
        return redis_url
    words = [parts.query, urlencode({"ssl_cert_reqs": "none"})]
    return parts._replace(query="&".join(filter(None, words))).geturl()


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


def domain(text: str) -> str:
    """Read a domain name in ASCII, in lower case."""
    name = text.strip().lower()
    if not re.fullmatch(
        r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", name
    ):
        raise ValueError(text)
    return name


def feedback_id(text: str) -> str:
    """Read a SenderId of a Feedback-ID header (Google Workspace answer 6254652)."""
    if not re.fullmatch(r"[A-Za-z0-9-]{5,15}", text):
        raise ValueError(text)
    return text


def image_url(text: str) -> str:
    """Read the https address of a picture; mail clients load no other."""
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or not re.fullmatch(r"[!#-&(-;=?-~]+", text):
        raise ValueError(text)
    return text


def color(text: str) -> str:
    """Read ``#rrggbb`` that is dark enough to carry white text (WCAG 2.2 contrast of at least 4.5 to 1)."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text) or contrast_with_white(text) < 4.5:
        raise ValueError(text)
    return text.lower()


def contrast_with_white(color: str) -> float:
    """Return the contrast of ``#rrggbb`` with white, from 1 to 21 (WCAG 2.2, relative luminance)."""
    red, green, blue = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
