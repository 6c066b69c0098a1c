"""What a check has found: how good it is, what it is, and what to do about it."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How good a finding is."""

    OK = "ok"
    NOTE = "note"  # works, and should be known or be better
    BAD = "bad"  # mail is lost, refused, sent twice or late because of it, or soon will be
    SKIPPED = "skipped"  # was not looked at


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding in one area. ``to_do`` is empty when there is nothing to do."""

    area: str
    grade: Grade
    said: str
    to_do: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return it as plain JSON types."""
        return {name: str(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Area:
    """Makes findings of one area. ``advice``: what to do when it cannot be looked at at all."""

    name: str
    advice: str = "see what its host does, and run the doctor again"

    def ok(self, said: str) -> Finding:
        """Return that something is as it should be."""
        return Finding(self.name, Grade.OK, said)

    def note(self, said: str, to_do: str = "") -> Finding:
        """Return that something works, and what would be better."""
        return Finding(self.name, Grade.NOTE, said, to_do)

    def bad(self, said: str, to_do: str) -> Finding:
        """Return that something is wrong, and what to do about it."""
        return Finding(self.name, Grade.BAD, said, to_do)

    def skipped(self, why: str) -> Finding:
        """Return that the area was not looked at."""
        return Finding(self.name, Grade.SKIPPED, why)
