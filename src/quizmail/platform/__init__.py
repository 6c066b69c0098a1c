"""The quiz platform's data: its database, opened read only, and what its rows mean.

``opened`` has the database and its row sets, ``members`` and ``quizzes`` decode their rows; ``instants``,
``ids``, ``columns`` and ``addresses`` know the values; ``ends`` and ``expressions`` say the same in SQL.
"""

from quizmail.platform.members import Member
from quizmail.platform.opened import Platform, Rows
from quizmail.platform.quizzes import Quiz

__all__ = ["Member", "Platform", "Quiz", "Rows"]
