"""Return paths: the envelope sender of each mail, by which we know what comes back (VERP).

A token carries our own row id of the delivery, and a mark of the address that it was mailed to, so that a
report can suppress no address but that one. It is signed: whoever has not received a mail cannot speak of
it. Its letters and digits survive servers that change the case of a local part.
"""

import hashlib
import hmac
import re
from base64 import b32decode, b32encode
from collections.abc import Sequence
from dataclasses import dataclass, field

#: Octets: the row id, the mark of the address, the signature (96 bits). Together 40 characters, without
#: spare bits, so that a token has one spelling.
_ID, _MARK, _SIGNATURE = 8, 5, 12
_TOKEN = re.compile(r"[a-z2-7]{40}")
_MAILBOX = "bounce"


@dataclass(frozen=True, slots=True)
class Returned:
    """What a valid token says: which delivery it was, and the mark of the address it was mailed to."""

    delivery_id: int
    mark: bytes
    key: str = field(repr=False)

    def was_mailed_to(self, address: str) -> bool:
        """Tell whether `address`, in any case of letters, is the one that the delivery was mailed to."""
        return hmac.compare_digest(self.mark, _mark(self.key, self.delivery_id, address))


class ReturnPaths:
    """Makes and reads the envelope senders of a deployment."""

    def __init__(self, domain: str, keys: Sequence[str]) -> None:
        """`keys[0]` signs; all of `keys` verify. `domain`: BOUNCE_DOMAIN, in ASCII."""
        if not keys:
            raise ValueError("at least one key is needed to sign return paths")
        self._domain = domain
        self._keys = tuple(keys)

    def address(self, delivery_id: int, recipient: str) -> str:
        """Return the envelope sender of the delivery to the address `recipient`; 47 octets before the @."""
        return f"{_MAILBOX}+{self.token(delivery_id, recipient)}@{self._domain}"

    def token(self, delivery_id: int, recipient: str) -> str:
        """Return the token alone: 40 letters and digits, fit for an ENVID (RFC 3461 section 4.4)."""
        key = self._keys[0]
        told = delivery_id.to_bytes(_ID) + _mark(key, delivery_id, recipient)
        return b32encode(told + _signature(key, told)).decode().lower()

    def read(self, address: str) -> Returned | None:
        """Return what the envelope sender `address` says; None when it is not one of ours.

        The domain is not looked at: it may have been another one when the mail was sent.
        """
        local = address.strip().strip("<>").rpartition("@")[0].lower()
        mailbox, plus, token = local.rpartition("+")
        return self.read_token(token) if mailbox == _MAILBOX and plus else None

    def read_token(self, token: str) -> Returned | None:
        """Return what the `token` says, in any case of letters; None when it was not signed by us."""
        token = token.strip().lower()
        if not _TOKEN.fullmatch(token):
            return None
        octets = b32decode(token.upper())
        told, signature = octets[:-_SIGNATURE], octets[-_SIGNATURE:]
        for key in self._keys:
            if hmac.compare_digest(_signature(key, told), signature):
                return Returned(int.from_bytes(told[:_ID]), told[_ID:], key)
        return None


def _signature(key: str, told: bytes) -> bytes:
    return _hmac(key, b"quizmail.return.token:" + told)[:_SIGNATURE]


def _mark(key: str, delivery_id: int, address: str) -> bytes:
    told = delivery_id.to_bytes(_ID) + address.strip().lower().encode("utf-8", "surrogatepass")
    return _hmac(key, b"quizmail.return.mark:" + told)[:_MARK]


def _hmac(key: str, words: bytes) -> bytes:
    return hmac.digest(key.encode("utf-8", "surrogateescape"), words, hashlib.sha256)
