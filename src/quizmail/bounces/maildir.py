"""A Maildir, read message by message.

A message is moved to ``cur``, marked as seen, or removed, once what follows from it is committed. When the
process dies in between, the message is read again and found to have been counted. One that was not
identified stays in ``new``, for a person to look at.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from quizmail.bounces.mime import LARGEST
from quizmail.bounces.obeying import Finding

#: How a file's name in ``cur`` ends when the message was seen.
_SEEN = ":2,S"


def work_through(maildir: Path, handle: Callable[[bytes], Finding], *, delete: bool = False) -> Counter[str]:
    """Handle every new message of `maildir`, oldest first, and return how many there were of each finding.

    Args:
        handle: given the first MiB of a message.
        delete: whether to remove what was understood instead of keeping it in ``cur``.
    """
    counts: Counter[str] = Counter()
    for path in sorted((maildir / "new").iterdir()):
        try:
            with path.open("rb") as file:
                raw = file.read(LARGEST)
        except (FileNotFoundError, IsADirectoryError):  # Another reader was faster, or it is no message.
            continue
        finding = handle(raw)
        counts[finding] += 1
        if finding is not Finding.UNIDENTIFIED:
            _put_away(path, maildir, delete)
    return counts


def _put_away(path: Path, maildir: Path, delete: bool) -> None:
    with suppress(FileNotFoundError):
        if delete:
            path.unlink()
        else:
            path.rename(maildir / "cur" / f"{path.name.partition(':')[0]}{_SEEN}")
