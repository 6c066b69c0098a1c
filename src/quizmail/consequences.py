"""What follows from a server's reply besides the mail's own state: for its address, domain and kind."""

from datetime import datetime

from quizmail import holds
from quizmail.holds import Board, Subject
from quizmail.mailer import Reply
from quizmail.recipients import heal, hit, suppress
from quizmail.replies import Measure, Verdict
from quizmail.states import Kind, Scope


def domain_of(address: str) -> Subject:
    """Return the recipient's domain as something that can be held."""
    return Subject(Scope.DOMAIN, address.rpartition("@")[2].lower())


def kind_of(kind: Kind) -> Subject:
    """Return the kind of mail as something that can be held."""
    return Subject(Scope.KIND, kind)


def follow(kind: Kind, address: str, reply: Reply, verdict: Verdict, now: datetime, limit: int) -> None:
    """Do what the `verdict` on a refusal asks for; `limit` failures in a row begin a hold."""
    said = reply.said
    match verdict.measure:
        case Measure.SUPPRESS:
            suppress(address, verdict.meaning, reply.enhanced or str(reply.code), now, said)
        case Measure.SOFT_HIT:
            hit(address, verdict.meaning, reply.enhanced or str(reply.code), now, said)
        case Measure.SLOW_DOMAIN:
            holds.strike(domain_of(address), verdict.meaning, said, now, 1)
        case Measure.HOLD_DOMAIN:
            holds.strike(domain_of(address), verdict.meaning, said, now, limit)
        case Measure.HOLD_KIND:
            holds.strike(kind_of(kind), verdict.meaning, said, now, limit)
        case Measure.HOLD_ALL:
            holds.strike(holds.ALL, verdict.meaning, said, now, limit)


def accepted(kind: Kind, address: str, board: Board, was_hit: bool) -> None:
    """Forget what was held against this address, its domain and this kind: a mail went through.

    Args:
        was_hit: whether the address is among those that could not be mailed of late.
    """
    if was_hit:
        heal(address)
    if not board.rows:
        return
    for subject in (holds.ALL, domain_of(address), kind_of(kind)):
        if board.counts_failures(subject):
            holds.relieve(subject)
