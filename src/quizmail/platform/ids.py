"""Ids as platforms keep them, and the keys that our tables know them by.

A key is the text of the id as the database gives it: 42 is ``"42"``, a UUID its usual text, bytes their
hexadecimal digits. A value of ours is encoded to the type of the column that it is compared with; the
column itself is never wrapped, so its index serves.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from quizmail.errors import UnknownUser

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_BYTES = (bytes, memoryview)

#: PostgreSQL type oids: bytea, bigint, smallint, integer, oid, uuid, numeric.
BYTES_OID, UUID_OID, NUMERIC_OID = 17, 2950, 1700
WHOLE_OIDS = {
    20: (_SMALLEST, _LARGEST),
    21: (-(2**15), 2**15 - 1),
    23: (-(2**31), 2**31 - 1),
    26: (0, 2**32 - 1),
}


def key_of(raw: Any) -> str:
    """Return the key of an id as it came from the database."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, _BYTES):
        return bytes(raw).hex()
    return str(raw)


def keys_of(raws: Sequence[Any]) -> list[str]:
    """Return the keys of many ids, of which most come more than once."""
    keys = {raw: key_of(raw) for raw in set(raws)}
    return [keys[raw] for raw in raws]


def sqlite_candidates(key: str) -> list[Any]:
    """Return the values that an SQLite column may hold for the id with this key; rows are compared again.

    Raises:
        UnknownUser: no id can have this key.
    """
    number = _canonical_whole(key)
    if number is not None:
        return [number, key] if _SMALLEST <= number <= _LARGEST else [key]
    candidates: list[Any] = [_text(key)]
    with suppress(ValueError):
        candidates.append(_hexadecimal(key))
    return candidates


def postgresql_encoder(oid: int) -> Callable[[str], Any]:
    """Return what encodes a key for a PostgreSQL column of the type `oid`.

    The encoder raises UnknownUser for a key that no value of that type has.
    """
    if oid in WHOLE_OIDS:
        lowest, highest = WHOLE_OIDS[oid]
        return lambda key: _whole(key, lowest, highest)
    return {UUID_OID: _uuid, NUMERIC_OID: _decimal, BYTES_OID: _bytes}.get(oid, _postgresql_text)


def encodable(keys: Iterable[str], encode: Callable[[str], Any]) -> list[Any]:
    """Return the encoded values of those `keys` that can be encoded."""
    values = []
    for key in keys:
        try:
            values.append(encode(key))
        except UnknownUser:
            continue
    return values


def to_cursor(raw: Any) -> str:
    """Return the opaque text that a page ends with; it keeps the type of the id (42 is not ``"42"``)."""
    if isinstance(raw, bytes | memoryview):
        return json.dumps({"hex": bytes(raw).hex()})
    return json.dumps(raw if isinstance(raw, int | float | str) else {"text": str(raw)})


def from_cursor(cursor: str, encode: Callable[[str], Any]) -> Any:
    """Return the raw id that ``to_cursor`` was given; `encode` reads a type that JSON does not have."""
    value = json.loads(cursor)
    if not isinstance(value, dict):
        return value
    return bytes.fromhex(value["hex"]) if "hex" in value else encode(value["text"])


def _canonical_whole(key: str) -> int | None:
    """Return the number whose text is exactly `key`."""
    if not key.isascii() or not key.removeprefix("-").isdigit() or len(key) > 20:
        return None
    number = int(key)
    return number if str(number) == key else None


def _whole(key: str, lowest: int, highest: int) -> int:
    number = _canonical_whole(key)
    if number is None or not lowest <= number <= highest:
        raise _unknown(key)
    return number


def _text(key: str) -> str:
    try:
        key.encode()
    except UnicodeEncodeError:
        raise _unknown(key) from None
    return key


def _postgresql_text(key: str) -> str:
    if "\0" in key:
        raise _unknown(key)
    return _text(key)


def _uuid(key: str) -> UUID:
    try:
        value = UUID(key)
    except ValueError:
        raise _unknown(key) from None
    if str(value) != key:
        raise _unknown(key)
    return value


def _decimal(key: str) -> Decimal:
    try:
        value = Decimal(key)
    except InvalidOperation:
        raise _unknown(key) from None
    if not value.is_finite() or abs(value.adjusted()) > 1000:
        raise _unknown(key)
    return value


def _hexadecimal(key: str) -> bytes:
    value = bytes.fromhex(key)
    if value.hex() != key:
        raise ValueError(key)
    return value


def _bytes(key: str) -> bytes:
    try:
        return _hexadecimal(key)
    except ValueError:
        raise _unknown(key) from None


def _unknown(key: str) -> UnknownUser:
    return UnknownUser(f"no user of the platform can have the id {key[:80]!a}")
