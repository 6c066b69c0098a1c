"""The quiz platform: whether it can be read, that it cannot be written to, and the zones of its users."""

from collections.abc import Iterator
from datetime import datetime

from peewee import SQL, Select

from quizmail.audience import Audience
from quizmail.doctor.findings import Area, Finding
from quizmail.errors import PlatformUnavailable, SourceError
from quizmail.platform import Platform
from quizmail.platform.members import zone_of
from quizmail.settings import Settings

AREA = Area("quiz platform")

_SHOWN = 5

_MAY_WRITE = """
(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
"""


def check(chosen: Settings, now: datetime) -> Iterator[Finding]:
    """Look at QUIZ_DATABASE_URL with the eyes of QUIZ_SOURCE."""
    try:
        platform = Platform.open(chosen.quiz_database_url, chosen.quiz_source, chosen.site_timezone)
    except PlatformUnavailable as problem:
        yield AREA.bad(str(problem), "see QUIZ_DATABASE_URL, and whether its host lets us in")
        return
    except SourceError as problem:
        yield AREA.bad(str(problem), "see QUIZ_SOURCE and docs/sources.md")
        return
    try:
        yield from _users(platform, now)
        yield from _zones(platform, now)
        yield from _rights(platform)
    finally:
        platform.close_all()


def _users(platform: Platform, now: datetime) -> Iterator[Finding]:
    audience = Audience(platform)
    quizzes = len(audience.catalogue(now))
    users = platform.rows(now).users
    if not platform.fetch(Select([users], [SQL("1")]).limit(1)):
        yield AREA.note(
            "it can be read, and has no users", "see that QUIZ_DATABASE_URL is the right database"
        )
    elif not quizzes:
        yield AREA.note("it has no published quiz: nobody is reminded", "see `python -m quizmail check`")
    else:
        yield AREA.ok(f"it can be read; {quizzes} quizzes are published")


def _zones(platform: Platform, now: datetime) -> Iterator[Finding]:
    users = platform.rows(now).users
    if "timezone" not in users.present:
        yield AREA.note(f"it gives no zones: everybody is in {platform.site_zone.key}")
        return
    found = [zone for (zone,) in platform.fetch(Select([users], [users.c.timezone]).distinct())]
    unknown = sorted(str(zone) for zone in found if zone_of(zone, platform.site_zone.key) is None)
    if unknown:
        names = ", ".join(f"{zone[:40]!a}" for zone in unknown[:_SHOWN])
        to_do = "correct them, or renew the zone data; until then they count as the site's"
        yield AREA.note(f"{len(unknown)} zones of its users are unknown: {names}", to_do)
    else:
        yield AREA.ok(f"all zones of its users are known ({len(found)})")


def _rights(platform: Platform) -> Iterator[Finding]:
    if platform.is_sqlite:
        yield AREA.ok("the file is opened read only")
        return
    ((writable,),) = platform.fetch(SQL(f"SELECT * FROM {_MAY_WRITE} AS tables"))
    if writable:
        to_do = "a read-only account is enough: docs/sources.md says how to make one"
        yield AREA.note(f"our account could write to {writable} tables; we never do", to_do)
    else:
        yield AREA.ok("our account cannot write")
