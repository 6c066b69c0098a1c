"""The settings: defaults, wrong values and their messages, and what .env.example says of them."""

import re
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from quizmail import settings
from quizmail.errors import ConfigurationError
from quizmail.parsing import Mailbox
from quizmail.settings import load, names

EXAMPLE = Path(__file__).parents[2] / ".env.example"

NEEDED = {
    "QUIZ_DATABASE_URL": "postgresql://reader:hunter2hunter2@db/quiz",
    "DATABASE_URL": "sqlite:///quizmail.db",
    "MAIL_SERVER": "smtp.example.com",
    "BASE_URL": "https://mail.example.com",
    "SECRET_KEY": "0123456789abcdef",
    "POSTAL_ADDRESS": "1 Example Street",
}

DEFAULTS = {
    "demo": False,
    "demo_inbox": Path("var/demo/inbox"),
    "daily_reminder_hour": 18,
    "monthly_report_day": 1,
    "monthly_report_hour": 9,
    "inactive_after": timedelta(days=2),
    "reminder_deadline": timedelta(hours=3),
    "report_deadline": timedelta(days=3),
    "site_timezone": ZoneInfo("UTC"),
    "quiz_source": "native",
    "redis_url": "redis://127.0.0.1:6379/0",
    "mail_port": None,
    "mail_username": None,
    "mail_password": None,
    "mail_use_ssl": False,
    "mail_use_tls": True,
    "mail_ca_file": None,
    "mail_oauth2_file": None,
    "mail_default_sender": Mailbox("QuizMaster", "noreply@example.com"),
    "mail_max_connections": 8,
    "mail_messages_per_connection": 100,
    "mail_command_timeout": timedelta(seconds=60),
    "mail_body_timeout": timedelta(seconds=600),
    "send_rate_per_second": 0.0,
    "send_limit_per_day": 0,
    "send_max_waiting": 2000,
    "release_again_after": timedelta(minutes=10),
    "hold_after_failures": 3,
    "alert_unknown_above": 0,
    "resend_unknown_reminders_after": None,
    "resend_unknown_reports_after": None,
    "mail_idempotency_header": None,
    "shutdown_timeout": timedelta(seconds=4),
    "redis_tls_verify": True,
    "site_url": None,
    "secret_keys_previous": (),
    "site_name": "QuizMaster",
    "mail_reminder_sender": None,
    "mail_report_sender": None,
    "mail_unsubscribe_address": None,
    "bounce_domain": None,
    "feedback_sender_id": None,
    "dkim_domain": None,
    "dkim_selector": None,
    "dkim_key_file": None,
    "site_locale": "en",
    "brand_logo_url": None,
    "brand_color": None,
    "brand_accent_color": None,
    "brand_footer": None,
    "keep_deliveries": timedelta(days=400),
    "admin_email": None,
    "templates_dir": None,
    "port": 8025,
    "web_host": "127.0.0.1",
    "log_level": "INFO",
}

