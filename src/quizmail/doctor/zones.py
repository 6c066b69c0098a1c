"""The zone data: whether it is there, and how old it is. An old one sends mail an hour early or late."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib import resources
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfoNotFoundError, available_timezones

from quizmail.doctor.findings import Area, Finding

AREA = Area("zone data")

_VERSION = re.compile(r"\b(20\d\d)([a-z])\b")

#: In years. Governments change the rules of some zone every year.
_OLD = 2


def check(now: datetime, folders: Iterable[str] = TZPATH) -> Iterator[Finding]:
    """Look at the zone data that Python uses: the system's if there is any, else the package tzdata."""
    try:
        count = len(available_timezones())
    except (OSError, ZoneInfoNotFoundError):
        count = 0
    if count < 300:
        yield AREA.bad(f"only {count} zones are known", "install tzdata")
        return
    found = version(folders)
    if found is None:
        yield AREA.note(f"{count} zones are known; their version is not", "see that tzdata is renewed")
    elif now.year - int(found[:4]) >= _OLD:
        to_do = "renew tzdata: mails to zones whose rules have changed leave an hour early or late"
        yield AREA.note(f"the zone data is of {found}", to_do)
    else:
        yield AREA.ok(f"{count} zones are known, version {found}")


def version(folders: Iterable[str] = TZPATH) -> str | None:
    """Return the version of the zone data in use, such as ``2026a``; None when it does not say."""
    for folder in map(Path, folders):
        if not (folder / "Europe").is_dir():
            continue
        for name in ("tzdata.zi", "+VERSION"):
            if (folder / name).is_file():
                with (folder / name).open(encoding="ascii", errors="replace") as file:
                    if found := _VERSION.search(file.readline()):
                        return found[0]
        return None
    try:
        told = (resources.files("tzdata") / "zoneinfo" / "tzdata.zi").read_text("ascii")[:100]
    except (ModuleNotFoundError, OSError):
        return None
    found = _VERSION.search(told)
    return found[0] if found else None
