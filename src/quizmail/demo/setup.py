"""What demo mode needs before its processes start: files, free ports, and their environment."""

import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from quizmail import demo, settings
from quizmail.demo import platform, ports
from quizmail.demo.inbox import HOST

#: What demo mode starts beside the engine's own processes.
PROCESSES = ("redis", "inbox", "demo")

_PORTS = {"web": 8025, "smtp": 1025, "redis": 6390}
_DATABASE = demo.FOLDER / "quizmail.db"
_SECRET = demo.FOLDER / "secret_key"
_PORTS_FILE = demo.FOLDER / "ports.json"


def prepare(base: Mapping[str, str], now: datetime, *, running: bool) -> dict[str, str]:
    """Prepare the demo's folder and return the environment of its processes.

    Whatever `base` says of mail servers and databases is replaced: nothing may leave this machine.

    Args:
        now: the instant up to which the platform's people are to have lived.
        running: whether the demo's processes run already, on the ports that they remember.
    """
    demo.FOLDER.mkdir(parents=True, exist_ok=True)
    known = ports.remembered(_PORTS_FILE)
    chosen = known if running and known.keys() >= _PORTS.keys() else ports.choose(_PORTS_FILE, _PORTS)
    address = f"http://{HOST}:{chosen['web']}"
    if not running:
        platform.ensure(demo.PLATFORM, now, f"{address}/quiz")
    relay = {name: "" for name in settings.names() if name.startswith("MAIL_")}
    return {**base, **relay, **_variables(chosen, address)}


def inbox_address() -> str:
    """Return the address of the inbox page of the demo that was started last."""
    return f"http://{HOST}:{ports.remembered(_PORTS_FILE).get('web', _PORTS['web'])}/inbox"


def _variables(chosen: Mapping[str, int], address: str) -> dict[str, str]:
    return {
        "QUIZMAIL_DEMO": "true",
        "QUIZ_DATABASE_URL": f"sqlite:///{demo.PLATFORM}",
        "QUIZ_SOURCE": "demo",
        "DATABASE_URL": f"sqlite:///{_DATABASE}",
        "REDIS_URL": f"redis://{HOST}:{chosen['redis']}/0",
        "MAIL_SERVER": HOST,
        "MAIL_PORT": str(chosen["smtp"]),
        "MAIL_USE_TLS": "false",
        "QUIZMAIL_DEMO_INBOX": str(demo.INBOX),
        "WEB_HOST": HOST,
        "PORT": str(chosen["web"]),
        "BASE_URL": address,
        "SITE_URL": f"{address}/quiz",
        "SITE_NAME": "QuizMaster",
        "SECRET_KEY": _secret_key(_SECRET),
        "SECRET_KEYS_PREVIOUS": "",
        "POSTAL_ADDRESS": "QuizMaster Ltd, 1 Example Street, Exampleton (this is a demo)",
    }


def _secret_key(file: Path) -> str:
    """Return the key in `file`, which only this user may read; it is written on the first start."""
    if not file.exists():
        unfinished = file.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(secrets.token_urlsafe(32))
        os.replace(unfinished, file)
    return file.read_text()
