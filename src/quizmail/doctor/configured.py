"""The settings: what is missing, left at its default, or laid open."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from quizmail.doctor.findings import Area, Finding
from quizmail.doctor.senders import is_nobodys
from quizmail.settings import Settings

AREA = Area("settings")

_READABLE_BY_ALL = 0o004
_READABLE_BY_GROUP = 0o040

#: What templates of addresses and examples leave behind.
_PLACEHOLDERS = ("example", "main street", "springfield", "your ", "todo", "xxx")


def check(chosen: Settings, env_file: Path = Path(".env")) -> Iterator[Finding]:
    """Look at the settings themselves, and at the files that they name."""
    yield AREA.ok("all settings that are needed are there")
    if chosen.demo:
        yield AREA.note(
            "this is the demo: its mails reach nobody", "unset QUIZMAIL_DEMO for a real deployment"
        )
    yield from _links(chosen)
    yield from _words(chosen)
    yield from _security(chosen)
    yield from _secret_file(env_file, "the settings")
    for path, name in (
        (chosen.dkim_key_file, "DKIM_KEY_FILE"),
        (chosen.mail_oauth2_file, "MAIL_OAUTH2_FILE"),
    ):
        if path is not None:
            yield from _secret_file(path, name)


def is_local(url: str) -> bool:
    """Say whether only this machine reaches `url`."""
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.") or host.endswith(".localhost")


def _links(chosen: Settings) -> Iterator[Finding]:
    if is_local(chosen.base_url):
        to_do = "set BASE_URL to the address by which readers reach the web process"
        yield AREA.bad("BASE_URL is this machine: no reader can unsubscribe by it", to_do)
    elif not chosen.base_url.startswith("https:"):
        to_do = (
            "serve it by https and set BASE_URL so; one-click unsubscribe demands it (RFC 8058 section 3.1)"
        )
        yield AREA.bad("BASE_URL is not https", to_do)
    if chosen.site_url is None:
        to_do = "set SITE_URL to the quiz platform's address"
        yield AREA.note("SITE_URL is not set: the mails have no button to the platform", to_do)
    if chosen.admin_email is None:
        yield AREA.note("ADMIN_EMAIL is not set: nobody is told of trouble by mail", "set it")
    elif is_nobodys(chosen.admin_email.address.rpartition("@")[2].lower()):
        yield AREA.bad("ADMIN_EMAIL is at an example's domain", "set it to an address that is read")


def _words(chosen: Settings) -> Iterator[Finding]:
    written = chosen.postal_address.lower()
    if len(written) < 10 or any(word in written for word in _PLACEHOLDERS):
        to_do = (
            "set it to the sender's real postal address, which the law of many countries wants in every mail"
        )
        yield AREA.bad("POSTAL_ADDRESS looks like no address", to_do)


def _security(chosen: Settings) -> Iterator[Finding]:
    near = is_local(f"smtp://{chosen.mail_server}")
    if near or chosen.mail_use_ssl or chosen.mail_use_tls or chosen.demo:
        return
    if chosen.mail_password:
        yield AREA.bad(
            "the mail server's password travels in plain text", "set MAIL_USE_TLS=true or MAIL_USE_SSL=true"
        )
    else:
        yield AREA.note(
            "mails travel to the mail server in plain text", "set MAIL_USE_TLS=true if it offers TLS"
        )


def _secret_file(path: Path, what: str) -> Iterator[Finding]:
    if not path.is_file():
        return
    mode = path.stat().st_mode
    if mode & _READABLE_BY_ALL:
        yield AREA.bad(f"{what}: everybody on this machine can read {path}", f"chmod 600 {path}")
    elif mode & _READABLE_BY_GROUP:
        yield AREA.note(f"{what}: its whole group can read {path}", f"chmod 600 {path}, unless that is meant")
