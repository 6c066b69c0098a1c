"""DMARC: what receivers are told, and whether our From is aligned with what authenticates us (RFC 7489)."""

from collections.abc import Iterator

from quizmail.doctor.findings import Area, Finding
from quizmail.doctor.names import Lookup, is_within, tags


def check(
    area: Area, lookup: Lookup, domain: str, envelope_domain: str, dkim_domain: str | None
) -> Iterator[Finding]:
    """Look at the DMARC record for the From's `domain`, and at its alignment."""
    organisation, record = policy(lookup, domain)
    if not record:
        to_do = (
            f'publish TXT _dmarc.{organisation} "v=DMARC1; p=none; rua=mailto:…"; large providers demand one'
        )
        yield area.bad(f"{domain} has no DMARC record", to_do)
    elif record.get("p", "").lower() not in {"none", "quarantine", "reject"}:
        yield area.bad(
            f"the DMARC record of {domain} has no policy", "give it p=none, p=quarantine or p=reject"
        )
    else:
        yield area.ok(f"{domain} has a DMARC record, p={record['p'].lower()} (at _dmarc.{organisation})")
    by_dkim = dkim_domain is not None and _aligned(organisation, domain, dkim_domain, record.get("adkim"))
    by_spf = _aligned(organisation, domain, envelope_domain, record.get("aspf"))
    others = f"DKIM d={dkim_domain} or the envelope's {envelope_domain}"
    said = f"From {domain} is %s with {others if dkim_domain else f'the envelope {envelope_domain}'}"
    if by_dkim or (by_spf and dkim_domain is None):
        yield area.ok(said % "aligned")
    elif by_spf:
        to_do = "set DKIM_DOMAIN to the sender's domain: SPF alone breaks when a mail is forwarded"
        yield area.note(f"From {domain} is aligned by SPF only, not with DKIM d={dkim_domain}", to_do)
    elif dkim_domain is None:
        to_do = "the relay must sign with the sender's domain (DKIM), or set DKIM_DOMAIN and its like"
        yield area.note(said % "not aligned", to_do)
    else:
        to_do = "set DKIM_DOMAIN to the sender's domain, and BOUNCE_DOMAIN to one below it"
        yield area.bad(said % "not aligned", to_do)


def policy(lookup: Lookup, domain: str) -> tuple[str, dict[str, str]]:
    """Return the organisational domain and the tags of the DMARC record that counts for `domain`, if any.

    The organisational domain is the highest above `domain` with a record, found by walking up the tree as
    DMARC's revision does: no list of public suffixes is needed. With no record at all it is `domain` itself.
    """
    organisation, counts = domain, dict[str, str]()
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        name = ".".join(labels[start:])
        records = [tags(text) for text in lookup(f"_dmarc.{name}", "TXT")]
        found = [record for record in records if record.get("v", "").upper() == "DMARC1"]
        if len(found) == 1 and found[0].get("psd") != "y":
            organisation, counts = name, counts or found[0]
    return organisation, counts


def _aligned(organisation: str, domain: str, other: str, mode: str | None) -> bool:
    if (mode or "r").lower() == "s":
        return domain == other
    return domain == other or is_within(other, organisation)
