"""Our own tables, as Peewee models. The platform's are in ``platform``.

The models are bound to a database by ``bind``; until then they touch nothing. Every instant is kept
as UTC text of fixed width, so that it compares and sorts the same on SQLite and PostgreSQL.
"""

from datetime import datetime

from peewee import (
    SQL,
    AutoField,
    BigIntegerField,
    BooleanField,
    CompositeKey,
    Database,
    DatabaseProxy,
    Expression,
    FloatField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from quizmail.fields import InstantField, JSONField
from quizmail.states import DeliveryState, Kind, Preference, RunState

database = DatabaseProxy()


class Table(Model):
    """The base of our models."""

    class Meta:
        database = database
        legacy_table_names = False


class Run(Table):
    """One slot's run. A run belongs to a (kind, period, slot); counts of its rows are queried."""

    id = AutoField()
    kind = TextField()
    period = TextField()  # "2026-11-23" for a reminder, "2026-10" for a report
    slot = InstantField()
    zones = JSONField()  # the zones whose clocks show the hour at the slot; their users are the audience
    by_hand = BooleanField(default=False)
    state = TextField(default=RunState.PLANNING)
    cursor = TextField(null=True)  # the last user read; the next page begins after it
    lease_by = TextField(null=True)
    lease_until = InstantField(null=True)
    not_due = JSONField(default=dict)  # {reason: users}
    noted = JSONField(default=dict)  # {oddity of the data: users}, such as an unknown zone
    started_at = InstantField()
    planned_at = InstantField(null=True)
    done_at = InstantField(null=True)

    class Meta:
        table_name = "run"
        constraints = (SQL("UNIQUE (kind, period, slot)"),)


class Recipient(Table):
    """What we keep on a user: the e-mail preference for each kind, and the last reminder sent."""

    id = AutoField()
    user_id = TextField()
    reminder_preference = TextField(default=Preference.ON)
    report_preference = TextField(default=Preference.ON)
    last_reminder_sent = InstantField(null=True)
    paused_until = InstantField(null=True)

    @classmethod
    def preference_for(cls, kind: Kind) -> TextField:
        """Return the field that keeps the preference for mails of `kind`."""
        return {Kind.REMINDER: cls.reminder_preference, Kind.REPORT: cls.report_preference}[kind]

    class Meta:
        table_name = "recipient"
        constraints = (SQL("UNIQUE (user_id)"),)


class Delivery(Table):
    """One mail of one kind to one user for one period: the claim on it, and what became of it."""

    id = AutoField()
    kind = TextField()
    user_id = TextField()
    period = TextField()
    recipient = ForeignKeyField(Recipient, index=False)
    run = ForeignKeyField(Run, null=True, index=False)
    state = TextField(default=DeliveryState.PLANNED)
    reason = TextField(null=True)
    due_at = InstantField()  # not before: the slot, then the send instant, then the next try
    expires_at = InstantField()
    released_at = InstantField(null=True)  # when the workers were last told; NULL: not released
    releases = IntegerField(default=0)  # how often, without a try since
    attempts = IntegerField(default=0)  # tries so far; every test-and-set asks whether it is as it was read
    claimed_at = InstantField(null=True)
    claimed_by = TextField(null=True)
    facts = JSONField(null=True)
    variant = IntegerField(null=True)  # which of the subjects and leads a reminder bears
    message_id = TextField(null=True)
    reply_code = IntegerField(null=True)
    reply_text = TextField(null=True)
    planned_at = InstantField()
    sent_at = InstantField(null=True)

    @classmethod
    def stands(cls, state: DeliveryState) -> Expression:
        """Return the condition that a row is in `state`, with a literal, so that its partial index serves."""
        return cls.state == SQL(f"'{state.value}'")

    class Meta:
        table_name = "delivery"
        constraints = (SQL("UNIQUE (kind, user_id, period)"),)
        indexes = ((("run_id", "state"), False),)  # and the partial ones, one for each state in motion


class Attempt(Table):
    """One try of a delivery and how the server answered it. The platform's attempts are at quizzes."""

    id = AutoField()
    delivery = ForeignKeyField(Delivery, on_delete="CASCADE")
    number = IntegerField()
    at = InstantField()
    outcome = TextField()  # the delivery state that came of it
    by = TextField(null=True)  # who ordered it, when it was not the engine
    stage = TextField(null=True)
    reply_code = IntegerField(null=True)
    reply_text = TextField(null=True)

    class Meta:
        table_name = "attempt"


class Suppression(Table):
    """An address that must not be mailed, and why. ``evidence``: what a server or a bounce said, one line.

    Of somebody whom we have forgotten only a hash of the address is kept.
    """

    address = TextField(primary_key=True)  # in lower case
    reason = TextField()
    code = TextField(null=True)
    evidence = TextField(null=True)
    since = InstantField()

    class Meta:
        table_name = "suppression"


class SoftHit(Table):
    """A day on which a server said that an address could not be mailed just then."""

    address = TextField()  # in lower case
    day = TextField()  # in UTC, such as "2026-11-23"
    reason = TextField(null=True)
    evidence = TextField(null=True)  # what was said, one line

    class Meta:
        table_name = "soft_hit"
        primary_key = CompositeKey("address", "day")


class Valve(Table):
    """The one valve for all kinds, a single row: the first send instant that is not given out yet."""

    id = AutoField()
    free_from = InstantField()

    class Meta:
        table_name = "valve"


class Hold(Table):
    """Something that is stopped: everything, a kind, a run or a domain.

    A row with ``since`` NULL only counts failures in a row (``strikes``) and stops nothing yet.
    """

    id = AutoField()
    scope = TextField()  # states.Scope
    subject = TextField()  # "", the kind, the run's id, the domain
    cause = TextField()
    detail = TextField(null=True)  # what was said last, for people
    strikes = IntegerField(default=0)
    since = InstantField(null=True)
    until = InstantField(null=True)
    by = TextField()

    @classmethod
    def in_force(cls, now: datetime) -> Expression:
        """Return the condition under which a row stops something at `now`."""
        return cls.since.is_null(False) & (cls.until.is_null() | (cls.until > now))

    class Meta:
        table_name = "hold"
        constraints = (SQL("UNIQUE (scope, subject, cause)"),)


class Month(Table):
    """The figures of a month: computed once, under a lease, after the month has ended."""

    period = TextField(primary_key=True)
    lease_by = TextField(null=True)
    lease_until = InstantField(null=True)
    computed_at = InstantField(null=True)

    class Meta:
        table_name = "month"


class MonthFigure(Table):
    """What one user did in one month, with the rank among all; never recomputed."""

    id = AutoField()
    period = TextField()
    user_id = TextField()
    taken = IntegerField()
    average = FloatField(null=True)  # percent, rounded to six decimals; NULL when nothing was graded
    best = FloatField(null=True)  # percent
    rank = BigIntegerField(null=True)  # standard competition rank on the average: 1, 2, 2, 4
    of = BigIntegerField(null=True)  # how many are ranked
    below = BigIntegerField(null=True)  # how many of them have a lower average
    quizzes = JSONField()  # [{id, title, category, taken, best, rank, of}], best first
    categories = JSONField(null=True)  # [{name, taken, average}], most taken first

    class Meta:
        table_name = "month_figure"
        constraints = (SQL("UNIQUE (period, user_id)"),)


class Moment(Table):
    """The instants that must be remembered: the first migration and the last ticks."""

    name = TextField(primary_key=True)
    at = InstantField()

    class Meta:
        table_name = "moment"


class Tombstone(Table):
    """A mail to somebody whom we have forgotten: it stops a second one for the same period.

    ``hash`` is the SHA-256 of the user's id in hexadecimal digits; nothing else tells who it was.
    """

    hash = TextField()
    kind = TextField()
    period = TextField()
    at = InstantField()

    class Meta:
        table_name = "tombstone"
        primary_key = CompositeKey("hash", "kind", "period")


class Alert(Table):
    """An alert that was given: one for a cause and a UTC day, however many processes see it."""

    id = AutoField()
    cause = TextField()
    day = TextField()
    at = InstantField()  # when it was given, or last tried to be mailed
    mailed_at = InstantField(null=True)

    class Meta:
        table_name = "alert"
        constraints = (SQL("UNIQUE (cause, day)"),)


TABLES: tuple[type[Table], ...] = (
    Run,
    Recipient,
    Delivery,
    Attempt,
    Suppression,
    SoftHit,
    Valve,
    Hold,
    Month,
    MonthFigure,
    Moment,
    Alert,
    Tombstone,
)


def bind(to: Database) -> None:
    """Bind every model to the database `to`."""
    database.initialize(to)
