"""What follows from a server's reply besides the mail's own state: for its address, domain and kind."""

from datetime import datetime

from quizmail import holds
from quizmail.holds import Board
from quizmail.mailer import Reply
from quizmail.recipients import heal, hit, suppress
from quizmail.replies import Consequence, Measure
from quizmail.states import Kind


def follow(
    kind: Kind, address: str, reply: Reply, consequence: Consequence, now: datetime, limit: int
) -> None:
    """Do what the `consequence` on a refusal asks for; `limit` failures in a row begin a hold."""
    said = reply.said
    match consequence.measure:
        case Measure.SUPPRESS:
            suppress(address, consequence.meaning, reply.enhanced or str(reply.code), now, said)
        case Measure.SOFT_HIT:
            hit(address, consequence.meaning, reply.enhanced or str(reply.code), now, said)
        case Measure.SLOW_DOMAIN:
            holds.strike(holds.on_domain(address), consequence.meaning, said, now, 1)
        case Measure.HOLD_DOMAIN:
            holds.strike(holds.on_domain(address), consequence.meaning, said, now, limit)
        case Measure.HOLD_KIND:
            holds.strike(holds.on_kind(kind), consequence.meaning, said, now, limit)
        case Measure.HOLD_ALL:
            holds.strike(holds.ALL, consequence.meaning, said, now, limit)


def accepted(kind: Kind, address: str, board: Board, was_hit: bool) -> None:
    """Forget what was held against this address, its domain and this kind: a mail went through.

    Args:
        was_hit: whether the address is among those that could not be mailed of late.
    """
    if was_hit:
        heal(address)
    if not board.rows:
        return
    for subject in (holds.ALL, holds.on_domain(address), holds.on_kind(kind)):
        if board.counts_failures(subject):
            holds.relieve(subject)
