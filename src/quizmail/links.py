"""Signed links: the addresses in a mail that need no login and never expire.

A token carries one of our own row ids, never an address or an id of the platform. It is signed, so
that it cannot be guessed (RFC 8058 section 3.1), and it stays valid for as long as its key is among
ours, because an unsubscribe link must work for as long as the mail exists. What one kind of token
may do, another may not: each is signed with its own salt.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from quizmail.errors import InvalidToken
from quizmail.states import Kind

#: A token has about 70 characters; anything longer than this was not made by us.
_LONGEST_TOKEN = 200


class Links:
    """Makes the links of a deployment and reads their tokens."""

    def __init__(self, base_url: str, keys: Sequence[str], unsubscribe_address: str | None = None) -> None:
        """`keys[0]` signs; all of `keys` verify, so that a key can be changed without breaking links.

        `unsubscribe_address` is where mails that unsubscribe are read; without it there is no such link.
        """
        if not keys:
            raise ValueError("at least one key is needed to sign links")
        self._base_url = base_url.rstrip("/")
        self._unsubscribe_address = unsubscribe_address
        self._tokens = _Tokens(keys, "quizmail.unsubscribe")
        self._views = _Tokens(keys, "quizmail.view")

    def unsubscribe(self, recipient_id: int, kind: Kind) -> str:
        """Return the link that unsubscribes the recipient with our row id `recipient_id` from `kind`."""
        return f"{self._base_url}/u/{self._token(recipient_id, kind)}"

    def mailto(self, recipient_id: int, kind: Kind) -> str | None:
        """Return the link that does the same by a mail, its token in the subject (RFC 6068, RFC 2369).

        None when no address for such mails is set. ``read_subject`` understands the subject.
        """
        if self._unsubscribe_address is None:
            return None
        address = quote(self._unsubscribe_address, safe="@!$'*+")
        return f"mailto:{address}?subject=unsubscribe%20{self._token(recipient_id, kind)}"

    def view(self, delivery_id: int) -> str:
        """Return the link that shows the delivery with our row id `delivery_id` as a web page."""
        return f"{self._base_url}/v/{self._views.token(str(delivery_id))}"

    def read(self, token: str) -> tuple[int, Kind]:
        """Return the recipient's row id and the kind that an unsubscribe `token` stands for.

        Raises:
            InvalidToken: when it is forged, truncated, too long, or signed for another purpose.
        """
        match _payload(self._tokens, token):
            case [int(recipient_id), str(kind)] if kind in set(Kind):
                return recipient_id, Kind(kind)
        raise InvalidToken("the token is not one of ours")

    def read_subject(self, subject: str) -> tuple[int, Kind]:
        """Return what the first valid unsubscribe token among the words of `subject` stands for.

        Raises:
            InvalidToken: when there is none.
        """
        for word in subject.split():
            try:
                return self.read(word)
            except InvalidToken:
                continue
        raise InvalidToken("the subject bears no token of ours")

    def read_view(self, token: str) -> int:
        """Return the delivery's row id that a view `token` stands for.

        Raises:
            InvalidToken: when it is forged, truncated, too long, or signed for another purpose.
        """
        match _payload(self._views, token):
            case int(delivery_id):
                return delivery_id
        raise InvalidToken("the token is not one of ours")

    def _token(self, recipient_id: int, kind: Kind) -> str:
        return self._tokens.token(f'[{recipient_id},"{kind.value}"]')


class _Tokens(URLSafeSerializer):
    """Makes the tokens that itsdangerous would make, and reads what itsdangerous reads.

    Every mail has two of them. To make one, itsdangerous would derive the key anew, set up a JSON encoder,
    and try to compress a few bytes.
    """

    def __init__(self, keys: Sequence[str], salt: str) -> None:
        # itsdangerous signs with the last key of its list.
        hashing = {"digest_method": hashlib.sha256}
        super().__init__(list(reversed(keys)), salt=salt, signer_kwargs=hashing)
        self._derived = self.make_signer().derive_key()

    def token(self, payload: str) -> str:
        """Return the token for `payload`, a few bytes of JSON without spaces."""
        told = base64_encode(payload)
        signature = base64_encode(hmac.digest(self._derived, told, hashlib.sha256))
        return f"{told.decode('ascii')}.{signature.decode('ascii')}"


def _payload(signer: URLSafeSerializer, token: str) -> Any:
    if len(token) > _LONGEST_TOKEN or not _is_canonical(token):
        raise InvalidToken("the token was not made by us")
    try:
        return signer.loads(token)
    except BadData as problem:
        raise InvalidToken("the token was not signed by us") from problem


def _is_canonical(token: str) -> bool:
    """Say whether every part of `token` is spelt the one way in which base64 should spell it.

    Decoders ignore the spare bits of the last character; one mail must not have several valid tokens.
    """
    try:
        parts = token.encode("ascii").removeprefix(b".").split(b".")
        return all(base64_encode(base64_decode(part)) == part for part in parts)
    except (UnicodeEncodeError, BadData):
        return False
