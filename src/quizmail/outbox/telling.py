"""The one line of log for each outcome. It names our row, never the user or the address."""

import logging
from enum import StrEnum

from quizmail.states import DeliveryState, Kind

#: One name for all lines on deliveries, whoever ends them.
log = logging.getLogger("quizmail.delivery")


def tell(
    kind: Kind,
    row_id: int,
    period: str,
    state: DeliveryState,
    reason: StrEnum | None,
    attempt: int,
    milliseconds: float = 0,
) -> None:
    """Log what became of a delivery.

    Args:
        attempt: which try it was, or would have been, from 1.
        milliseconds: from the check before sending to the outcome.
    """
    log.info(
        "delivery kind=%s id=%d period=%s state=%s reason=%s attempt=%d ms=%d",
        kind,
        row_id,
        period,
        state,
        reason or "-",
        attempt,
        milliseconds,
    )
