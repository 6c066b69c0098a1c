"""Signing keys, and dkimpy to verify what was signed with them: another implementation, without DNS."""

from base64 import b64encode
from functools import cache
from pathlib import Path

import dkim
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from quizmail.message import Signer

DOMAIN, SELECTOR = "example.com", "mail2026"
ALGORITHMS = ("rsa", "ed25519")


@cache
def private_key(algorithm: str) -> rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey:
    """The key of the tests for "rsa" (2048 bits) or "ed25519"."""
    if algorithm == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ed25519.Ed25519PrivateKey.generate()


def key_file(folder: Path, algorithm: str = "rsa", form: PrivateFormat = PrivateFormat.PKCS8) -> Path:
    """A PEM file with that key."""
    path = folder / f"{algorithm}.pem"
    path.write_bytes(private_key(algorithm).private_bytes(Encoding.PEM, form, NoEncryption()))
    return path


def signer(folder: Path, algorithm: str = "rsa") -> Signer:
    """What signs for the tests' domain with that key."""
    return Signer.from_file(DOMAIN, SELECTOR, key_file(folder, algorithm))


def verifies(message: bytes) -> bool:
    """Whether dkimpy, which asks for the key of the domain and selector, takes the signature for valid."""
    algorithm = "rsa" if b"a=rsa-sha256;" in message else "ed25519"
    records = {f"{SELECTOR}._domainkey.{DOMAIN}.".encode(): record(algorithm)}
    return dkim.verify(message, dnsfunc=lambda name, timeout: records.get(name))


def record(algorithm: str) -> bytes:
    """What the domain publishes in the DNS: RFC 6376 section 3.6.1, RFC 8463 section 4."""
    public = private_key(algorithm).public_key()
    ways = {
        "rsa": (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "ed25519": (Encoding.Raw, PublicFormat.Raw),
    }
    return b"v=DKIM1; k=%b; p=%b" % (algorithm.encode(), b64encode(public.public_bytes(*ways[algorithm])))
