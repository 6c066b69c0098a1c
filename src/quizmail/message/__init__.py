"""Parts and headers to bytes: a complete message, ready for the wire."""

from quizmail.message.writing import Parts, compose, list_id, message_id

__all__ = ["Parts", "compose", "list_id", "message_id"]
