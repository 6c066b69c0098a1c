"""The people of the demo platform: ordinary ones, and every odd case that a real platform has."""

from dataclasses import dataclass, field
from datetime import timedelta

_NEVER = None


def _days(number: float) -> timedelta:
    return timedelta(days=number)


@dataclass(frozen=True, slots=True)
class Member:
    """One user of the demo platform.

    ``quiet`` is how long the last visit lies before the latest 18:00 of the member's clock, None for
    somebody who was never there. ``weekly`` is the mean number of quizzes taken a week, ``skill`` the
    mean share of points, 0 to 1. ``scoring`` names a rule of ``attempts``; ``twin_of`` repeats the
    attempts of the member with that name.
    """

    name: str | None
    email: str | None
    timezone: str | None
    quiet: timedelta | None
    weekly: float = 2.0
    skill: float = 0.7
    locale: str | None = None
    joined: timedelta = field(default=_days(420))
    active: bool = True
    is_staff: bool = False
    opt_out: bool = False
    scoring: str = "plain"
    twin_of: str | None = None
    courses: str = "public"


#: Name, local part, zone, locale, days of quiet, quizzes a week, skill.
_ORDINARY = (
    ("Amélie Dubois-Fontaine", "amelie", "Europe/Paris", "fr", 3.2, 2.5, 0.83),
    ("Jonas Weißmüller", "jonas", "Europe/Berlin", "de", 0.4, 4.0, 0.88),
    ("Søren Kjærgaard", "soren", "Europe/Copenhagen", "da", 9.3, 2.0, 0.71),
    ("Zoë van der Berg", "zoe", "Europe/Amsterdam", "nl", 0.8, 3.0, 0.79),
    ("Łukasz Żółkiewski", "lukasz", "Europe/Warsaw", "pl", 2.6, 2.0, 0.75),
    ("Siobhán O'Reilly", "siobhan", "Europe/Dublin", "en-IE", 4.4, 2.0, 0.81),
    ("Oliver Hartley-Shaw", "oliver", "Europe/London", "en-GB", 1.2, 3.5, 0.69),
    ("Γιώργος Παπαδόπουλος", "giorgos", "Europe/Athens", "el", 6.7, 1.5, 0.74),
    ("Ольга Соколова", "olga", "Europe/Kyiv", "uk", 3.9, 2.5, 0.90),
    ("Ayşe Yıldırım", "ayse", "Europe/Istanbul", "tr", 0.6, 3.0, 0.77),
    ("نور الحسن", "nour", "Africa/Cairo", "ar", 4.0, 2.0, 0.86),
    ("Chinedu Okonkwo", "chinedu", "Africa/Lagos", "en", 7.5, 1.5, 0.73),
    ("Thandiwe Nkosi", "thandiwe", "Africa/Johannesburg", "en-ZA", 2.9, 2.0, 0.78),
    ("נועה כהן", "noa", "Asia/Jerusalem", "he", 5.8, 2.0, 0.84),
    ("Reza Ahmadi", "reza", "Asia/Tehran", "fa", 11.0, 1.0, 0.66),
    ("Priya Raghunathan", "priya", "Asia/Kolkata", "en-IN", 2.4, 3.0, 0.91),
    ("अर्जुन शर्मा", "arjun", "Asia/Kolkata", "hi", 0.5, 4.0, 0.72),
    ("Sita Gurung", "sita", "Asia/Kathmandu", "ne", 3.3, 2.0, 0.62),
    ("สมชาย ใจดี", "somchai", "Asia/Bangkok", "th", 18.0, 1.0, 0.70),
    ("Nguyễn Thị Hương", "huong", "Asia/Ho_Chi_Minh", "vi", 0.7, 2.5, 0.85),
    ("王小明", "xiaoming", "Asia/Shanghai", "zh", 4.9, 2.0, 0.76),
    ("佐藤 さくら", "sakura", "Asia/Tokyo", "ja", 2.7, 2.5, 0.89),
    ("김민지", "minji", "Asia/Seoul", "ko", 6.1, 2.0, 0.82),
    ("Matilda Brown", "matilda", "Australia/Sydney", "en-AU", 3.5, 2.0, 0.74),
    ("Aroha Ngata", "aroha", "Pacific/Auckland", "en-NZ", 10.4, 1.5, 0.79),
    ("Emily Johnson", "emily", "America/New_York", "en-US", 2.2, 2.5, 0.80),
    ("Sofía Hernández", "sofia", "America/Mexico_City", "es", 5.5, 2.0, 0.77),
    ("João Conceição", "joao", "America/Sao_Paulo", "pt-BR", 1.1, 3.0, 0.87),
    ("Kai Nakamura", "kai", "America/Los_Angeles", "en-US", 4.2, 2.0, 0.73),
    ("Björk Jónsdóttir", "bjork", "Atlantic/Reykjavik", "is", 21.0, 1.0, 0.92),
)

