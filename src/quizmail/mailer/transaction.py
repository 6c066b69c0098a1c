"""The words of one mail transaction: what we say, what may be answered, and the body on the wire."""

import re
import smtplib
from collections.abc import Iterator, Sequence

from quizmail.mailer.failures import silence, unexpected
from quizmail.mailer.lines import Lines
from quizmail.mailer.values import Envelope, NoAnswer, Reply, Stage, printable_line
from quizmail.message import Canonical

_ADDRESS = re.compile(r"[!-;=?-~]+")  # printable ASCII without space and angle brackets
_PRINTABLE = re.compile(r"[!-~]+")
_LONGEST_ENVID = 100
_LINE_END = re.compile(rb"\r\n|\r|\n")
_BLOCK = 64 * 1024  # bytes

#: The end of a message without a line: it takes back a DATA whose recipient was refused.
LONE_DOT = b".\r\n"

Command = tuple[Stage, bytes]

#: In place of the commands that announce a mail, when they have left already.
SAID: Sequence[Command] = ((Stage.MAIL, b""), (Stage.RCPT, b""), (Stage.DATA, b""))


def commands(envelope: Envelope, *, sized: bool, reports: bool = False) -> list[Command]:
    """Return what announces a mail.

    Args:
        sized: the server offers SIZE (RFC 1870).
        reports: it offers DSN (RFC 3461); used when the envelope has an id for the reports.

    Raises:
        ValueError: when an address or the id cannot stand in a command. It repeats neither.
    """
    sender, recipient = _path(envelope.sender), _path(envelope.recipient)
    size = b" SIZE=%d" % envelope.size if sized else b""
    of_mail, of_rcpt = _report_options(envelope) if reports else (b"", b"")
    return [
        (Stage.MAIL, b"MAIL FROM:" + sender + size + of_mail + b"\r\n"),
        (Stage.RCPT, b"RCPT TO:" + recipient + of_rcpt + b"\r\n"),
        (Stage.DATA, b"DATA\r\n"),
    ]


def _report_options(envelope: Envelope) -> tuple[bytes, bytes]:
    """Return what asks for reports, with MAIL and with RCPT: RFC 3461 sections 4.1 to 4.4.

    ORCPT makes a report name the address that we have mailed, wherever it was forwarded to.
    """
    if envelope.envid is None:
        return b"", b""
    if not 0 < len(envelope.envid) <= _LONGEST_ENVID or not _PRINTABLE.fullmatch(envelope.envid):
        raise ValueError("an envelope's id cannot stand in an SMTP command")
    of_mail = f" RET=HDRS ENVID={_xtext(envelope.envid)}"
    of_rcpt = f" NOTIFY=FAILURE,DELAY ORCPT=rfc822;{_xtext(envelope.recipient)}"
    return of_mail.encode(), of_rcpt.encode()


def _xtext(text: str) -> str:
    """Return `text`, which is printable ASCII, with + and = written in hexadecimal (RFC 3461 section 4)."""
    return "".join(f"+{ord(letter):02X}" if letter in "+=" else letter for letter in text)


def _path(address: str) -> bytes:
    if not _ADDRESS.fullmatch(address):
        raise ValueError("an address of the envelope cannot stand in an SMTP command")
    return b"<" + address.encode() + b">"


def converse(smtp: smtplib.SMTP, announced: Sequence[Command], timeout: float) -> Iterator[Reply | NoAnswer]:
    """Say the commands and yield the answer to each; what is ``SAID`` is not said again.

    With PIPELINING they leave as one group (RFC 2920), and every answer must be read. Without it
    each leaves when its answer is asked for, so that the caller can stop in between.
    """
    if smtp.has_extn("pipelining"):
        group = b"".join(command for _, command in announced)
        for stage, _ in announced:
            yield ask(smtp, stage, group, timeout)
            group = b""
    else:
        for stage, command in announced:
            yield ask(smtp, stage, command, timeout)


def ask(smtp: smtplib.SMTP, stage: Stage, words: bytes, timeout: float) -> Reply | NoAnswer:
    """Send `words`, which may be empty, and return the next answer with a code from 200 to 599.

    Each wait for the network lasts `timeout` seconds at most.
    """
    try:
        _set_timeout(smtp, timeout)
        if words:
            smtp.send(words)
        code, text = _come_already(smtp) or smtp.getreply()
    except smtplib.SMTPResponseException as error:
        return NoAnswer(stage, unexpected(error.smtp_code, printable_line(error.smtp_error)))
    except Exception as error:
        return NoAnswer(stage, f"the server {silence(error)}")
    if not 200 <= code <= 599:
        return NoAnswer(stage, unexpected(code, printable_line(text)))
    return Reply(stage, code, printable_line(text))


def _come_already(smtp: smtplib.SMTP) -> tuple[int, bytes] | None:
    return smtp.file.whole_reply() if isinstance(smtp.file, Lines) else None


def is_expected(answer: Reply | NoAnswer) -> bool:
    """Tell whether the conversation can go on after `answer`: a refusal, or the yes of its stage.

    After anything else, 421 included, whose answer the next reply is cannot be known any more.
    """
    if isinstance(answer, NoAnswer) or answer.code == 421:
        return False
    yes = answer.code == 354 if answer.stage is Stage.DATA else answer.is_positive
    return yes or answer.code >= 400


def what_counts(answer: Reply | NoAnswer) -> Reply | NoAnswer:
    """Return what an unexpected `answer` means for the mail: a 421 counts, nothing else does."""
    if isinstance(answer, NoAnswer) or answer.code == 421:
        return answer
    return NoAnswer(answer.stage, unexpected(answer.code, answer.text))


def _set_timeout(smtp: smtplib.SMTP, seconds: float) -> None:
    if smtp.sock is None:
        raise smtplib.SMTPServerDisconnected("closed before")
    if smtp.sock.gettimeout() != seconds:  # Setting it is a system call.
        smtp.sock.settimeout(seconds)


def hand_over(
    smtp: smtplib.SMTP, message: bytes, timeout: float, patience: float, behind: bytes = b""
) -> Reply | NoAnswer:
    """Send the body and its final dot, and return the answer, awaited for `patience` seconds.

    `behind` are commands that leave with the dot; their answers are not read here.

    ``sendall`` counts its timeout over all that it is given, so the body leaves in blocks of 64 KiB,
    each in `timeout` seconds at most.
    """
    body = on_the_wire(message, behind)
    try:
        for start in range(0, len(body), _BLOCK):
            _set_timeout(smtp, timeout)
            smtp.send(body[start : start + _BLOCK])
    except Exception as error:
        return NoAnswer(Stage.BODY, f"the server {silence(error)} while it was given the body")
    return ask(smtp, Stage.BODY, b"", patience)


def on_the_wire(message: bytes, behind: bytes = b"") -> bytes:
    """Return `message` as it travels, lines ended by CRLF, dots doubled; then the final dot and `behind`.

    RFC 5321 sections 2.3.8 and 4.5.2. A bare CR or LF becomes a line end of ours, before a server
    makes of it what it likes.
    """
    if not isinstance(message, Canonical):
        message = _LINE_END.sub(b"\r\n", message)
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    # Searching from the end is twice as fast as replacing, and mostly finds nothing.
    if message.rfind(b"\r\n.") >= 0:
        message = message.replace(b"\r\n.", b"\r\n..")
    return b"".join((b"." if message.startswith(b".") else b"", message, LONE_DOT, behind))
