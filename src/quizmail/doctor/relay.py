"""The mail server: whether it lets us in, and what it offers."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from quizmail.doctor.findings import Area, Finding
from quizmail.mailer import NoAnswer, Offer, Relay, examine

AREA = Area("mail server")

#: Certificates are renewed a month before their end at the latest; when less is left, that has failed.
RENEWAL = timedelta(days=14)

_OLD_TLS = ("SSLv3", "TLSv1", "TLSv1.1")


def check(relay: Relay, now: datetime) -> Iterator[Finding]:
    """Connect and log in as the workers do, and send nothing."""
    offer = examine(relay)
    if isinstance(offer, NoAnswer):
        yield AREA.bad(f"no mail can be sent ({offer.stage}): {offer.cause}", _TO_DO[offer.stage == "login"])
        return
    login = "logged in" if offer.logged_in else "no login"
    yield AREA.ok(f"{relay.address} answers; {login}, {offer.tls or 'no TLS'}")
    if offer.tls in _OLD_TLS:
        yield AREA.note(
            f"it speaks {offer.tls}, which is out of date (RFC 8996)", "have it speak TLS 1.2 or newer"
        )
    if offer.certificate_ends:
        yield from certificate(AREA, offer.certificate_ends, now)
    yield _extensions(offer)


def certificate(area: Area, ends: datetime, now: datetime) -> Iterator[Finding]:
    """Say how long a certificate, which was verified, is valid still."""
    days = (ends - now).days
    if ends - now < RENEWAL:
        yield area.bad(
            f"its certificate ends in {days} days ({ends:%Y-%m-%d})", "renew it, and see why nobody has"
        )
    else:
        yield area.ok(f"its certificate is trusted and valid for {days} days")


def _extensions(offer: Offer) -> Finding:
    useful = {"PIPELINING": "each mail costs up to three round trips more", "DSN": "delays are not reported"}
    missing = [f"{name} ({why})" for name, why in useful.items() if name not in offer.extensions]
    offered = ", ".join(sorted(offer.extensions)) or "nothing"
    if missing:
        return AREA.note(f"it offers {offered}; not {' nor '.join(missing)}")
    return AREA.ok(f"it offers {offered}")


_TO_DO = (
    "see MAIL_SERVER, MAIL_PORT, MAIL_USE_TLS, MAIL_USE_SSL, MAIL_CA_FILE, and for a firewall between",
    "see MAIL_USERNAME and MAIL_PASSWORD, or MAIL_OAUTH2_FILE",
)
