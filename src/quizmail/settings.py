"""The settings: read from the environment and ``.env`` once, checked, typed.

Every setting is one field of ``Settings`` with its name, its default and what it should be; the
problems of a wrong configuration are found together and named one line each. Secrets are never
repeated in a message.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dotenv import dotenv_values

from quizmail.errors import ConfigurationError
from quizmail.parsing import (
    Mailbox,
    color,
    domain,
    feedback_id,
    flag,
    header_name,
    image_url,
    mailbox,
    optional,
    rate,
    secret_key,
    span,
    text,
    unverified,
    url,
    web_url,
    whole,
    words,
)


class _Option(NamedTuple):
    name: str
    parse: Callable[[str], Any]
    default: str | None
    expected: str
    secret: bool


def _option(
    name: str, parse: Callable[[str], Any], default: str | None, expected: str, *, secret: bool = False
) -> Any:
    """Declare a setting. `default` None means that it must be given; `expected` completes "should be …"."""
    return field(metadata={"option": _Option(name, parse, default, expected, secret)})


_DATABASE = url("sqlite", "postgres", "postgresql")
_DATABASE_EXPECTED = "a URL such as sqlite:///quiz.db or postgresql://user@host/name"
_DAYS = span(timedelta(days=1))
#: What is younger may stop a second mail still: see ``retention``.
_KEPT = span(timedelta(days=1), least=70)
_HOURS = span(timedelta(hours=1))
_SECONDS = span(timedelta(seconds=1))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, typed: durations as timedelta, zones as ZoneInfo, absent optional ones as None."""

    demo: bool = _option("QUIZMAIL_DEMO", flag, "false", "true or false")
    demo_inbox: Path = _option("QUIZMAIL_DEMO_INBOX", Path, "var/demo/inbox", "the demo inbox's folder")

    daily_reminder_hour: int = _option("DAILY_REMINDER_HOUR", whole(0, 23), "18", "an hour from 0 to 23")
    monthly_report_day: int = _option("MONTHLY_REPORT_DAY", whole(1, 28), "1", "a day from 1 to 28")
    monthly_report_hour: int = _option("MONTHLY_REPORT_HOUR", whole(0, 23), "9", "an hour from 0 to 23")
    inactive_after: timedelta = _option("INACTIVE_AFTER_DAYS", _DAYS, "2", "a number of days above 0")
    reminder_deadline: timedelta = _option(
        "REMINDER_DEADLINE_HOURS", _HOURS, "3", "a number of hours above 0"
    )
    report_deadline: timedelta = _option("REPORT_DEADLINE_DAYS", _DAYS, "3", "a number of days above 0")
    site_timezone: ZoneInfo = _option("SITE_TIMEZONE", ZoneInfo, "UTC", "a zone name such as Europe/Berlin")

    quiz_database_url: str = _option("QUIZ_DATABASE_URL", _DATABASE, None, _DATABASE_EXPECTED, secret=True)
    quiz_source: str = _option(
        "QUIZ_SOURCE", text, "native", "the name of a preset or the path of a TOML source file"
    )
    database_url: str = _option("DATABASE_URL", _DATABASE, None, _DATABASE_EXPECTED, secret=True)
    redis_url: str = _option(
        "REDIS_URL",
        url("redis", "rediss", "unix"),
        "redis://127.0.0.1:6379/0",
        "a URL such as redis://host:6379/0",
        secret=True,
    )
    redis_tls_verify: bool = _option("REDIS_TLS_VERIFY", flag, "true", "true or false")

    mail_server: str = _option("MAIL_SERVER", text, None, "the host name of your mail server")
    mail_port: int | None = _option("MAIL_PORT", optional(whole(1, 65535)), "", "a port from 1 to 65535")
    mail_username: str | None = _option("MAIL_USERNAME", optional(text), "", "the login name")
    mail_password: str | None = _option(
        "MAIL_PASSWORD", optional(str), "", "the login's password", secret=True
    )
    mail_use_ssl: bool = _option("MAIL_USE_SSL", flag, "false", "true or false")
    mail_use_tls: bool = _option("MAIL_USE_TLS", flag, "true", "true or false")
    mail_ca_file: Path | None = _option(
        "MAIL_CA_FILE", optional(Path), "", "the path of a PEM file with the authorities to trust"
    )
    mail_oauth2_file: Path | None = _option(
        "MAIL_OAUTH2_FILE", optional(Path), "", "the path of yagmail's Gmail OAuth2 file"
    )
    mail_default_sender: Mailbox = _option(
        "MAIL_DEFAULT_SENDER", mailbox, "QuizMaster <noreply@example.com>", "Name <address>"
    )
    mail_reminder_sender: Mailbox | None = _option(
        "MAIL_REMINDER_SENDER", optional(mailbox), "", "Name <address>"
    )
    mail_report_sender: Mailbox | None = _option(
        "MAIL_REPORT_SENDER", optional(mailbox), "", "Name <address>"
    )
    mail_unsubscribe_address: Mailbox | None = _option(
        "MAIL_UNSUBSCRIBE_ADDRESS", optional(mailbox), "", "an e-mail address"
    )
    bounce_domain: str | None = _option(
        "BOUNCE_DOMAIN", optional(domain), "", "a domain such as bounces.example.com"
    )
    feedback_sender_id: str | None = _option(
        "FEEDBACK_SENDER_ID", optional(feedback_id), "", "5 to 15 letters, digits or hyphens"
    )
    dkim_domain: str | None = _option("DKIM_DOMAIN", optional(domain), "", "a domain such as example.com")
    dkim_selector: str | None = _option("DKIM_SELECTOR", optional(domain), "", "a name such as mail2026")
    dkim_key_file: Path | None = _option(
        "DKIM_KEY_FILE", optional(Path), "", "the path of a PEM file with the private key"
    )
    mail_max_connections: int = _option(
        "MAIL_MAX_CONNECTIONS", whole(1, 1000), "8", "a number of connections from 1 to 1000"
    )
    mail_messages_per_connection: int = _option(
        "MAIL_MESSAGES_PER_CONNECTION", whole(1, 100_000), "100", "a number of messages above 0"
    )
    mail_command_timeout: timedelta = _option(
        "MAIL_COMMAND_TIMEOUT_SECONDS", _SECONDS, "60", "a number of seconds above 0"
    )
    #: RFC 5321 section 4.5.3.2.6: ten minutes for the answer to the body; less breeds duplicates.
    mail_body_timeout: timedelta = _option(
        "MAIL_BODY_TIMEOUT_SECONDS", _SECONDS, "600", "a number of seconds above 0"
    )

    send_rate_per_second: float = _option(
        "SEND_RATE_PER_SECOND", rate, "0", "a number of mails a second, 0 for no limit"
    )
    send_limit_per_day: int = _option(
        "SEND_LIMIT_PER_DAY", whole(0, 10_000_000), "0", "a number of mails in 24 hours, 0 for no limit"
    )
    send_max_waiting: int = _option(
        "SEND_MAX_WAITING", whole(1, 10_000_000), "2000", "a number of mails above 0"
    )
    release_again_after: timedelta = _option(
        "RELEASE_AGAIN_AFTER_MINUTES", span(timedelta(minutes=1)), "10", "a number of minutes above 0"
    )
    alert_unknown_above: int = _option(
        "ALERT_UNKNOWN_ABOVE", whole(0, 1_000_000), "0", "a number of deliveries, 0 or more"
    )
    resend_unknown_reminders_after: timedelta | None = _option(
        "RESEND_UNKNOWN_REMINDERS_AFTER_MINUTES",
        optional(span(timedelta(minutes=1))),
        "",
        "a number of minutes above 0, or nothing",
    )
    resend_unknown_reports_after: timedelta | None = _option(
        "RESEND_UNKNOWN_REPORTS_AFTER_MINUTES",
        optional(span(timedelta(minutes=1))),
        "",
        "a number of minutes above 0, or nothing",
    )
    mail_idempotency_header: str | None = _option(
        "MAIL_IDEMPOTENCY_HEADER",
        optional(header_name),
        "",
        "a header's name such as Resend-Idempotency-Key",
    )
    shutdown_timeout: timedelta = _option(
        "SHUTDOWN_TIMEOUT_SECONDS", _SECONDS, "4", "a number of seconds above 0"
    )
    hold_after_failures: int = _option(
        "HOLD_AFTER_FAILURES", whole(1, 1000), "3", "a number of failures in a row from 1 to 1000"
    )

    base_url: str = _option(
        "BASE_URL", web_url, None, "this service's public address, such as https://mail.example.com"
    )
    site_url: str | None = _option(
        "SITE_URL", optional(web_url), "", "the quiz platform's address, such as https://quiz.example.com"
    )
    secret_key: str = _option("SECRET_KEY", secret_key, None, "at least 16 random characters", secret=True)
    secret_keys_previous: tuple[str, ...] = _option(
        "SECRET_KEYS_PREVIOUS", words, "", "former keys, separated by spaces", secret=True
    )
    postal_address: str = _option(
        "POSTAL_ADDRESS", text, None, "the sender's postal address, which the law wants in every mail"
    )
    site_name: str = _option("SITE_NAME", text, "QuizMaster", "the platform's name")
    site_locale: str = _option("SITE_LOCALE", text, "en", "a language tag such as en or de-AT")
    brand_logo_url: str | None = _option(
        "BRAND_LOGO_URL", optional(image_url), "", "the https address of a picture"
    )
    brand_color: str | None = _option(
        "BRAND_COLOR", optional(color), "", "a color such as #3b49c6 on which white can be read"
    )
    brand_accent_color: str | None = _option(
        "BRAND_ACCENT_COLOR", optional(color), "", "a color such as #0f766e on which white can be read"
    )
    brand_footer: str | None = _option("BRAND_FOOTER", optional(text), "", "a line of text")
    keep_deliveries: timedelta = _option("KEEP_DELIVERIES_DAYS", _KEPT, "400", "a number of days, 70 or more")
    admin_email: Mailbox | None = _option("ADMIN_EMAIL", optional(mailbox), "", "an e-mail address")
    templates_dir: Path | None = _option(
        "TEMPLATES_DIR", optional(Path), "", "a folder whose files replace the shipped templates"
    )
    port: int = _option("PORT", whole(1, 65535), "8025", "the web process's port, from 1 to 65535")
    web_host: str = _option("WEB_HOST", text, "127.0.0.1", "the address that the web process listens on")
    log_level: str = _option(
        "LOG_LEVEL",
        lambda text: {level: level for level in ("DEBUG", "INFO", "WARNING", "ERROR")}[text.upper()],
        "INFO",
        "DEBUG, INFO, WARNING or ERROR",
    )

    @property
    def relay_port(self) -> int:
        """The relay's port: MAIL_PORT, else the usual one for the chosen security."""
        return self.mail_port or (465 if self.mail_use_ssl else 587 if self.mail_use_tls else 25)


