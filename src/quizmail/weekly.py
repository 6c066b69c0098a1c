"""What "one reminder a week at most" needs to know, as an expression for queries of recipients."""

from peewee import Case, fn

from quizmail.models import Delivery, Recipient
from quizmail.states import PERHAPS_THERE, Kind, Preference


def last_when_weekly() -> Case:
    """Return when the newest reminder began to leave that has reached the recipient, or may have.

    NULL for who had none, and for everybody who does not ask for one a week at most.
    """
    reminder = Delivery.alias()
    last = reminder.select(fn.MAX(reminder.claimed_at)).where(
        (reminder.kind == Kind.REMINDER)
        & (reminder.user_id == Recipient.user_id)
        & reminder.state.in_(PERHAPS_THERE)
    )
    return Case(None, [(Recipient.reminder_preference == Preference.WEEKLY, last)])
