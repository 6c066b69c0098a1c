"""What a POST to a reader's page asks for, worked out from the form alone: the page keeps no session."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from quizmail.preferences import PAUSE, Choices, parse_instant
from quizmail.states import Kind, Preference


def after(before: Choices, kind: Kind, form: Mapping[str, str], now: datetime) -> Choices:
    """Return what the reader wants once the form is obeyed.

    A form without an action stops `kind`, since a mailbox provider's one-click request has none
    (RFC 8058 section 3.1), and so does one with ``List-Unsubscribe``, whatever else it holds.

    Raises:
        ValueError: the form is none of ours.
    """
    action = form.get("action")
    if action is None or "List-Unsubscribe" in form or action == "stop":
        return before.but(kind, Preference.OFF)
    if action == "start":
        return before.but(kind, Preference.ON)
    if action == "choose":
        return _chosen(before, form)
    if action == "pause":
        return replace(before, paused_until=now + PAUSE)
    if action == "resume":
        return replace(before, paused_until=None)
    if action == "stop-all":
        return replace(before, reminder=Preference.OFF, report=Preference.OFF)
    if action == "undo":
        return _chosen(_paused(before, form), form)
    raise ValueError(f"there is no action {action[:20]!a}")


def way_back(before: Choices, after: Choices) -> dict[str, str]:
    """Return the hidden fields by which an undo changes `after` to `before`, and nothing else."""
    changed = [kind for kind in Kind if before.of(kind) != after.of(kind)]
    fields = {kind.value: before.of(kind).value for kind in changed}
    if before.paused_until != after.paused_until:
        fields["paused_until"] = before.paused_until.isoformat() if before.paused_until else ""
    return fields


def _paused(before: Choices, form: Mapping[str, str]) -> Choices:
    if "paused_until" not in form:
        return before
    return replace(before, paused_until=parse_instant(form["paused_until"]))


def _chosen(before: Choices, form: Mapping[str, str]) -> Choices:
    for kind in Kind:
        if kind.value in form:
            before = before.but(kind, Preference(form[kind.value]))
    return before