_BERLIN, _NEW_YORK, _KOLKATA = "Europe/Berlin", "America/New_York", "Asia/Kolkata"

#: What makes each of them odd is said in its name or beside it.
_ODD = (
    Member("Nadia Neverwashere", "nadia@example.org", _BERLIN, _NEVER),
    Member("Newton Newcomer", "newton@example.org", _NEW_YORK, _NEVER, joined=_days(0.8)),
    Member("Just Over Two-Days", "over@example.org", _BERLIN, timedelta(days=2, hours=1)),
    Member("Just Under Two-Days", "under@example.org", _BERLIN, timedelta(days=1, hours=23)),
    Member("Exactly Two-Days", "exactly@example.org", _KOLKATA, timedelta(days=2)),
    Member("Stella Staff", "stella@example.org", _BERLIN, _days(6), is_staff=True, skill=0.99),
    Member("Simon Suspended", "simon@example.org", _NEW_YORK, _days(6), active=False),
    Member("Otto Optout", "otto@example.org", _BERLIN, _days(5), opt_out=True),
    Member("Opal O'Optout", "opal@example.org", _KOLKATA, _days(1), opt_out=True),
    Member("Adam Noaddress", None, _BERLIN, _days(4)),
    Member("Nodomain Karl", "karl.example.org", _BERLIN, _days(4)),
    Member("Dotless Dora", "dora@localhost", _NEW_YORK, _days(7)),
    Member("Space Cadet", "space cadet@example.org", _KOLKATA, _days(4)),
    Member("Eve Inject", "eve@example.org\r\nBcc: everyone@example.org", _BERLIN, _days(4)),
    Member("Jürgen Umlaut", "jürgen@example.org", _BERLIN, _days(3)),
    Member("  Trimmed Tina ", "  tina@example.org ", _NEW_YORK, _days(5)),
    Member("<b>Bobby</b> & \"Tables\" <script>alert('x')</script>", "bobby@example.org", _NEW_YORK, _days(4)),
    Member("Line\r\nSubject: Break", "line@example.org", _BERLIN, _days(4)),
    Member("Very " * 60 + "Longname", "long@example.org", _BERLIN, _days(6)),
    Member("فاطمة «الزهراء» عبد الرحمن", "fatima@example.org", "Africa/Cairo", _days(3), locale="ar"),
    Member(None, "nameless@example.org", None, _days(8)),
    Member("Marvin Martian", "marvin@example.org", "Mars/Olympus", _days(3)),
    Member("Nils Nozone", "nils@example.org", None, _days(4)),
    Member("Sammy Shared", "family@example.org", _NEW_YORK, _days(4)),
    Member("Sally Shared", "family@example.org", _NEW_YORK, _days(0.5)),
    Member("Collector of 700 Quizzes", "collector@example.org", _BERLIN, _days(3), courses="everything"),
    Member("Nothing Leftover", "nothing@example.org", _BERLIN, _days(9), courses="none"),
    Member("Essay Writer", "essay@example.org", _BERLIN, _days(1), scoring="ungraded"),
    Member("Zero Maximum", "zero@example.org", _KOLKATA, _days(4), scoring="zero_max"),
    Member("Bonus Points", "bonus@example.org", _NEW_YORK, _days(3), scoring="bonus"),
    Member("Penalty Points", "penalty@example.org", _BERLIN, _days(3), scoring="penalty"),
    Member("Twin Castor", "castor@example.org", _BERLIN, _days(2.5), weekly=3),
    Member("Twin Pollux", "pollux@example.org", _BERLIN, _days(2.5), weekly=3, twin_of="Twin Castor"),
)


def everyone() -> list[Member]:
    """Return all members in the order of their ids, which begin at 1."""
    return [*map(_ordinary, _ORDINARY), *_ODD]


def _ordinary(row: tuple[str, str, str, str, float, float, float]) -> Member:
    name, local, zone, locale, quiet, weekly, skill = row
    return Member(name, f"{local}@example.com", zone, _days(quiet), weekly, skill, locale)
