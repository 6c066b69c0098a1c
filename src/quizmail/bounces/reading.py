"""What a message that came back says: a report, a complaint, or neither; and where a token may stand.

Nothing is decided by a text that is meant for people.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from quizmail.bounces.mime import LARGEST, Part, fields, parse, parts
from quizmail.mailer.values import printable_line
from quizmail.platform import addresses

#: Where servers write down to whom a message came; most telling first.
_RECEIVED_FOR = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
_RETURNED = {"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"}
_DELIVERY_REPORTS = {"message/delivery-status", "message/global-delivery-status"}

_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]]{1,200}@[^\s<>,;:\"()\[\]]{1,255}")
_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")
_BARE = re.compile(r"[45]\.[0125]\.0")  # says no more than that something failed
_STATUS_SAID = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")
_LONGEST_EVIDENCE = 300  # characters
_MOST_READ = 100  # parts


class Action(StrEnum):
    """What a report says has become of the mail (RFC 3464 section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class Fate:
    """What a delivery report says of one address.

    Attributes:
        status: such as ``5.1.1``; a more precise one from the diagnostic if it says nothing itself.
        evidence: status and diagnostic on one line, with addresses masked.
        addresses: the original and the final one, in lower case; either may be missing.
    """

    action: Action
    status: str
    evidence: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Complaint:
    """A feedback report (RFC 5965): its type, such as ``abuse``, and the addresses that it names."""

    type: str
    addresses: tuple[str, ...]


@dataclass(slots=True)
class Letter:
    """A message as it came back.

    Attributes:
        clues: addresses and ids in which a token of a return path may stand, the most telling first.
        subjects: where an unsubscribe token may stand.
        mailed_to: whom the returned mail was addressed to.
        links: the List-Unsubscribe headers of the returned mail.
        fates: what a delivery report says; empty without one.
        is_automatic: it calls itself an automatic answer (RFC 3834 and what came before it).
    """

    clues: list[str] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    mailed_to: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    complaint: Complaint | None = None
    is_automatic: bool = False


def read(raw: bytes, recipient: str = "") -> Letter:
    """Read a message, of which the first MiB counts. Never raises, whatever it is.

    `recipient` is the envelope's, if whoever brings the message knows it.
    """
    message = parse(raw[:LARGEST])
    letter = Letter(subjects=[message.first("Subject")], is_automatic=_is_automatic(message))
    letter.clues += [recipient] if recipient else []
    for name in _RECEIVED_FOR:
        letter.clues += [found for value in message.all(name) for found in _ADDRESS.findall(value)]
    for part in islice(parts(message), _MOST_READ):
        _read_part(letter, part)
    return letter


def _read_part(letter: Letter, part: Part) -> None:
    if part.type in _DELIVERY_REPORTS:
        _read_delivery_report(letter, fields(part.decoded))
    elif part.type == "message/feedback-report":
        _read_complaint(letter, fields(part.decoded)[0])
    elif part.type in _RETURNED:
        _read_returned(letter, parse(part.decoded.lstrip()))


def _read_delivery_report(letter: Letter, groups: Sequence[Part]) -> None:
    for group in groups:
        letter.clues += group.all("Original-Envelope-Id")
        if fate := _fate(group):
            letter.fates.append(fate)


def _fate(group: Part) -> Fate | None:
    stated = _STATUS.match(group.first("Status"))
    if stated is None:
        return None
    diagnostic = group.first("Diagnostic-Code")
    status = stated[0]
    if _BARE.fullmatch(status) and (said := _STATUS_SAID.search(diagnostic)) and said[1][0] == status[0]:
        status = said[1]
    return Fate(
        _action(group.first("Action").lower(), status),
        status,
        printable_line(addresses.all_masked(f"{status} {diagnostic}"))[:_LONGEST_EVIDENCE],
        tuple(_addresses(group, "Original-Recipient", "Final-Recipient")),
    )


def _action(word: str, status: str) -> Action:
    if word in set(Action):
        return Action(word)
    return {"5": Action.FAILED, "4": Action.DELAYED}.get(status[0], Action.DELIVERED)


def _read_complaint(letter: Letter, report: Part) -> None:
    letter.clues += report.all("Original-Envelope-Id")
    letter.clues += [found for value in report.all("Original-Mail-From") for found in _ADDRESS.findall(value)]
    named = tuple(_addresses(report, "Original-Rcpt-To", "Removal-Recipient"))
    letter.complaint = Complaint(report.first("Feedback-Type").lower(), named)


def _read_returned(letter: Letter, ours: Part) -> None:
    letter.clues += [found for value in ours.all("Return-Path") for found in _ADDRESS.findall(value)]
    letter.mailed_to += _addresses(ours, "To")
    letter.links += ours.all("List-Unsubscribe")


def _addresses(part: Part, *names: str) -> Iterator[str]:
    for name in names:
        for value in part.all(name):
            for found in _ADDRESS.findall(value):
                if address := addresses.normalised(_plain(found)):
                    yield address.lower()


def _plain(address: str) -> str:
    """Undo the xtext in which some servers repeat our ORCPT (RFC 3461 section 4)."""
    return re.sub(r"\+(2B|3D)", lambda code: chr(int(code[1], 16)), address)


def _is_automatic(message: Part) -> bool:
    submitted = message.first("Auto-Submitted").lower()
    return (
        bool(submitted and not submitted.startswith("no"))
        or message.first("Precedence").lower() in {"bulk", "junk", "list", "auto_reply"}
        or any(message.first(name) for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponse"))
    )
