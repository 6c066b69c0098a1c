"""The web process as readers reach it: without it nobody can unsubscribe."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from quizmail.doctor.findings import Area, Finding
from quizmail.doctor.relay import certificate
from quizmail.mailer.examining import certificate_end

AREA = Area("web")

#: Seconds for connecting, and for each answer.
_PATIENCE = 8.0


@dataclass(frozen=True, slots=True)
class Page:
    """What came back: the status, the server's clock, and when its certificate ends."""

    status: int
    date: datetime | None = None
    certificate_ends: datetime | None = None


Fetch = Callable[[str], Page]


def fetch(url: str) -> Page:
    """Fetch `url` by GET; redirects are not followed.

    Raises:
        OSError, HTTPException: nobody answers, or without being understood.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    is_secure = parts.scheme == "https"
    secure = HTTPSConnection(host, port, timeout=_PATIENCE, context=ssl.create_default_context())
    connection = secure if is_secure else HTTPConnection(host, port, timeout=_PATIENCE)
    try:
        connection.connect()
        ends = _certificate_end(connection)
        connection.request("GET", parts.path or "/", headers={"User-Agent": "quizmail doctor"})
        answer = connection.getresponse()
        date = answer.getheader("Date")
        return Page(answer.status, parsedate_to_datetime(date) if date else None, ends)
    finally:
        connection.close()


def check(unsubscribe_url: str, now: Callable[[], datetime], get: Fetch) -> Iterator[Finding]:
    """Fetch `unsubscribe_url`, a link of ours that names nobody, as a browser would; that changes nothing."""
    place = unsubscribe_url.rpartition("/u/")[0]
    try:
        page = get(unsubscribe_url)
    except ssl.SSLCertVerificationError as problem:
        to_do = "renew it, or have the server send the whole chain"
        yield AREA.bad(f"the certificate of {place} is not trusted: {problem.verify_message}", to_do)
        return
    except (OSError, HTTPException, ValueError) as problem:
        to_do = "see BASE_URL, the `web` process and the proxy before it; until then nobody can unsubscribe"
        yield AREA.bad(f"{place} does not answer ({type(problem).__name__})", to_do)
        return
    yield _answer(place, page.status)
    if page.certificate_ends:
        yield from certificate(AREA, page.certificate_ends, now())


def _answer(place: str, status: int) -> Finding:
    if status == 200:
        return AREA.ok(f"the links in our mails work at {place}")
    if 300 <= status <= 399:
        to_do = (
            "set BASE_URL to where it leads; one-click unsubscribe must not redirect (RFC 8058 section 3.1)"
        )
        return AREA.bad(f"{place} redirects our links ({status})", to_do)
    if status == 404:
        to_do = "see BASE_URL and the proxy before `web`, and that `web` has this SECRET_KEY"
        return AREA.bad(f"{place} does not know our links (404): nobody can unsubscribe", to_do)
    return AREA.bad(f"{place} answers {status}: nobody can unsubscribe", "see the log of the `web` process")


def _certificate_end(connection: HTTPConnection) -> datetime | None:
    socket = connection.sock
    return certificate_end(socket) if isinstance(socket, ssl.SSLSocket) else None
