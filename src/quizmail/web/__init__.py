"""The web process: the reader's pages, the health check and, in demo mode, the inbox."""

from quizmail.web.pages import mail_pages

__all__ = ["mail_pages"]
