"""Quizmail mails the people who use a quiz platform: daily reminders and monthly activity reports."""

from quizmail import drivers  # noqa: F401 - first of all, since whatever imports Peewee may follow
