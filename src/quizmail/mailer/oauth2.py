"""The access token for Gmail, from the file that yagmail's own OAuth2 set-up has written."""

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from yagmail import oauth2

_NEEDED = ("google_client_id", "google_client_secret", "google_refresh_token")


class OAuth2Refused(ValueError):
    """Raised when the file, or the token server's answer, is not what it should be; it holds no secret."""


def read(path: Path) -> dict[str, str]:
    """Return what the file at `path` holds.

    yagmail asks on standard input for what is missing in it; a worker would wait there for ever.
    """
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise OAuth2Refused(f"the OAuth2 file cannot be read: {error}") from None
    if missing := [name for name in _NEEDED if name not in found]:
        raise OAuth2Refused(f"the OAuth2 file lacks {', '.join(missing)}: make it with yagmail on a terminal")
    return dict(found)


def access_token(credentials: dict[str, str], timeout: float) -> str:
    """Trade the refresh token for an access token.

    Each wait lasts `timeout` seconds at most; yagmail's own call has no limit.

    Raises:
        OAuth2Refused: when there is none to be had.
    """
    form = {
        "client_id": credentials["google_client_id"],
        "client_secret": credentials["google_client_secret"],
        "refresh_token": credentials["google_refresh_token"],
        "grant_type": "refresh_token",
    }
    said = _post(oauth2.command_to_url("o/oauth2/token"), form, timeout)
    if not isinstance(said, dict) or "access_token" not in said:
        raise OAuth2Refused("login refused: the OAuth2 server gave no access token")
    return str(said["access_token"])


def _post(url: str, form: dict[str, str], timeout: float) -> Any:
    try:
        with urlopen(url, urlencode(form).encode(), timeout=timeout) as answer:  # noqa: S310 - Google's, by https
            return json.load(answer)
    except HTTPError as error:
        error.close()
        raise OAuth2Refused(
            f"login refused: the OAuth2 server answered {error.code} {error.reason}"
        ) from None
    except OSError as error:
        raise OAuth2Refused(f"no answer from the OAuth2 server: {error}") from None
