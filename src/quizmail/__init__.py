"""Quizmail mails the people who use a quiz platform: daily reminders and monthly activity reports."""
