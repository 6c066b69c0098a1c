"""One mail written to files: what a user would read, whether due or not. Nothing is planned or sent."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from quizmail.by_hand import ByHand, Occasion
from quizmail.composing import Composer
from quizmail.errors import QuizmailError
from quizmail.models import Delivery, Recipient
from quizmail.planning import Question
from quizmail.states import Kind

#: A token for nobody: the links of a preview change nothing.
NOBODY = 0


def write_preview(
    by_hand: ByHand,
    composer: Composer,
    kind: Kind,
    user_id: str,
    at: datetime | None,
    folder: Path,
) -> list[Path]:
    """Write the mail of `kind` as .eml, .html and .txt into `folder` and return the three paths.

    Facts that were frozen for the period are used again, so that a preview states what the mail stated.

    Raises:
        UnknownUser: nobody on the platform has this id.
        QuizmailError: there is nothing to report.
    """
    occasion = by_hand.occasion(kind, user_id, at)
    kept = Delivery.get_or_none(
        (Delivery.kind == kind)
        & (Delivery.user_id == occasion.member.user_id)
        & (Delivery.period == occasion.period)
    )
    member = occasion.member
    facts = kept.facts if kept and kept.facts else _facts(by_hand, kind, occasion)
    known = Recipient.get_or_none(Recipient.user_id == member.user_id)
    address = member.address or "nobody@example.invalid"
    key = (member.user_id, occasion.period)
    mail = composer.compose(kind, key, known.id if known else NOBODY, address, facts, occasion.at)
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"eml": mail.content, "html": mail.parts.html.encode(), "txt": mail.parts.text.encode()}
    paths = []
    for suffix, content in contents.items():
        path = folder / f"{kind}-{occasion.period}.{suffix}"
        path.write_bytes(content)
        paths.append(path)
    return paths


def _facts(by_hand: ByHand, kind: Kind, occasion: Occasion) -> Mapping[str, Any]:
    dispatcher, member = by_hand.dispatcher, occasion.member
    if kind is Kind.REPORT and not dispatcher.compute_figures(occasion.period):
        raise QuizmailError(f"the figures of {occasion.period} are being computed: try again")
    question = Question(kind, occasion.period, occasion.at, occasion.catalogue, occasion.at)
    facts = dispatcher.planner.facts(question, [member]).get(member.user_id)
    if facts is None:
        raise QuizmailError(f"this user took no quiz in {occasion.period}: there is no report")
    return facts
