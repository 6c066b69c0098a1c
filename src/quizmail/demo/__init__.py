"""Demo mode: a quiz platform with invented people, an inbox to read, and a process that runs both jobs.

Everything lives in one folder below the working directory. Nothing here is used outside demo mode.
"""

from pathlib import Path

#: Everything that the demo writes, relative to the working directory.
FOLDER = Path("var/demo")

#: Where the SMTP sink stores each mail.
INBOX = FOLDER / "inbox"

#: The demo quiz platform's SQLite file.
PLATFORM = FOLDER / "platform.db"

#: The embedded Redis's data.
REDIS = FOLDER / "redis"