def load(environ: Mapping[str, str]) -> Settings:
    """Check `environ` and return the settings.

    Raises:
        ConfigurationError: with one line for every setting that is missing or wrong.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    for each in fields(Settings):
        option: _Option = each.metadata["option"]
        text = environ.get(option.name) or option.default
        if text is None:
            problems.append(f"{option.name} is missing: it should be {option.expected}")
            continue
        try:
            values[each.name] = option.parse(text)
        except (ValueError, KeyError, OSError, OverflowError):
            shown = "the value given" if option.secret else repr(text)
            problems.append(f"{option.name}: {shown} is wrong: it should be {option.expected}")
    tls_was_asked_for = values.get("mail_use_tls") and environ.get("MAIL_USE_TLS")
    if not problems and values["mail_use_ssl"] and tls_was_asked_for:
        problems.append("MAIL_USE_TLS and MAIL_USE_SSL are both on: it should be one of the two")
    for name in ("mail_ca_file", "mail_oauth2_file", "dkim_key_file", "templates_dir"):
        if values.get(name) and not values[name].exists():
            problems.append(f"{name.upper()}: {str(values[name])!r} does not exist")
    signs = ("dkim_domain", "dkim_selector", "dkim_key_file")
    if not problems and 0 < sum(values[name] is None for name in signs) < len(signs):
        missing = ", ".join(name.upper() for name in signs if values[name] is None)
        problems.append(f"{missing}: it should be set as well, or no DKIM_ setting at all")
    if problems:
        raise ConfigurationError(problems)
    if not values["redis_tls_verify"]:
        values["redis_url"] = unverified(values["redis_url"])
    return Settings(**values)


def names() -> list[str]:
    """Return the name of every setting, in the order in which they are documented."""
    return [each.metadata["option"].name for each in fields(Settings)]


def read(env_file: Path = Path(".env")) -> Settings:
    """Read the process's environment, completed from `env_file`; what the environment says wins.

    Raises:
        ConfigurationError: with one line for every setting that is missing or wrong.
    """
    return load(environment(env_file))


def environment(env_file: Path = Path(".env")) -> dict[str, str]:
    """Return the process's environment, completed from `env_file` unless it says that this is the demo."""
    if os.environ.get("QUIZMAIL_DEMO"):
        return dict(os.environ)
    from_file = {name: value for name, value in dotenv_values(env_file).items() if value is not None}
    return {**from_file, **os.environ}
