"""The quizzes of the demo platform: thirty public ones, and a course of 700 for one single user."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

_DAY = timedelta(days=1)

#: How many daily drills only the collector has access to.
DRILLS = 700


@dataclass(frozen=True, slots=True)
class Entry:
    """One quiz. ``age``, ``opens`` and ``closes`` are relative to the moment of building."""

    title: str
    category: str | None
    age: timedelta
    minutes: int | None = 10
    points: int = 10
    published: bool = True
    opens: timedelta | None = None
    closes: timedelta | None = None
    max_attempts: int | None = None
    has_page: bool = True
    public: bool = True


def _aged(days: float, title: str, category: str | None, minutes: int = 10, points: int = 10) -> Entry:
    return Entry(title, category, days * _DAY, minutes, points)


_PUBLIC = (
    _aged(400, "Capitals of the World", "Geography", 12, 20),
    _aged(395, "Rivers and Mountains of South America", "Geography"),
    _aged(390, "The Periodic Table", "Science", 15, 20),
    _aged(372, "Cells, Genes and Proteins", "Science", 15),
    _aged(360, "Fractions Without Fear", "Mathematics", 8),
    _aged(345, "Mental Arithmetic Sprint", "Mathematics", 5, 20),
    _aged(330, "Ancient Rome in Ten Questions", "History"),
    _aged(318, "Women Who Changed Science", "History", 12),
    _aged(300, "French Verbs: le passé composé", "Languages", 12, 20),
    _aged(280, "Kanji für Anfänger: 日・月・火・水", "Languages", 15, 20),
    _aged(260, "Instruments of the Orchestra", "Music", 8),
    _aged(240, "Jazz Standards by Their First Bars", "Music", 10),
    _aged(215, "Shakespeare or Not?", "Literature", 7),
    _aged(200, "Opening Lines of Great Novels", "Literature", 10),
    _aged(180, "Spices & Where They Come From", "Food", 8),
    _aged(160, "Cheese: 20 Questions, <10 Minutes", "Food", 10, 20),
    _aged(140, "Olympic Records", "Sport", 10),
    _aged(120, "Offside! The Laws of Football", "Sport", 10),
    _aged(90, "Python Basics: Lists and Dictionaries", "Technology", 12, 20),
    _aged(60, "How the Internet Finds Its Way", "Technology", 12),
    _aged(45, "Birdsong at Dawn", "Nature", 9),
    _aged(12, "Trees of the Temperate Forest", "Nature", 9),
    _aged(6, "Black-and-White Film Classics", "Film", 10),
    _aged(1.5, "This Week in Space", "Science", 6),
    # The odd ones: each is missing from some mails, or must be treated with care.
    Entry("Placement Test (one try)", "Languages", 250 * _DAY, 30, 100, max_attempts=1),
    Entry("Flash Sprint: closes tomorrow", "Mathematics", 20 * _DAY, 5, closes=_DAY),
    Entry("Last Month's Challenge", "History", 40 * _DAY, closes=-8 * _DAY),
    Entry("Next Week's Challenge", "History", 2 * _DAY, opens=6 * _DAY),
    Entry("Draft: <em>do not publish</em>", None, 3 * _DAY, None, published=False),
    Entry('The "Quotation" Quiz: O\'Neill & Søn', None, 9 * _DAY, None, has_page=False),
)


def entries() -> Iterator[Entry]:
    """Yield every quiz in the order of the ids, which begin at 1; the public ones come first."""
    yield from _PUBLIC
    for number in range(1, DRILLS + 1):
        age = (DRILLS - number + 3) * _DAY / 2
        yield Entry(f"Daily Drill {number}", "Drills", age, 3, public=False)
