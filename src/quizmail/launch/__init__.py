"""Starting and stopping everything on one machine: ``quizmail run``, ``start`` and ``stop``."""

from quizmail.launch.background import start, stop
from quizmail.launch.foreground import run

__all__ = ["run", "start", "stop"]
