"""DKIM: whether the public key in the domain name system is the one that we sign with (RFC 6376)."""

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

from quizmail.doctor.findings import Area, Finding
from quizmail.doctor.names import Lookup, tags


def check(
    area: Area, lookup: Lookup, domain: str | None, selector: str | None, key_file: Path | None
) -> Iterator[Finding]:
    """Look at the DKIM record of `selector` at `domain`; of none when the relay is to sign."""
    if domain is None or selector is None or key_file is None:
        to_do = "see that the relay signs with the sender's domain, or set DKIM_DOMAIN and its like"
        yield area.note("Quizmail does not sign (DKIM): a relay that does cannot be seen from here", to_do)
        return
    # Imported when there is a key: who signs nothing has no need of it.
    from quizmail.message.published import public_key

    algorithm, ours = public_key(key_file)
    name = f"{selector}._domainkey.{domain}"
    publish = f'publish TXT {name} "v=DKIM1; k={algorithm}; p={ours}"'
    records = [tags(text) for text in lookup(name, "TXT") if "p=" in text]
    if len(records) != 1:
        said = f"{name} has {len(records) or 'no'} DKIM record{'s' if records else ''}"
        yield area.bad(said, publish if not records else "keep one")
        return
    (record,) = records
    if not record.get("p"):
        yield area.bad(f"the key at {name} is revoked (p= is empty)", publish)
    elif record.get("k", "rsa") != algorithm or not _same(record["p"], ours):
        yield area.bad(f"the key at {name} is not that of DKIM_KEY_FILE: every signature fails", publish)
    elif "y" in record.get("t", "").split(":"):
        yield area.note(f"the key at {name} is marked as a test (t=y)", "take the t= tag away")
    else:
        yield area.ok(f"the key at {name} is that of DKIM_KEY_FILE ({algorithm})")


def _same(published: str, ours: str) -> bool:
    if published == ours:
        return True
    # RFC 6376 section 3.6.1 lets an RSA key be published bare, too: the wrapped one ends with it.
    try:
        bare, whole = b64decode(published, validate=True), b64decode(ours)
    except ValueError:
        return False
    return len(bare) > 64 and whole.endswith(bare)
