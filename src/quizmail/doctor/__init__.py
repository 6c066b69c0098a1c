"""The doctor: looks a deployment over and says what is wrong with it, and what to do.

Each area has a module with a ``check`` that yields findings; ``running`` runs them side by side, and
``examination`` puts them together. Nothing is changed, and no mail is sent.
"""

from quizmail.doctor.examination import Examination, is_well
from quizmail.doctor.findings import Area, Finding, Grade
from quizmail.doctor.names import Names
from quizmail.doctor.web import fetch

__all__ = ["Area", "Examination", "Finding", "Grade", "Names", "fetch", "is_well"]
