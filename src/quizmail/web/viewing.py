"""A mail as a web page: its own template once more, with the facts that were frozen on its delivery."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from quizmail.errors import CompositionError
from quizmail.links import Links
from quizmail.models import Delivery
from quizmail.rendering import Renderer
from quizmail.states import Kind

log = logging.getLogger(__name__)

#: Mails have inline styles, and the site's logo as their only picture.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def page(delivery_id: int, renderer: Renderer, links: Links) -> str | None:
    """Return the mail as HTML; None when there is no such delivery, or nothing is kept that can be shown."""
    delivery = Delivery.get_or_none(Delivery.id == delivery_id)
    if delivery is None or not delivery.facts:
        return None
    kind = Kind(delivery.kind)
    facts = _as_sent(delivery.facts, delivery.claimed_at)
    try:
        return renderer.render(kind, facts, links.unsubscribe(delivery.recipient_id, kind)).html
    except CompositionError as problem:
        log.error("cannot show kind=%s id=%d: %s", kind, delivery_id, problem)
        return None


def _as_sent(facts: Mapping[str, Any], sent: datetime | None) -> Mapping[str, Any]:
    """Leave out the quizzes that had closed by the time the mail left, as the mail did."""
    quizzes = facts.get("quizzes", [])
    open_then = [quiz for quiz in quizzes if not _had_closed(quiz, sent)]
    return facts if len(open_then) in (0, len(quizzes)) else {**facts, "quizzes": open_then}


def _had_closed(quiz: Mapping[str, Any], sent: datetime | None) -> bool:
    closes_at = quiz.get("closes_at")
    return bool(sent and closes_at and datetime.fromisoformat(closes_at) <= sent)
