"""DKIM signatures: who sent a mail, and that nobody has changed it (RFC 6376, RFC 8301, RFC 8463).

Written here because a signature must cost no more than its key operation, which ``cryptography`` compiles.
It is imported when there is a key: who signs nothing has no need of it.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Self

from quizmail.errors import ConfigurationError
from quizmail.message import headers
from quizmail.message.canonical import Canonical

#: What is signed if a mail has it: RFC 6376 section 5.4.1 and, for one-click, RFC 8058 section 4.
_SIGNED = (
    *("from", "reply-to", "to", "subject", "date", "message-id", "mime-version", "content-type"),
    *("list-id", "list-unsubscribe", "list-unsubscribe-post", "feedback-id", "auto-submitted"),
)
#: RFC 8301 section 3.2: shorter ones must not be used, and verifiers refuse them.
_SHORTEST_RSA_KEY = 1024
_HEADER = "DKIM-Signature"
_LINE = 74
_FOLDS = re.compile(rb"\r\n(?=[ \t])")
_BLANKS = re.compile(rb"[ \t]+")

#: Signs bytes; the result is in bytes, too.
Sign = Callable[[bytes], bytes]


class Signer:
    """Signs the mails of one domain. Threads may share it."""

    def __init__(self, domain: str, selector: str, algorithm: str, sign: Sign) -> None:
        """`algorithm`: as the a= tag names it; `sign` is given the canonical headers."""
        self._start = f"v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector};"
        self._sign = sign

    @classmethod
    def from_file(cls, domain: str, selector: str, path: Path) -> Self:
        """Read the private key in the PEM file `path`, RSA or Ed25519.

        Raises:
            ConfigurationError: when it cannot be read or is no such key; names DKIM_KEY_FILE.
        """
        try:
            return cls(domain, selector, *_key(path.read_bytes()))
        except OSError as problem:
            reason = f"cannot be read ({problem.strerror}): it should hold a private key"
        except ValueError:
            reason = f"should hold an RSA key of at least {_SHORTEST_RSA_KEY} bits or an Ed25519 key"
        raise ConfigurationError([f"DKIM_KEY_FILE: {str(path)!r} {reason}, in PEM, without a password"])

    def sign(self, message: Canonical, at: datetime) -> Canonical:
        """Return `message` with its signature on top.

        From is signed once more than it is there, so that none can be added (RFC 6376 section 8.15).

        Args:
            message: complete, and without the dot-stuffing of SMTP.
            at: when it is signed; UTC-aware.
        """
        head, _, body = message.partition(b"\r\n\r\n")
        present = _canonical_headers(head)
        names = [name for name in _SIGNED if name in present]
        tags = (
            f"{self._start} t={int(at.timestamp())}; h={': '.join(['from', *names])};"
            f" bh={b64encode(sha256(_canonical_body(body)).digest()).decode()};"
        )
        # The signature's own header is signed as well, with an empty b= and without a line end.
        told = b"".join([present[name] for name in names]) + f"dkim-signature:{tags} b=".encode()
        signature = b64encode(self._sign(told)).decode()
        lines = [signature[start : start + _LINE] for start in range(0, len(signature), _LINE)]
        written = "\r\n ".join([headers.folded(tags, len(_HEADER) + 2), "b=" + lines[0], *lines[1:]])
        return Canonical(f"{_HEADER}: {written}\r\n".encode() + message)


def _canonical_headers(head: bytes) -> Mapping[str, bytes]:
    """Return the headers by their names in lower case, each in the relaxed form of RFC 6376 section 3.4.2.

    Of several with one name it is the last, the one to be signed first (section 5.4.2).
    """
    lines = _BLANKS.sub(b" ", _FOLDS.sub(b"", head)).split(b"\r\n")
    split = (
        (name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)
    )
    return {name.decode("ascii"): b"%b:%b\r\n" % (name, value) for name, value in split}


def _canonical_body(body: bytes) -> bytes:
    """Return the relaxed form of RFC 6376 section 3.4.4."""
    body = body.replace(b"\t", b" ")
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    body = body.replace(b" \r\n", b"\r\n").rstrip(b"\r\n ")
    return body + b"\r\n" if body else b""


def _key(pem: bytes) -> tuple[str, Sign]:
    """Return the algorithm of a private key, and what signs with it.

    Raises:
        ValueError: when it is no key that a mail may be signed with. It never repeats the key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password.
        raise ValueError("no private key in PEM without a password") from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _SHORTEST_RSA_KEY:
        way, digest = padding.PKCS1v15(), hashes.SHA256()
        return "rsa-sha256", lambda told: key.sign(told, way, digest)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        # RFC 8463 section 3: the hash is what is signed.
        return "ed25519-sha256", lambda told: key.sign(sha256(told).digest())
    raise ValueError("neither a long RSA key nor an Ed25519 key")