#: Values that each setting must refuse.
WRONG = {
    "QUIZMAIL_DEMO": ("maybe",),
    "DAILY_REMINDER_HOUR": ("24", "-1", "six", "18.5"),
    "MONTHLY_REPORT_DAY": ("0", "29", "first"),
    "MONTHLY_REPORT_HOUR": ("24", "9am"),
    "INACTIVE_AFTER_DAYS": ("0", "-2", "two", "nan", "inf", "1e300"),
    "REMINDER_DEADLINE_HOURS": ("0", "x"),
    "REPORT_DEADLINE_DAYS": ("0", "x"),
    "SITE_TIMEZONE": ("Mars/Olympus", "../../etc/passwd", "Europe"),
    "QUIZ_DATABASE_URL": ("mysql://reader:hunter2hunter2@db/quiz", "hunter2"),
    "QUIZ_SOURCE": ("  ",),
    "DATABASE_URL": ("oracle://owner:hunter2hunter2@db",),
    "REDIS_URL": ("http://:hunter2hunter2@localhost", "localhost:6379"),
    "REDIS_TLS_VERIFY": ("maybe",),
    "MAIL_SERVER": (" ",),
    "MAIL_PORT": ("0", "65536", "smtp"),
    "MAIL_USE_SSL": ("maybe",),
    "MAIL_USE_TLS": ("starttls",),
    "MAIL_CA_FILE": ("/no/such/file",),
    "MAIL_OAUTH2_FILE": ("/no/such/file",),
    "MAIL_DEFAULT_SENDER": ("QuizMaster", "QuizMaster <>", "QuizMaster <noreply@>", "Q <jürgen@example.com>"),
    "MAIL_MAX_CONNECTIONS": ("0", "1001", "many"),
    "MAIL_MESSAGES_PER_CONNECTION": ("0", "x"),
    "MAIL_COMMAND_TIMEOUT_SECONDS": ("0", "-1", "x"),
    "MAIL_BODY_TIMEOUT_SECONDS": ("0", "-1", "x"),
    "SEND_RATE_PER_SECOND": ("-1", "0.000001", "nan", "inf", "1e300", "fast"),
    "SEND_LIMIT_PER_DAY": ("-1", "0.5", "x"),
    "SEND_MAX_WAITING": ("0", "x"),
    "RELEASE_AGAIN_AFTER_MINUTES": ("0", "x"),
    "HOLD_AFTER_FAILURES": ("0", "1001", "x"),
    "ALERT_UNKNOWN_ABOVE": ("-1", "x"),
    "RESEND_UNKNOWN_REMINDERS_AFTER_MINUTES": ("0", "x"),
    "RESEND_UNKNOWN_REPORTS_AFTER_MINUTES": ("0", "x"),
    "MAIL_REMINDER_SENDER": ("Reminders",),
    "MAIL_REPORT_SENDER": ("Reports <>",),
    "MAIL_UNSUBSCRIBE_ADDRESS": ("stop",),
    "BOUNCE_DOMAIN": ("bounces example.com", "-a.example", "müller.example", "a..b"),
    "FEEDBACK_SENDER_ID": ("four", "sixteen-letters-", "quiz:app"),
    "DKIM_DOMAIN": ("example com",),
    "DKIM_SELECTOR": ("mail 2026",),
    "DKIM_KEY_FILE": ("/no/such/file",),
    "SITE_LOCALE": (" ",),
    "BRAND_LOGO_URL": ("http://quiz.example.com/logo.png", "logo.png", 'https://example.com/"x'),
    "BRAND_COLOR": ("blue", "#fff", "#ffee00"),
    "BRAND_ACCENT_COLOR": ("#777", "#aaaaaa"),
    "BRAND_FOOTER": (" ",),
    "KEEP_DELIVERIES_DAYS": ("0", "x"),
    "MAIL_IDEMPOTENCY_HEADER": ("X Key", "Key:", "Schlüssel"),
    "SHUTDOWN_TIMEOUT_SECONDS": ("0", "x"),
    "BASE_URL": ("mail.example.com", "ftp://mail.example.com", "https://", "https://example.com/?a=b"),
    "SITE_URL": ("quiz.example.com", "javascript:alert(1)"),
    "SECRET_KEY": ("hunter2hunter2", "short"),
    "POSTAL_ADDRESS": ("  ",),
    "SITE_NAME": (" ",),
    "ADMIN_EMAIL": ("nobody", "a b@example.com"),
    "TEMPLATES_DIR": ("/no/such/folder",),
    "PORT": ("0", "65536", "http"),
    "WEB_HOST": (" ",),
    "LOG_LEVEL": ("LOUD",),
}

#: A path cannot be wrong by its form, a password and former keys may be anything.
NEVER_WRONG = {"QUIZMAIL_DEMO_INBOX", "MAIL_USERNAME", "MAIL_PASSWORD", "SECRET_KEYS_PREVIOUS"}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(environ)
    return caught.value.problems


def test_what_is_needed_is_enough_and_everything_else_has_its_documented_default():
    loaded = load(NEEDED)
    assert {name: getattr(loaded, name) for name in DEFAULTS} == DEFAULTS


def test_every_setting_is_either_needed_or_has_a_tested_default():
    assert len(DEFAULTS) + len(NEEDED) == len(names())


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_a_needed_setting_that_is_missing_or_empty_is_one_line_with_its_name_and_what_it_should_be(name):
    without = {key: value for key, value in NEEDED.items() if key != name}
    for environ in (without, {**NEEDED, name: ""}):
        (line,) = problems(environ)
        assert line.startswith(f"{name} is missing: it should be ")


def test_all_problems_are_told_at_once_one_line_each_in_the_order_of_the_settings():
    lines = problems({"DAILY_REMINDER_HOUR": "noon", "LOG_LEVEL": "LOUD"})
    told = [re.match(r"[A-Z_]+", line).group() for line in lines]
    assert set(told) == {*NEEDED, "DAILY_REMINDER_HOUR", "LOG_LEVEL"}
    assert told == sorted(told, key=names().index)
    assert not any("\n" in line for line in lines)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]])
def test_a_wrong_value_is_one_line_with_the_name_and_the_value(name, value):
    (line,) = problems({**NEEDED, name: value})
    assert line.startswith(name)
    assert "should be" in line or "does not exist" in line
    if name not in {"QUIZ_DATABASE_URL", "DATABASE_URL", "REDIS_URL", "SECRET_KEY"}:
        assert repr(value) in line


