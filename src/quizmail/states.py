"""The vocabulary of what can happen to a mail: kinds, states and reasons.

    planned  → sending → sent | planned (a temporary failure) | rejected | unknown
    planned  → skipped | expired | rejected
    unknown  → sent | rejected | planned  (a late answer, an operator, or a RESEND_UNKNOWN_… setting)

Values are stored in the database and printed to operators: rename none of them.
"""

from enum import StrEnum


class Kind(StrEnum):
    """What a mail is about. Each kind has its own list, templates and preference."""

    REMINDER = "reminder"
    REPORT = "report"

    @property
    def plural(self) -> str:
        """The word for many of them, as the command line and the counts say it."""
        return f"{self.value}s"


class DeliveryState(StrEnum):
    """Where one mail to one user for one period stands."""

    PLANNED = "planned"  # due, waiting for its time or for its next try
    SENDING = "sending"  # claimed; the body may be on its way
    SENT = "sent"  # the server answered the body with 2yz
    REJECTED = "rejected"  # refused for good, or out of tries
    SKIPPED = "skipped"  # due, but stopped, or not wanted any more; the reason says why
    EXPIRED = "expired"  # its time had passed before it could be sent
    UNKNOWN = "unknown"  # no answer after the body began; sent again only by an order or a setting


#: A delivery leaves these only by an operator's order, a late answer, or a RESEND_UNKNOWN_… setting.
FINAL_STATES = frozenset(DeliveryState) - {DeliveryState.PLANNED, DeliveryState.SENDING}


#: The states of a mail that has reached its reader, or may have.
PERHAPS_THERE = (DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNKNOWN)


class RunState(StrEnum):
    """Where one slot's run stands."""

    PLANNING = "planning"  # the audience is being read, page by page
    PLANNED = "planned"  # every row is written; some are not finished
    DONE = "done"  # every row has reached a final state
    MISSED = "missed"  # its deadline had passed before it could be planned


class Preference(StrEnum):
    """What a reader wants of one kind of mail."""

    ON = "on"
    WEEKLY = "weekly"  # at most one a week
    OFF = "off"


class NotDue(StrEnum):
    """Why somebody in a run's audience gets no row. Counted on the run."""

    STAFF = "staff"
    ACCOUNT_DISABLED = "account_disabled"
    RECENTLY_ACTIVE = "recently_active"
    ACCOUNT_TOO_NEW = "account_too_new"
    NOTHING_AVAILABLE = "nothing_available"
    NO_ACTIVITY = "no_activity"  # nothing taken in the month: no report
    FORGOTTEN = "forgotten"  # was mailed for this period, or wanted no mail, and is forgotten since
    MAILED_THIS_WEEK = "mailed_this_week"  # wants at most one reminder a week, and had it


class Skip(StrEnum):
    """Why somebody who is due is not mailed. Kept on the skipped row."""

    BAD_ADDRESS = "bad_address"
    OPTED_OUT = "opted_out"
    PAUSED = "paused"
    SUPPRESSED = "suppressed"
    # Found out between planning and sending, as a NotDue reason may be, too:
    USER_GONE = "user_gone"
    QUIZZES_CLOSED = "quizzes_closed"  # those that the mail was to name; others are open


class Failure(StrEnum):
    """Why a delivery that was to be sent was not, or may not have been."""

    PERMANENT_REPLY = "permanent_reply"  # the server said 5yz
    TEMPORARY_REPLY = "temporary_reply"  # the server said 4yz; waiting for the next try
    TRIES_EXHAUSTED = "tries_exhausted"  # 4yz on every try
    RELAY_UNREACHABLE = "relay_unreachable"  # no connection, no login, or it broke before the claim
    RELAY_REFUSES = "relay_refuses"  # no mail of ours is taken now; said before the claim
    DOMAIN_HELD = "domain_held"  # the recipient's domain rests
    NO_ANSWER = "no_answer"  # the link broke or the time ran out after the body began
    PROCESS_DIED = "process_died"  # the claim's lease ended without an outcome
    SHUTDOWN = "shutdown"  # the worker had to stop while it waited for the answer
    NEVER_FINISHED = "never_finished"  # released too often without one try
    COMPOSITION_FAILED = "composition_failed"  # our own template is at fault
    PLATFORM_UNAVAILABLE = "platform_unavailable"  # the check before sending could not be made


class Return(StrEnum):
    """What came back after a mail had been sent. Kept in the delivery's history, each once."""

    BOUNCED = "bounced"  # a delivery report says that it could not be delivered
    COMPLAINED = "complained"  # the reader called it unwanted


class Scope(StrEnum):
    """What a hold stops."""

    ALL = "all"
    KIND = "kind"
    RUN = "run"
    DOMAIN = "domain"
