"""The public half of the DKIM key, as its record in the domain name system holds it."""

from base64 import b64encode
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


def public_key(key_file: Path) -> tuple[str, str]:
    """Return the algorithm and the public half of a private key as a DKIM record has them.

    Raises:
        OSError, ValueError: it cannot be read, or is no RSA or Ed25519 key.
    """
    key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    if isinstance(key, Ed25519PrivateKey):  # RFC 8463 section 4: the bare key, not its wrapping.
        return "ed25519", b64encode(key.public_key().public_bytes_raw()).decode()
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("DKIM_KEY_FILE holds no RSA or Ed25519 key")  # noqa: TRY004  # the file's fault
    shape = serialization.PublicFormat.SubjectPublicKeyInfo
    return "rsa", b64encode(key.public_key().public_bytes(serialization.Encoding.DER, shape)).decode()
