"""What was measured, beside what it should be."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One figure. A target is a lowest value (``at_least``), a highest one (``at_most``), or absent."""

    name: str
    value: float
    unit: str
    digits: int = 0
    at_least: float | None = None
    at_most: float | None = None

    @property
    def target(self) -> str:
        """The target as it is read: ``≥ 20 000``."""
        if self.at_least is not None:
            return f"≥ {_number(self.at_least, self.digits)}"
        return "" if self.at_most is None else f"≤ {_number(self.at_most, self.digits)}"

    @property
    def verdict(self) -> str:
        """Whether the target was reached: ``reached``, ``missed``, or nothing without one."""
        if not self.target:
            return ""
        low, high = self.at_least or 0, self.at_most or float("inf")
        return "reached" if low <= self.value <= high else "missed"


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as lines of aligned columns."""
    rows = [
        (each.name, _number(each.value, each.digits), each.unit, each.target, each.verdict)
        for each in figures
    ]
    rows.insert(0, ("", "measured", "", "target", ""))
    name, value, unit, target = (max(len(row[column]) for row in rows) for column in range(4))
    lines = [f"{n:{name}}  {v:>{value}} {u:{unit}}  {t:>{target}}  {w}" for n, v, u, t, w in rows]
    return "\n".join(line.rstrip() for line in lines)


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".replace(",", " ")
