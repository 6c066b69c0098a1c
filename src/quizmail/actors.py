"""The actors: what can be sent from the scheduler, from a dispatcher or from a REPL.

    >>> from quizmail.actors import send_daily_reminder
    >>> send_daily_reminder.send(42)

Importing this module opens no connection and reads no setting; the first message does.
"""

import logging
from functools import partial

import dramatiq
from periodiq import cron

from quizmail.broker import DISPATCH_QUEUE, MAIL_QUEUE, engine, make_broker
from quizmail.errors import PlatformUnavailable, QuizmailError, UnknownUser
from quizmail.states import Kind

log = logging.getLogger(__name__)

broker = make_broker()
dramatiq.set_broker(broker)

#: Our database being away is worth some tries; a mail's own retries live on its row. Waits in milliseconds.
mail_actor = partial(
    dramatiq.actor, queue_name=MAIL_QUEUE, max_retries=5, min_backoff=15_000, max_backoff=300_000
)


@dramatiq.actor(queue_name=DISPATCH_QUEUE, max_retries=0, periodic=cron("* * * * *"))
def dispatch_daily_reminders() -> None:
    """Plan and release the daily reminders that are due now. Sent every minute; more often does no harm."""
    try:
        engine().dispatcher.tick(Kind.REMINDER)
    finally:
        engine().alarm.check(engine().clock())


@dramatiq.actor(queue_name=DISPATCH_QUEUE, max_retries=0, periodic=cron("* * * * *"))
def dispatch_monthly_reports() -> None:
    """Plan and release the monthly reports that are due now. Sent every minute; more often does no harm."""
    engine().dispatcher.tick(Kind.REPORT)


@mail_actor()
def send_daily_reminder(user_id: str | int, period: str | None = None) -> None:
    """Remind one user: plan the delivery for the period (today, in the reader's zone) and send it."""
    _send(Kind.REMINDER, user_id, period)


@mail_actor()
def send_monthly_report(user_id: str | int, period: str | None = None) -> None:
    """Report to one user: plan the delivery for the period (the last whole month) and send it."""
    _send(Kind.REPORT, user_id, period)


@mail_actor()
def deliver(*delivery_ids: int) -> None:
    """Send a round of planned deliveries, those that are still to be sent."""
    engine().deliverer.deliver(*delivery_ids)


def _send(kind: Kind, user_id: str | int, period: str | None) -> None:
    try:
        by_hand = engine().by_hand
        planned = by_hand.plan(by_hand.occasion(kind, str(user_id), None, period))
    except UnknownUser:
        log.error("nothing to send kind=%s: nobody on the platform has this id", kind)
        return
    except PlatformUnavailable:
        raise  # Dramatiq tries again.
    except QuizmailError as problem:
        log.error("nothing to send kind=%s: %s", kind, problem)
        return
    if isinstance(planned, int):
        engine().deliverer.deliver(planned)
    else:
        log.info("nothing to send kind=%s reason=%s", kind, planned)
