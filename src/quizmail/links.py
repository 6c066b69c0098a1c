"""Signed links: the addresses in a mail that need no login and never expire.

A token carries our own row id of a recipient and the kind of mail, never an address or an id of
the platform. It is signed, so that it cannot be guessed (RFC 8058 section 3.1), and it stays valid
for as long as its key is among ours, because an unsubscribe link must work for as long as the
mail exists.
"""

import hashlib
from collections.abc import Sequence

from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from quizmail.errors import InvalidToken
from quizmail.states import Kind

#: A token has about 70 characters; anything longer than this was not made by us.
_LONGEST_TOKEN = 200


class Links:
    """Makes the links of a deployment and reads their tokens."""

    def __init__(self, base_url: str, keys: Sequence[str]) -> None:
        """`keys[0]` signs; all of `keys` verify, so that a key can be changed without breaking links."""
        if not keys:
            raise ValueError("at least one key is needed to sign links")
        self._base_url = base_url.rstrip("/")
        # itsdangerous signs with the last key of its list.
        self._tokens = URLSafeSerializer(
            list(reversed(keys)), salt="quizmail.unsubscribe", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def unsubscribe(self, recipient_id: int, kind: Kind) -> str:
        """Return the link that unsubscribes the recipient with our row id `recipient_id` from `kind`."""
        token = self._tokens.dumps([recipient_id, kind.value])
        return f"{self._base_url}/u/{token}"

    def read(self, token: str) -> tuple[int, Kind]:
        """Return the recipient's row id and the kind that `token` stands for.

        Raises:
            InvalidToken: when it is forged, truncated, too long, or signed for another purpose.
        """
        if len(token) > _LONGEST_TOKEN or not _is_canonical(token):
            raise InvalidToken("the token was not made by us")
        try:
            recipient_id, kind = self._tokens.loads(token)
            return int(recipient_id), Kind(kind)
        except (BadData, TypeError, ValueError) as problem:
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
