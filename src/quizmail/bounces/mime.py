"""A message taken apart, however it is made: anybody may write to the addresses that we read.

Headers are parsed by the standard library. The parts are split here, because its parser goes as deep as a
message is nested and looks at every open boundary for every line; here the length alone bounds the work.
"""

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import Message
from email.parser import BytesHeaderParser

#: Octets. A report names the failure before it repeats our mail, so what is cut off is not missed.
LARGEST = 1024 * 1024
_LONGEST_HEAD = 64 * 1024
_LONGEST_VALUE = 2000  # characters
_MOST_PARTS, _DEEPEST = 20, 3

_HEAD_END = re.compile(rb"\A\r?\n|\r?\n\r?\n")
_HEADERS = BytesHeaderParser(policy=policy.compat32)


@dataclass(frozen=True, slots=True)
class Part:
    """A message or one of its parts: its headers, and its content as it came."""

    headers: Message
    content: bytes

    def first(self, name: str) -> str:
        """Return the first header of that name on one line, at most 2000 characters; "" if there is none."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """Return the first few headers of that name."""
        return [_one_line(value) for value in self.headers.get_all(name, [])[:_MOST_PARTS]]

    @property
    def type(self) -> str:
        """The content type in lower case, such as ``message/delivery-status``."""
        return self._content_type().get_content_type()

    def parameter(self, name: str) -> str:
        """Return a parameter of the content type; "" if it cannot be read."""
        try:
            value = self._content_type().get_param(name, "")
        except (ValueError, TypeError, LookupError, AttributeError):
            return ""
        return value if isinstance(value, str) else str(value[-1])

    @property
    def decoded(self) -> bytes:
        """The content with its transfer encoding undone; as it came when that fails."""
        match self.first("Content-Transfer-Encoding").lower():
            case "base64":
                try:
                    return base64.b64decode(self.content)
                except (binascii.Error, ValueError):
                    return self.content
            case "quoted-printable":
                return quopri.decodestring(self.content)
        return self.content

    def _content_type(self) -> Message:
        alone = Message()
        alone["Content-Type"] = self.first("Content-Type") or "text/plain"
        return alone


def parse(raw: bytes) -> Part:
    """Split `raw` into headers and content; nothing is too broken for that."""
    end = _HEAD_END.search(raw)
    head, content = (raw[: end.start()], raw[end.end() :]) if end else (raw, b"")
    return Part(_HEADERS.parsebytes(head[:_LONGEST_HEAD]), content)


def parts(message: Part, depth: int = _DEEPEST) -> Iterator[Part]:
    """Yield `message` and the parts that it is made of, from the outside in; bounded in number and depth.

    What is inside of a returned message is not looked for.
    """
    yield message
    boundary = message.parameter("boundary").encode("utf-8", "surrogateescape")
    if not depth or not boundary or not message.type.startswith("multipart/"):
        return
    line = re.compile(rb"^--" + re.escape(boundary) + rb"(?:--)?[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
    for chunk in line.split(message.content, _MOST_PARTS)[1:]:
        yield from parts(parse(chunk), depth - 1)


def fields(content: bytes) -> list[Part]:
    """Return the groups of fields in the body of a report (RFC 3464 section 2.1), the first few of them."""
    groups = re.split(rb"\r?\n[ \t]*\r?\n", content[:LARGEST].strip(), maxsplit=_MOST_PARTS)
    return [parse(group.lstrip()) for group in groups[:_MOST_PARTS]]


def _one_line(value: object) -> str:
    return " ".join(str(value)[:_LONGEST_VALUE].split())