@pytest.mark.parametrize("name", ["QUIZ_DATABASE_URL", "DATABASE_URL", "REDIS_URL", "SECRET_KEY"])
def test_a_secret_is_never_repeated(name):
    for value in WRONG[name]:
        (line,) = problems({**NEEDED, name: value})
        assert value not in line
        assert "hunter2" not in line


def test_every_setting_that_can_be_wrong_is_tested():
    assert WRONG.keys() | NEVER_WRONG == set(names())


def test_an_empty_optional_value_is_the_default():
    assert load({**NEEDED, "INACTIVE_AFTER_DAYS": "", "MAIL_PORT": "", "ADMIN_EMAIL": ""}) == load(NEEDED)


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({}, 587),
        ({"MAIL_USE_SSL": "true"}, 465),
        ({"MAIL_USE_TLS": "false"}, 25),
        ({"MAIL_PORT": "2525", "MAIL_USE_SSL": "true"}, 2525),
    ],
)
def test_the_relays_port_follows_from_its_security_unless_it_is_given(given, port):
    assert load({**NEEDED, **given}).relay_port == port


@pytest.mark.parametrize("on", ["true", "True", "1", "yes"])
def test_ssl_and_starttls_at_once_are_refused(on):
    (line,) = problems({**NEEDED, "MAIL_USE_SSL": "true", "MAIL_USE_TLS": on})
    assert "MAIL_USE_TLS" in line
    assert "MAIL_USE_SSL" in line


def test_values_are_typed():
    loaded = load(
        {
            **NEEDED,
            "INACTIVE_AFTER_DAYS": "2.5",
            "SITE_TIMEZONE": "Asia/Kolkata",
            "MAIL_DEFAULT_SENDER": '"Quiz, Master" <quiz@example.com>',
            "BASE_URL": "https://mail.example.com/quizmail/",
            "SECRET_KEYS_PREVIOUS": "first-old-key, second-old-key",
            "LOG_LEVEL": "debug",
        }
    )
    assert loaded.inactive_after == timedelta(days=2, hours=12)
    assert loaded.site_timezone == ZoneInfo("Asia/Kolkata")
    assert loaded.mail_default_sender == Mailbox("Quiz, Master", "quiz@example.com")
    assert loaded.base_url == "https://mail.example.com/quizmail"
    assert loaded.secret_keys_previous == ("first-old-key", "second-old-key")
    assert loaded.log_level == "DEBUG"


def test_the_environment_wins_over_the_file(tmp_path, monkeypatch):
    file = tmp_path / ".env"
    file.write_text("SITE_NAME='From #the file'\nLOG_LEVEL=ERROR\n")
    monkeypatch.delenv("QUIZMAIL_DEMO", raising=False)
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    monkeypatch.setenv("SITE_NAME", "From the environment")
    environment = settings.environment(file)
    assert (environment["SITE_NAME"], environment["LOG_LEVEL"]) == ("From the environment", "ERROR")


def test_demo_mode_does_not_read_the_file(tmp_path, monkeypatch):
    file = tmp_path / ".env"
    file.write_text("MAIL_SERVER=smtp.example.com\n")
    monkeypatch.setenv("QUIZMAIL_DEMO", "true")
    monkeypatch.delenv("MAIL_SERVER", raising=False)
    assert "MAIL_SERVER" not in settings.environment(file)


def entries() -> dict[str, tuple[str, str]]:
    """Return {name: (value, the comment above it)} of .env.example, commented out or not."""
    found, above = {}, ""
    for line in EXAMPLE.read_text().splitlines():
        if entry := re.fullmatch(r"#?([A-Z][A-Z0-9_]*)=(.*)", line):
            found[entry[1]] = (entry[2], above)
        above = line
    return found


def test_the_example_file_has_every_setting_once_with_a_sentence_above_it():
    assert entries().keys() == set(names())
    lines = EXAMPLE.read_text().splitlines()
    for name, (_, sentence) in entries().items():
        assert sentence.startswith("# ")
        assert sentence.endswith("."), name
        assert len([line for line in lines if line.startswith((f"{name}=", f"#{name}="))]) == 1


def test_the_example_file_shows_the_defaults_of_what_is_commented_out():
    shown = dict(re.findall(r"^#([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))
    assert load({**NEEDED, **shown}) == load(NEEDED)
    assert not shown.keys() & NEEDED.keys()


def test_the_example_file_asks_for_what_it_cannot_know():
    given = {name: value for name, (value, _) in entries().items() if name in NEEDED}
    told = [line.split()[0] for line in problems(given)]
    assert told == ["SECRET_KEY", "POSTAL_ADDRESS"]
