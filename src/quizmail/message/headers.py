"""Header values: what people wrote, made fit to stand in a header.

Nothing that a user or an author wrote can start a header of its own: every value is put on one
line first, and encoded (RFC 2047) if it is more than plain ASCII.
"""

import base64
import re
from collections.abc import Iterable, Iterator

from quizmail.errors import CompositionError
from quizmail.formatting import one_line

#: RFC 2047 section 2: a line that holds an encoded word has at most 76 characters.
_ENCODED_LINE = 76
#: RFC 5322 section 2.1.1: lines should have at most 78 characters and must not have more than 998.
_LINE = 78
_LONGEST_LINE = 998
#: In characters. The header's name and the brackets must fit into one line beside it.
_LONGEST_URL = 900
_LONGEST_NAME = 100

_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")
_URL = re.compile(r"https?://[!-;=?-~]+")
_MAILTO = re.compile(r"mailto:[!-;=?-~]+@[!-;=?-~]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


def subject(text: str) -> str:
    """Return `text` folded, as the value of a Subject header."""
    text, used = one_line(text), len("Subject: ")
    if not _is_plain(text) or used + len(text) > _LONGEST_LINE:
        return _encoded_words(text, used)
    return folded(text, used)


def mailbox(header: str, name: str, address: str) -> str:
    """Return a name, possibly empty, and an address as the value of `header`.

    Raises:
        CompositionError: when `address` is not ASCII, or has spaces, controls or angle brackets.
    """
    if not _ADDRESS.fullmatch(address):
        # The address stays out of the message of the error, which ends in the log.
        raise CompositionError(f"the address in {header} cannot stand in a header")
    used = len(header) + 2
    phrase = _phrase(one_line(name, _LONGEST_NAME), used)
    return _join(phrase, address, used) if phrase else address


def labelled(header: str, label: str, name: str) -> str:
    """Return `label` and an identifier in angle brackets, as List-Id wants them (RFC 2919)."""
    used = len(header) + 2
    return _join(_phrase(one_line(label, _LONGEST_NAME), used), name, used)


def _join(phrase: str, bracketed: str, used: int) -> str:
    """Join an encoded phrase and what stands in angle brackets, on a new line if need be."""
    taken = len(phrase.rpartition("\n")[2]) + (0 if "\n" in phrase else used)
    separator = " " if taken + len(bracketed) + 3 <= _LINE else "\r\n "
    return f"{phrase}{separator}<{bracketed}>"


def unsubscribe(url: str, mailto: str | None = None) -> str:
    """Return the value of List-Unsubscribe: `url` first, for it is preferred, each whole on one line.

    RFC 2369 section 2 forbids anything inside the angle brackets but the address itself.

    Raises:
        CompositionError: when one is no ASCII address of its sort of at most 900 characters.
    """
    bracketed = _bracketed(_URL, url)
    return f"{bracketed},\r\n {_bracketed(_MAILTO, mailto)}" if mailto else bracketed


def _bracketed(form: re.Pattern[str], url: str) -> str:
    if len(url) > _LONGEST_URL or not form.fullmatch(url):
        raise CompositionError(
            f"an unsubscribe link must be an ASCII URL of at most {_LONGEST_URL} characters"
        )
    # A bare comma would separate two addresses.
    return "<" + url.replace(",", "%2C") + ">"


def checked(extra: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield headers that need no encoding, given as names and values, each as one line with its end.

    Raises:
        CompositionError: when a name is no header's, or a value is too long or not ASCII.
    """
    for name, value in extra:
        line = one_line(value)
        fits = len(name) + 2 + len(line) <= _LONGEST_LINE
        if not (_HEADER_NAME.fullmatch(name) and line.isascii() and fits):
            raise CompositionError(f"the header {name!r} cannot be written")
        yield f"{name}: {line}\r\n"


def folded(text: str, used: int) -> str:
    """Break ASCII `text` at spaces into lines of at most 78 characters, where its words allow it.

    `used` columns of the first line are taken.
    """
    if used + len(text) <= _LINE:
        return text
    lines: list[str] = []
    for word in text.split(" "):
        if lines and used + 1 + len(word) <= _LINE:
            lines[-1] += " " + word
            used += 1 + len(word)
        else:
            used = (1 if lines else used) + len(word)
            lines.append(word)
    return "\r\n ".join(lines)


def _phrase(name: str, used: int) -> str:
    """Return a display name as RFC 5322 wants it: bare, quoted, or in encoded words."""
    if not _is_plain(name) or len(name) > _LINE - used - 2:
        return _encoded_words(name, used)
    if not name or _ATOMS.fullmatch(name):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_plain(text: str) -> bool:
    """Say whether `text` can stand as it is: no reader may take a part of it for an encoded word."""
    return text.isascii() and text.isprintable() and "=?" not in text


def _encoded_words(text: str, used: int) -> str:
    """Return `text` as encoded words, one a line; `used` columns of the first line are taken."""
    words = (base64.b64encode(chunk).decode("ascii") for chunk in _chunks(text, used))
    return "\r\n ".join(f"=?utf-8?b?{word}?=" for word in words)


def _chunks(text: str, used: int) -> Iterator[bytes]:
    """Yield `text` in pieces whose base64 fits into a line, never splitting a character."""
    data = text.encode("utf-8", "replace")
    start = 0
    while start < len(data):
        end = start + (_ENCODED_LINE - used - len("=?utf-8?b??=")) // 4 * 3
        # Step back from the middle of a character to its first byte.
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        yield data[start:end]
        start, used = end, 1
