"""Engines that break a promise on purpose: the harness must find each of them out."""

from dataclasses import replace
from types import SimpleNamespace
from uuid import uuid4

from quizmail import composing
from quizmail.models import Delivery
from quizmail.outbox import claim, plan, release, statements, work
from quizmail.states import DeliveryState


def resend_what_died() -> None:
    """Plan a mail again whose process died after the claim, as most systems do."""
    tidy = release.tidy

    def planned_instead(now, lease):
        died = (Delivery.state == DeliveryState.SENDING) & (Delivery.claimed_at < now - lease)
        Delivery.update(state=DeliveryState.PLANNED, released_at=None).where(died).execute()
        return tidy(now, lease)

    release.tidy = planned_instead


def claim_after_the_answer() -> None:
    """Send first and commit the claim afterwards, together with the outcome."""
    commit, record, claims = claim.claim, claim.record, {}

    def remember(work, token, *rest):
        claims[token] = rest
        return True

    def commit_both(work, token, outcome, now):
        return commit(work, token, *claims.pop(token)) and record(work, token, outcome, now)

    claim.claim, claim.record = remember, commit_both


def take_silence_for_yes() -> None:
    """Call a mail sent that was never answered."""
    record = claim.record

    def sent_instead(work, token, outcome, now):
        if outcome.state is DeliveryState.UNKNOWN:
            outcome = replace(outcome, state=DeliveryState.SENT)
        return record(work, token, outcome, now)

    claim.record = sent_instead


def take_silence_for_no() -> None:
    """Try a mail again at once that was never answered."""
    record = claim.record

    def planned_instead(work, token, outcome, now):
        if outcome.state is DeliveryState.UNKNOWN:
            outcome = replace(outcome, state=DeliveryState.PLANNED, due_at=now)
        return record(work, token, outcome, now)

    claim.record = planned_instead


def forget_opt_outs() -> None:
    """Ask nobody's preference after the mail was planned."""
    statements.Preference = work.Preference = SimpleNamespace(OFF="nobody's preference")


def give_new_message_ids() -> None:
    """Give every composed mail another Message-ID, and keep none."""
    known = composing.message.message_id
    composing.message.message_id = lambda *key: known(*key).replace("@", f".{uuid4().hex}@")
    composed = claim.claim
    claim.claim = lambda work, token, address, message_id, now: composed(work, token, address, "<?>", now)


def lose_a_row() -> None:
    """Leave one row out of every page."""
    insert = plan.insert_rows
    plan.insert_rows = lambda *given: insert(*given[:-1], given[-1][1:])


def apply(name: str) -> None:
    """Break the engine of this process in the way of that `name`; "" leaves it whole."""
    if name:
        globals()[name]()
        # Whatever is broken of the two shall be broken when they are done together, too.
        record, take = claim.record, claim.claim
        claim.record_and_claim = lambda entry, wanted: (record(*entry), take(*wanted))
