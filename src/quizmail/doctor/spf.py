"""SPF: which hosts may send for the envelope sender's domain (RFC 7208)."""

from collections.abc import Iterator

from quizmail.doctor.findings import Area, Finding
from quizmail.doctor.names import Lookup

#: More terms that need a look-up make the record fail everywhere (RFC 7208 section 4.6.4).
MOST_LOOKUPS = 10

_NEEDS_LOOKUP = ("include", "a", "mx", "ptr", "exists", "redirect")


def check(area: Area, lookup: Lookup, domain: str) -> Iterator[Finding]:
    """Look at the SPF record of the envelope sender's `domain`."""
    records = _records(lookup, domain)
    if not records:
        to_do = (
            f'publish TXT {domain} "v=spf1 … -all" with the hosts of your relay, as its provider names them'
        )
        yield area.bad(f"{domain} has no SPF record", to_do)
        return
    if len(records) > 1:
        yield area.bad(f"{domain} has {len(records)} SPF records, which is as good as none", "keep one")
        return
    terms = records[0].lower().split()[1:]
    if {"+all", "all"} & set(terms):
        yield area.bad(f"the SPF record of {domain} lets everybody send (+all)", "end it with -all or ~all")
    elif not any(term.endswith("all") or term.startswith("redirect=") for term in terms):
        yield area.note(
            f"the SPF record of {domain} does not say what of all others", "end it with -all or ~all"
        )
    asked = _lookups(lookup, domain, records[0], {domain})
    if asked > MOST_LOOKUPS:
        to_do = (
            "drop includes that are not needed; more than ten make every check fail (RFC 7208 section 4.6.4)"
        )
        yield area.bad(f"the SPF record of {domain} needs more than {MOST_LOOKUPS} look-ups", to_do)
    else:
        yield area.ok(f"{domain} has an SPF record with {asked} look-ups; it must name your relay's hosts")


def _records(lookup: Lookup, domain: str) -> list[str]:
    return [text for text in lookup(domain, "TXT") if text.lower().split(" ")[0] == "v=spf1"]


def _lookups(lookup: Lookup, domain: str, record: str, seen: set[str]) -> int:
    """Count the terms of `record`, and of what it includes, that need a look-up."""
    count = 0
    for term in record.lower().split()[1:]:
        name, _, target = term.lstrip("+-~?").replace("=", ":", 1).partition(":")
        if name.partition("/")[0] not in _NEEDS_LOOKUP:
            continue
        count += 1
        if name in {"include", "redirect"} and target not in seen and len(seen) <= MOST_LOOKUPS:
            seen.add(target)
            included = _records(lookup, target)
            count += _lookups(lookup, target, included[0], seen) if len(included) == 1 else 0
        if count > MOST_LOOKUPS:
            break
    return count
