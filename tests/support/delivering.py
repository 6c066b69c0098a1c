"""A deliverer in front of a real SMTP server, with a fake platform behind it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from quizmail.audience import Member, Quiz
from quizmail.composing import Composer
from quizmail.delivery import Deliverer, Terms
from quizmail.links import Links
from quizmail.mailer import Mailer, Relay
from quizmail.models import Delivery
from quizmail.outbox import plan
from quizmail.outbox.plan import PlannedRow
from quizmail.outbox.valve import Pace
from quizmail.outbox.work import find
from quizmail.parsing import Mailbox
from quizmail.rendering import Renderer, Site
from quizmail.slots import Slot
from quizmail.states import Kind
from tests.support.facts import reminder_facts, report_facts
from tests.support.smtp_server import SmtpServer

#: How long the mailer waits for an answer.
SHORT = timedelta(milliseconds=400)


@pytest.fixture
def server():
    """A mail server that behaves, until a test plans otherwise."""
    with SmtpServer() as running:
        yield running


@pytest.fixture
def desk(server, now):
    """A deliverer in front of it, with one planned reminder."""
    at = Desk(server, now)
    yield at
    at.mailer.close()


class FakeAudience:
    """Answers the check before sending: one member, others like him, and which quizzes are still open."""

    def __init__(self, member):
        self.member = member
        self.closed = set()
        self.problem = None
        self.checked_at = []

    def recheck_all(self, kind, user_ids, at, since):
        if self.problem:
            raise self.problem
        self.checked_at.append(at)
        return {user_id: self._member(user_id) for user_id in user_ids if self.member}

    def _member(self, user_id):
        if user_id == self.member.user_id:
            return self.member
        return replace(self.member, user_id=user_id, address=f"{user_id}@example.com")

    def open_now(self, quiz_ids, at):
        quiz = Quiz("", "", None, None, True, None, None, None, None, None)
        return {quiz_id: quiz for quiz_id in quiz_ids if quiz_id not in self.closed}


class Desk:
    """A deliverer with everything around it, and one planned reminder."""

    def __init__(self, server, now, templates_dir=None, kind=Kind.REMINDER, pace=None):
        member = Member(
            user_id="7",
            raw_address="ada@example.com",
            address="ada@example.com",
            name="Ada",
            active=True,
            is_staff=False,
            opt_out=frozenset(),
            zone="UTC",
            zone_known=True,
            locale=None,
            last_seen_at=None,
            created_at=None,
            last_activity=now - timedelta(days=5),
            open_quizzes=(),
        )
        self.audience = FakeAudience(member)
        self.now = now
        relay = Relay(host=server.host, port=server.port, command_timeout=SHORT, body_timeout=SHORT)
        self.mailer = Mailer(relay)
        site = Site("Quizzes", "https://quiz.example.com", "1 Main Street")
        composer = Composer(
            Renderer(site, templates_dir),
            Links("https://mail.example.com", ["k" * 32]),
            Mailbox("Quizzes", "noreply@example.com"),
            "Quizzes",
        )
        pace = pace or Pace(timedelta(minutes=10))
        terms = Terms(timedelta(days=2), hold_after_failures=3, lease=timedelta(minutes=14), pace=pace)
        self.later, self.slept = [], []
        self.deliverer = Deliverer(
            self.audience,
            composer,
            lambda: self.mailer,
            terms,
            lambda: self.now,
            lambda *later: self.later.append(later),
            lambda low, high: 1.0,
            self.sleep,
        )
        self.kind = kind
        plan.open_run(Slot(kind, "2026-11-23", now, frozenset({"UTC"})), now)
        [self.id] = self.plan("7")

    def plan(self, *user_ids):
        """Plan a mail to each of the users, and return the ids of the rows."""
        facts = reminder_facts() if self.kind is Kind.REMINDER else report_facts()
        rows = [PlannedRow(user_id, self.now + timedelta(hours=6), facts) for user_id in user_ids]
        plan.insert_rows(self.kind, "2026-11-23", 1, self.now, self.now, rows)
        return [find(self.kind, user_id, "2026-11-23") for user_id in user_ids]

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def deliver(self):
        return self.deliverer.deliver(self.id)[self.id]

    @property
    def row(self):
        return Delivery.get_by_id(self.id)
