"""What holds of the actors before any of them runs."""

import subprocess
import sys
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from quizmail import actors
from quizmail.broker import DISPATCH_QUEUE, MAIL_QUEUE
from quizmail.errors import PlatformUnavailable, QuizmailError


def test_importing_the_actors_needs_no_settings_and_opens_no_connection():
    script = (
        "import socket\n"
        "def refuse(*_): raise SystemExit('a connection was opened')\n"
        "socket.socket.connect = refuse\n"
        "import quizmail.actors\n"
        "print(sorted(quizmail.actors.broker.actors))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", script], env={"PATH": ""}, capture_output=True, text=True, check=True
    )

    assert "send_daily_reminder" in ran.stdout


def test_both_dispatchers_are_woken_in_every_minute_of_a_year():
    for actor in (actors.dispatch_daily_reminders, actors.dispatch_monthly_reports):
        spec = actor.options["periodic"]
        moment = datetime(2026, 1, 1)
        for _ in range(365 * 2):
            assert spec.validate(moment)
            moment += timedelta(minutes=719)


def test_dispatching_and_sending_have_their_own_queues():
    assert {actors.dispatch_daily_reminders.queue_name, actors.dispatch_monthly_reports.queue_name} == {
        DISPATCH_QUEUE
    }
    assert {
        actors.send_daily_reminder.queue_name,
        actors.send_monthly_report.queue_name,
        actors.deliver.queue_name,
    } == {MAIL_QUEUE}


def test_no_asynchronous_exception_can_hit_a_mail_that_is_being_sent():
    names = {type(middleware).__name__ for middleware in actors.broker.middleware}

    assert names.isdisjoint({"TimeLimit", "ShutdownNotifications"})


def failing(problem):
    def fail(*_):
        raise problem

    return fail


def test_one_users_mail_is_tried_again_while_the_platform_is_away(monkeypatch):
    away = SimpleNamespace(by_hand=SimpleNamespace(occasion=failing(PlatformUnavailable("away")), plan=None))
    monkeypatch.setattr(actors, "engine", lambda: away)

    with pytest.raises(PlatformUnavailable):
        actors.send_daily_reminder(42)


def test_the_administrator_is_told_of_trouble_though_the_tick_fails(monkeypatch, now):
    told = []
    broken = SimpleNamespace(
        dispatcher=SimpleNamespace(tick=failing(QuizmailError("no such table"))),
        alarm=SimpleNamespace(check=told.append),
        clock=lambda: now,
    )
    monkeypatch.setattr(actors, "engine", lambda: broken)

    with pytest.raises(QuizmailError):
        actors.dispatch_daily_reminders()
    assert told == [now]
