"""The one place where the parts are put together: settings in, a working engine out."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from quizmail import database, models, settings
from quizmail.alerts import Alarm
from quizmail.audience import Audience
from quizmail.by_hand import ByHand
from quizmail.composing import Composer
from quizmail.delivery import Deliverer, Terms, Transport
from quizmail.dispatch import Bell, Dispatcher
from quizmail.links import Links
from quizmail.mailer import Mailer, Relay
from quizmail.message import Signer
from quizmail.outbox.valve import Pace
from quizmail.planning import Planner
from quizmail.platform import Platform
from quizmail.rendering import Brand, Renderer, Site
from quizmail.returns import ReturnPaths
from quizmail.settings import Settings
from quizmail.slots import Calendar
from quizmail.states import Kind

#: How long a run by hand keeps the queue topped up before it leaves the rest to the dispatcher.
PATIENCE = timedelta(minutes=10)


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


class Mailers:
    """Gives every thread its own mailer and keeps its connection."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._mine = threading.local()

    def __call__(self) -> Mailer:
        """Return this thread's mailer."""
        if not hasattr(self._mine, "mailer"):
            self._mine.mailer = Mailer(self._relay)
        mailer: Mailer = self._mine.mailer
        return mailer

    def close(self) -> None:
        """Quit this thread's connection politely, if there is one."""
        if hasattr(self._mine, "mailer"):
            self._mine.mailer.close()
            del self._mine.mailer


class NoBell:
    """A bell that nobody hears: the deliveries stay where they are."""

    def ring(self, rounds: Sequence[Sequence[int]]) -> None:
        """Do nothing."""

    def ring_later(self, delivery_id: int, wait: timedelta) -> None:
        """Do nothing."""

    def waiting(self) -> int:
        """Return 0: nothing waits anywhere else."""
        return 0


@dataclass(frozen=True)
class Engine:
    """Everything that a process may need, wired to one set of settings."""

    settings: Settings
    platform: Platform
    calendar: Calendar
    links: Links
    composer: Composer
    planner: Planner
    dispatcher: Dispatcher
    by_hand: ByHand
    deliverer: Deliverer
    alarm: Alarm
    mailers: Callable[[], Transport]
    clock: Callable[[], datetime]


def lease_of(chosen: Settings) -> timedelta:
    """Return how long a claim may wait for its outcome: its SMTP time-outs and two minutes."""
    return 2 * chosen.mail_command_timeout + chosen.mail_body_timeout + timedelta(minutes=2)


def pace_of(chosen: Settings) -> Pace:
    """Return how fast mails may leave."""
    return Pace(chosen.release_again_after, chosen.send_rate_per_second, chosen.send_limit_per_day)


def calendar_of(chosen: Settings) -> Calendar:
    """Return when mails go out."""
    return Calendar(
        reminder_hour=chosen.daily_reminder_hour,
        report_day=chosen.monthly_report_day,
        report_hour=chosen.monthly_report_hour,
        site_zone=chosen.site_timezone,
        reminder_deadline=chosen.reminder_deadline,
        report_deadline=chosen.report_deadline,
    )


def links_of(chosen: Settings) -> Links:
    """Return what signs and reads the links."""
    by_mail = chosen.mail_unsubscribe_address
    keys = [chosen.secret_key, *chosen.secret_keys_previous]
    return Links(chosen.base_url, keys, by_mail and by_mail.address)


def returns_of(chosen: Settings) -> ReturnPaths | None:
    """Return what makes and reads the envelope senders; None when bounces are not ours to read."""
    if chosen.bounce_domain is None:
        return None
    return ReturnPaths(chosen.bounce_domain, [chosen.secret_key, *chosen.secret_keys_previous])


def signer_of(chosen: Settings) -> Signer | None:
    """Return what signs the mails; None when that is left to the relay.

    Raises:
        ConfigurationError: when the key cannot be used.
    """
    if chosen.dkim_domain is None or chosen.dkim_selector is None or chosen.dkim_key_file is None:
        return None
    return Signer.from_file(chosen.dkim_domain, chosen.dkim_selector, chosen.dkim_key_file)


def renderer_of(chosen: Settings) -> Renderer:
    """Return what makes mails of facts."""
    brand = Brand(chosen.brand_logo_url, chosen.brand_color, chosen.brand_accent_color, chosen.brand_footer)
    site = Site(chosen.site_name, chosen.site_url, chosen.postal_address, brand)
    return Renderer(site, chosen.templates_dir, chosen.site_locale)


def composer_of(chosen: Settings) -> Composer:
    """Return what writes the mails.

    Raises:
        ConfigurationError: when the key that signs them cannot be used.
    """
    own = {Kind.REMINDER: chosen.mail_reminder_sender, Kind.REPORT: chosen.mail_report_sender}
    return Composer(
        renderer=renderer_of(chosen),
        links=links_of(chosen),
        sender=chosen.mail_default_sender,
        site_name=chosen.site_name,
        idempotency_header=chosen.mail_idempotency_header,
        senders={kind: sender for kind, sender in own.items() if sender},
        returns=returns_of(chosen),
        feedback_sender_id=chosen.feedback_sender_id,
        signer=signer_of(chosen),
    )


def open_database(chosen: Settings) -> None:
    """Bind our tables to DATABASE_URL."""
    models.bind(database.connect(chosen.database_url, connections=max(20, chosen.mail_max_connections + 4)))


def build(
    chosen: Settings,
    *,
    bell: Bell | None = None,
    clock: Callable[[], datetime] = utc_now,
    transport: Callable[[], Transport] | None = None,
) -> Engine:
    """Put the engine together.

    Raises:
        ConfigurationError: our tables are not up to date.
        SourceError, PlatformUnavailable: the platform cannot be read.
    """
    open_database(chosen)
    database.verify()
    platform = Platform.open(chosen.quiz_database_url, chosen.quiz_source, chosen.site_timezone)
    planner = Planner(Audience(platform), chosen.inactive_after)
    composer = composer_of(chosen)
    calendar = calendar_of(chosen)
    mailers = transport or Mailers(Relay.from_settings(chosen))
    lease, pace = lease_of(chosen), pace_of(chosen)
    dispatcher = Dispatcher(
        platform=platform,
        planner=planner,
        calendar=calendar,
        bell=bell or NoBell(),
        clock=clock,
        max_waiting=chosen.send_max_waiting,
        pace=pace,
        lease=lease,
        keep=chosen.keep_deliveries,
        resend_unknown_after={
            kind: after
            for kind, after in (
                (Kind.REMINDER, chosen.resend_unknown_reminders_after),
                (Kind.REPORT, chosen.resend_unknown_reports_after),
            )
            if after
        },
    )
    terms = Terms(chosen.inactive_after, chosen.hold_after_failures, lease, pace)
    return Engine(
        settings=chosen,
        platform=platform,
        calendar=calendar,
        links=composer.links,
        composer=composer,
        planner=planner,
        dispatcher=dispatcher,
        by_hand=ByHand(dispatcher),
        deliverer=Deliverer(
            planner.audience, composer, mailers, terms, clock, ring_later=dispatcher.bell.ring_later
        ),
        alarm=Alarm(
            administrator=chosen.admin_email,
            sender=chosen.mail_default_sender,
            site_name=chosen.site_name,
            transport=mailers,
            unknown_above=chosen.alert_unknown_above,
        ),
        mailers=mailers,
        clock=clock,
    )


@cache
def current_settings() -> Settings:
    """Return the process's settings, read once."""
    return settings.read()
