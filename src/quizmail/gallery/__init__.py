"""Every mail in every state and language on one page, to look at before readers do."""

from quizmail.gallery.samples import LOCALES, Sample, samples
from quizmail.gallery.writing import INDEX, Shown, compose_all, write_gallery

__all__ = ["INDEX", "LOCALES", "Sample", "Shown", "compose_all", "samples", "write_gallery"]
