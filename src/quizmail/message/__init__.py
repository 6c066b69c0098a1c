"""Parts and headers to bytes: a complete message, ready for the wire."""

from quizmail.message.canonical import Canonical
from quizmail.message.dkim import Signer
from quizmail.message.writing import Letterhead, Parts, feedback_id, list_id, message_id

__all__ = ["Canonical", "Letterhead", "Parts", "Signer", "feedback_id", "list_id", "message_id"]
