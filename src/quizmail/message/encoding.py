"""Bodies in a transfer encoding that every mail server takes (RFC 2045 section 6)."""

import base64
import codecs
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

#: RFC 2045 sections 6.7 and 6.8, in characters without the line end.
_LONGEST_LINE = 76
_MARK = ord("=")
_Quoted = tuple[bytes, bytes, bytes]
_CONTROL = re.compile(rb"[\0-\t\v-\x1f\x7f]")
_NO_CONTROLS = b"\n" + bytes(range(32, 127)) + bytes(range(128, 256))


def encode(body: str) -> tuple[str, bytes]:
    """Return the name of a transfer encoding and `body` in it, with CRLF line ends."""
    text = body.rstrip() + "\n"
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    data = text.encode("utf-8", "replace")
    # Quoted-printable triples every byte beyond ASCII, base64 adds a third to everything.
    if (len(data) - len(text)) * 10 > len(data):
        return "base64", base64.encodebytes(data.replace(b"\n", b"\r\n")).replace(b"\n", b"\r\n")
    return "quoted-printable", _in_lines(_quoted(data))


def encode_pieces(pieces: Sequence[str]) -> tuple[str, bytes]:
    """Do the same for a body in `pieces`, such as a template yields, most of which were seen before.

    What takes more than a look at each piece is left to ``encode``.
    """
    try:
        encoded = b"".join(_lines(map(_quoted_piece, pieces)))
    except _OutOfTheOrdinary:
        return encode("".join(pieces))
    # What has grown by less than a third has too little beyond ASCII for base64, and behind a bracket there
    # is no white space to be taken away.
    length = sum(map(len, pieces))
    if (len(encoded) - length) * 3 > length or not encoded.endswith(b">\r\n"):
        return encode("".join(pieces))
    return "quoted-printable", encoded


def _lines(pieces: Iterable[_Quoted]) -> list[bytes]:
    """Return the lines of quoted `pieces`: those that lie within a piece are ready and stay together."""
    lines, line = list[bytes](), b""
    for first, between, last in pieces:
        line += first
        if between:
            # ``_ended`` would say the same, and a call for each line of a mail takes its time.
            lines.append(line if len(line) <= _LONGEST_LINE and line[-1:] != b" " else _ended(line))
            lines.append(between)
            line = last
    return [*lines, _ended(line), b"\r\n"]


class _OutOfTheOrdinary(Exception):
    """A piece has line ends of another kind, of which one half may be in the next."""


@lru_cache(maxsize=2048)
def _quoted_piece(piece: str) -> _Quoted:
    """Return the first line of a piece of text, which may have begun before, up to where its last begins.

    What is between the two has the line ends around it and is ready to travel. It is empty in a piece of a
    single line, which is all in the first.
    """
    if "\r" in piece:
        raise _OutOfTheOrdinary
    first, *rest = _quoted(piece.encode("utf-8", "replace")).split(b"\n")
    if not rest:
        return first, b"", b""
    *whole, last = rest
    return first, b"\r\n".join([b"", *map(_ended, whole), b""]), last


def _quoted(data: bytes) -> bytes:
    """Quote what is to be quoted in any place: equals signs, controls and bytes beyond ASCII."""
    quoted = data.replace(b"=", b"=3D")
    if data.translate(None, _NO_CONTROLS):  # A look, in a tenth of what the next line takes.
        quoted = _CONTROL.sub(lambda found: b"=%02X" % found[0][0], quoted)
    if not quoted.isascii():
        quoted = quoted.decode("latin-1").encode("ascii", _QUOTE)
    return quoted


def _in_lines(quoted: bytes) -> bytes:
    """Finish quoted-printable that has LF line ends."""
    return b"\r\n".join(map(_ended, quoted.split(b"\n")))


def _ended(line: bytes) -> bytes:
    """Return a whole line as it may travel. Nearly all lines of a mail are short, and stay as they are."""
    if line.endswith(b" "):
        line = line[:-1] + b"=20"
    return line if len(line) <= _LONGEST_LINE else _cut(line)


def _cut(line: bytes) -> bytes:
    """Cut a long line by soft line breaks, never inside an encoded byte."""
    pieces = []
    while len(line) > _LONGEST_LINE:
        end = _LONGEST_LINE - 1
        if line[end - 1] == _MARK:
            end -= 1
        elif line[end - 2] == _MARK:
            end -= 2
        pieces.append(line[:end])
        line = line[end:]
    return b"=\r\n".join([*pieces, line])


def _quote(problem: UnicodeError) -> tuple[str, int]:
    """Write the bytes that ASCII cannot encode as quoted-printable does; a codec's error handler."""
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    run = problem.object[problem.start : problem.end].encode("latin-1")
    return "=" + run.hex("=").upper(), problem.end


#: Codecs find what is not ASCII many times faster than a regular expression does.
_QUOTE = "quizmail.quoted-printable"
codecs.register_error(_QUOTE, _quote)
