"""The domains that our mails name: what the domain name system says of each, and how they fit together."""

from collections.abc import Iterator

from quizmail.doctor import dkim, dmarc, spf
from quizmail.doctor.findings import Area, Finding
from quizmail.doctor.names import Lookup
from quizmail.settings import Settings

AREA = Area("sender's domain", "see the name servers of this machine, and DKIM_KEY_FILE")

#: Names for documentation and private use (RFC 2606, RFC 6762): no receiver takes mail from them.
_NOBODYS = ("example", "test", "invalid", "localhost", "local", "example.com", "example.org", "example.net")


def check(chosen: Settings, lookup: Lookup) -> Iterator[Finding]:
    """Look at the records of every domain that a mail comes from."""
    domains = from_domains(chosen)
    if unusable := [domain for domain in domains if is_nobodys(domain)]:
        yield AREA.bad(
            f"mails come from {unusable[0]}, which is nobody's", "set MAIL_DEFAULT_SENDER to your own"
        )
        return
    envelopes = [chosen.bounce_domain] if chosen.bounce_domain else domains
    for domain in domains:
        yield from _takes_mail(lookup, domain, "answers to our mails have nowhere to go")
    if chosen.bounce_domain and chosen.bounce_domain not in domains:
        yield from _takes_mail(lookup, chosen.bounce_domain, "bounces (BOUNCE_DOMAIN) have nowhere to go")
    for domain in envelopes:
        yield from spf.check(AREA, lookup, domain)
    yield from dkim.check(AREA, lookup, chosen.dkim_domain, chosen.dkim_selector, chosen.dkim_key_file)
    for domain in domains:
        envelope = chosen.bounce_domain or domain
        yield from dmarc.check(AREA, lookup, domain, envelope, chosen.dkim_domain)


def from_domains(chosen: Settings) -> list[str]:
    """Return the domains of the From addresses that are in use, each once."""
    default = chosen.mail_default_sender
    used = (chosen.mail_reminder_sender or default, chosen.mail_report_sender or default)
    return sorted({sender.address.rpartition("@")[2].lower() for sender in used})


def is_nobodys(domain: str) -> bool:
    """Say whether the domain is reserved for documentation, tests or private networks."""
    return domain in _NOBODYS or domain.rpartition(".")[2] in _NOBODYS or domain.endswith(_BELOW)


_BELOW = tuple(f".{name}" for name in _NOBODYS)


def _takes_mail(lookup: Lookup, domain: str, consequence: str) -> Iterator[Finding]:
    servers = lookup(domain, "MX")
    if any(server.split()[-1] == "." for server in servers):
        to_do = "publish an MX record with a host that takes mail, or send from another domain"
        yield AREA.bad(
            f"{domain} says that it takes no mail (null MX, RFC 7505): receivers refuse ours", to_do
        )
    elif servers:
        yield AREA.ok(f"{domain} takes mail at {sorted(servers)[0].split()[-1].rstrip('.')}")
    elif lookup(domain, "A") or lookup(domain, "AAAA"):
        yield AREA.note(f"{domain} has no MX record, only an address", "publish an MX record")
    else:
        to_do = f"publish an MX record for {domain} with the host that takes its mail"
        yield AREA.bad(f"{domain} has no MX record: {consequence}", to_do)
