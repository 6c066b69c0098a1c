"""What an SMTP reply means for the mail, and for what else: the address, the domain, the kind, everything.

The table is data. A row names the stages, codes and enhanced codes that it speaks of, and the first row
that fits decides. The text of a reply decides nothing.

A code without a row is decided by its first digit (RFC 5321 section 4.2.1): 4yz is tried again, 5yz is
not. Enhanced codes are those of RFC 3463, 7372 and 7505 and the IANA registry of enhanced status codes.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class Fate(StrEnum):
    """What becomes of the delivery."""

    RETRY = "retry"  # planned again, while there are tries left
    REJECT = "reject"  # refused for good


class Measure(StrEnum):
    """What else follows from a reply."""

    NOTHING = "nothing"
    SUPPRESS = "suppress"  # the address is dead: suppressed at once
    SOFT_HIT = "soft_hit"  # counts against the address, which is suppressed after several on different days
    SLOW_DOMAIN = "slow_domain"  # too much or too fast: the domain rests for a growing while
    HOLD_DOMAIN = "hold_domain"  # our mail is not wanted or not believed there
    HOLD_KIND = "hold_kind"  # our own fault in what we wrote
    HOLD_ALL = "hold_all"  # our sender, our login or the relay itself: no mail of ours can pass


@dataclass(frozen=True, slots=True)
class Consequence:
    """What follows from a reply.

    Attributes:
        meaning: what the server meant, as an operator reads it; the cause of a hold, the reason of a
            suppression.
        source: where the rule comes from.
    """

    fate: Fate
    measure: Measure
    meaning: str
    source: str


@dataclass(frozen=True, slots=True)
class _Row:
    """A rule; each of its first three columns is a list of words.

    stages: "mail", "rcpt" …, and "report" for a delivery report's status; "*" is any. codes: "550",
    "500-504"; "4yz", "5yz". enhanced: "5.1.1", "5.5.*", "5.7.20-30"; "-" is none given, "*" is any, given
    or not.
    """

    stages: str
    codes: str
    enhanced: str
    consequence: Consequence


def _row(stages: str, codes: str, enhanced: str, fate: Fate, what: Measure, meaning: str, why: str) -> _Row:
    return _Row(stages, codes, enhanced, Consequence(fate, what, meaning, why))


_RETRY, _REJECT = Fate
_NOTHING, _SUPPRESS, _SOFT, _SLOW, _DOMAIN, _KIND, _ALL = Measure
_TOLD = "rcpt data body"  # the stages at which the server knows the recipient
_KNOWN = f"{_TOLD} report"
_BEFORE = "rcpt report"  # the stages at which it judges the recipient, not the content
_DEAD = "5.1.1 5.1.2 5.1.3 5.1.4 5.1.6 5.1.10"
_LESS = "4.2.1 4.4.* 4.7.*"
#: A code that ends in .0 says no more than the three digits before it (RFC 3463 section 3).
_BARE = "- 5.0.0 5.1.0 5.2.0 5.5.0"

# fmt: off
_TABLE = (
    # Our own fault, where the stage alone would accuse somebody else.
    _row("*", "5yz", "5.3.4", _REJECT, _KIND, "message too big", "RFC 3463 3.4"),

    # Our sender, our login, the relay: nothing of ours can pass, and no mail or address is at fault.
    _row("connect login", "4yz 5yz", "*", _RETRY, _ALL, "no connection or login", "RFC 5321 3.1, 4954 6"),
    _row("*", "530 534 535 538", "*", _RETRY, _ALL, "login wanted or refused", "RFC 4954 6"),
    _row("*", "5yz", "5.1.7 5.1.8 5.7.27", _RETRY, _ALL, "our sender is refused", "RFC 3463 3.2, 7505"),
    _row("mail", "5yz", "*", _RETRY, _ALL, "our sender is refused", "RFC 5321 3.3: no recipient yet"),
    _row("mail", "421 450 451", _LESS, _RETRY, _ALL, "relay wants less", "RFC 5321 3.3: no recipient yet"),
    _row("*", "421", "-", _RETRY, _ALL, "the relay is closing", "RFC 5321 4.2.3"),

    # The address is dead. At DATA and after it a refusal is more likely about the content.
    _row(_KNOWN, "550 551 553", _DEAD, _REJECT, _SUPPRESS, "no such address", "RFC 3463 3.2"),
    _row(_KNOWN, "556", "5.1.10", _REJECT, _SUPPRESS, "no mail for this domain", "RFC 7505"),
    _row(_BEFORE, "550 551 553", "5.7.17 5.7.18", _REJECT, _SUPPRESS, "address has a new owner", "RFC 7293"),
    _row(_BEFORE, "525", "5.7.13", _REJECT, _SUPPRESS, "account disabled", "RFC 5248"),
    _row(_BEFORE, "5yz", "5.2.1", _REJECT, _SUPPRESS, "mailbox disabled", "RFC 3463 3.3"),

    # The mailbox is full: an owner may come back to it.
    _row(_KNOWN, "4yz", "4.2.2", _RETRY, _SOFT, "mailbox full", "RFC 3463 3.3"),
    _row(_KNOWN, "552", "5.2.2 5.2.3", _RETRY, _SOFT, "mailbox full", "RFC 3463 3.3"),
    _row("rcpt", "552", "-", _RETRY, _NOTHING, "storage exceeded", "RFC 5321 4.5.3.1.10: read as 452"),
    _row("*", "4yz", "4.3.1", _RETRY, _NOTHING, "system full", "RFC 3463 3.4"),

    # Too fast, too much, or a host that does not answer: less mail to that domain, no mark on the address.
    _row(_TOLD, "450", "4.2.1", _RETRY, _SLOW, "receiving too quickly", "Gmail"),
    _row(_TOLD, "421 451", "4.7.*", _RETRY, _SLOW, "rate or reputation", "Gmail"),
    _row(_TOLD, "4yz", "4.7.28 4.7.32", _RETRY, _SLOW, "rate or reputation", "Gmail"),
    _row(_TOLD, "5yz", "5.7.38", _REJECT, _SLOW, "rate or reputation", "IANA"),
    _row(_TOLD, "421 451", "4.4.*", _RETRY, _SLOW, "host does not answer", "RFC 3463 3.5"),

    # Not believed or not wanted there: more of it makes it worse. What we can mend waits for that.
    _row(_TOLD, "5yz", "5.7.20-30 5.7.515", _RETRY, _DOMAIN, "authentication", "RFC 7372 3, Outlook"),
    _row(_TOLD, "550 554", "5.7.1", _REJECT, _DOMAIN, "policy", "RFC 3463 3.8"),

    # A 550 that says nothing more: not found, no access, or policy (RFC 5321 section 4.2.3).
    _row(_BEFORE, "550", _BARE, _REJECT, _SOFT, "mailbox unavailable", "RFC 5321 4.2.3"),

    # What came back later: the relay has tried for days, or there is no way.
    _row("report", "4yz", "4.0.0 4.1.* 4.2.* 4.4.*", _REJECT, _SOFT, "given up", "RFC 3463 3.1 to 3.5"),
    _row("report", "5yz", "5.4.*", _REJECT, _SOFT, "no way to the mailbox", "RFC 3463 3.5"),

    # Our own fault in protocol or content.
    _row("*", "5yz", "5.5.* 5.6.*", _REJECT, _KIND, "protocol or content", "RFC 3463 3.6 and 3.7"),
    _row("*", "500-504 555", "*", _REJECT, _KIND, "protocol", "RFC 5321 4.2.4 and 4.1.1.11"),

    # By the first digit.
    _row("*", "4yz", "*", _RETRY, _NOTHING, "temporary", "RFC 5321 4.2.1"),
    _row("*", "5yz", "*", _REJECT, _NOTHING, "permanent", "RFC 5321 4.2.1"),
)
# fmt: on


#: The codes that go with a report's status, where they are not 550 and 451.
_CODES = {"5.1.10": 556, "5.2.2": 552, "5.2.3": 552, "5.7.13": 525}


@cache
def consequence_of(stage: str, code: int, enhanced: str | None = None) -> Consequence:
    """Return what follows from a negative reply.

    Args:
        stage: how far the conversation had come, a value of ``mailer.Stage``, or ``report``.
        code: 400 to 599.
        enhanced: such as ``5.1.1``; one that is not of the code's class says nothing.

    Raises:
        ValueError: the code is not one of a refusal.
    """
    if not 400 <= code <= 599:
        raise ValueError(f"{code} is no refusal")
    if enhanced is not None and enhanced[0] != str(code)[0]:
        enhanced = None
    return next(row.consequence for row in _TABLE if _fits(row, stage, code, enhanced))


def consequence_of_report(status: str) -> Consequence:
    """Return what follows from the `status`, such as ``5.1.1``, of a delivery report on a failure.

    Only what it means for the address is to be followed: anybody who got a mail of ours can write a report
    on it, and must not stop the mail of others.
    """
    return consequence_of("report", _CODES.get(status, 550 if status.startswith("5") else 451), status)


def _fits(row: _Row, stage: str, code: int, enhanced: str | None) -> bool:
    return (
        (row.stages == "*" or stage in row.stages.split())
        and any(_is_code(word, code) for word in row.codes.split())
        and any(_is_enhanced(word, enhanced) for word in row.enhanced.split())
    )


def _is_code(word: str, code: int) -> bool:
    if word.endswith("yz"):
        return str(code)[0] == word[0]
    first, _, last = word.partition("-")
    return int(first) <= code <= int(last or first)


def _is_enhanced(word: str, enhanced: str | None) -> bool:
    if word == "*" or enhanced is None:
        return word in {"*", "-"}
    subject, _, details = word.rpartition(".")
    of_subject, _, detail = enhanced.rpartition(".")
    if subject != of_subject:
        return False
    first, _, last = details.partition("-")
    return details == "*" or int(first) <= int(detail) <= int(last or first)
