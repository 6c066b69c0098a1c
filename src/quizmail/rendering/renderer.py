"""Templates and facts to subject, text and HTML.

A folder of templates holds one folder for each kind of mail with ``subject.txt``, ``lead.txt``, which
says why it comes, ``body.txt`` and ``body.html``, and what these share. An operator's own folder replaces
the shipped one file by file. Templates are compiled once per process and language, when the first mail of
their kind is rendered.
"""

import re
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import (
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
)
from markupsafe import Markup

from quizmail import formatting
from quizmail.errors import CompositionError
from quizmail.rendering import palette
from quizmail.rendering.catalogues import SOURCE
from quizmail.rendering.content import Parts, Site, shown_facts, shown_site
from quizmail.rendering.generating import Generator, escaped
from quizmail.rendering.inlining import flatten
from quizmail.rendering.running import rendered
from quizmail.rendering.translating import BY_READER, Translating
from quizmail.rendering.translations import Language, for_locale
from quizmail.states import Kind

#: How much is kept of what a filter wrote. Mails have few different figures, dates and closing times.
_KEPT = 2048

_BLANK_LINES = re.compile(r"\n\n\n+")

#: What mail clients show beside the subject is filled up with, lest they go on with the body.
_PREHEADER_PADDING = Markup("\n" + ("&zwnj;&nbsp;" * 6 + "\n") * 10)  # noqa: S704


@dataclass(frozen=True)
class _Templates:
    """Those of one kind in one language, and the globals that they have in common."""

    common: Mapping[str, Any]
    subject: Template
    lead: Template
    text: Template
    html: Template


class Renderer:
    """Renders the mails of one site. Threads may share it."""

    def __init__(self, site: Site, templates_dir: Path | None = None, site_locale: str = SOURCE) -> None:
        """`templates_dir` holds the files that replace shipped ones; it reads none of them yet.

        `site_locale` is for readers whose locale is unknown or of a language that there is no catalogue for.
        """
        self._site = site
        folders = template_folders(templates_dir)
        self._loader = FileSystemLoader(folders)
        self._site_locale = site_locale
        self._compiled: dict[tuple[Kind, str], _Templates] = {}
        self._flat: dict[tuple[Kind, str], str] = {}
        self._environments: dict[tuple[str, bool], Translating] = {}
        self._compiling = threading.Lock()

    def render(
        self, kind: Kind, facts: Mapping[str, Any], unsubscribe_url: str, view_url: str | None = None
    ) -> Parts:
        """Render the mail of `kind` that states `facts`, as they are frozen on a delivery.

        `view_url` is the address of the page that shows the mail in a browser; that page itself has none.

        Raises:
            CompositionError: when a template is missing, cannot be parsed, or asks for something
                that the facts do not hold; names the template, the line and the variable.
        """
        language = for_locale(facts.get("locale"), self._site_locale)
        known = {"unsubscribe_url": unsubscribe_url, "view_url": view_url, **shown_facts(kind, facts)}
        try:
            templates = self._compiled.get((kind, language.tag)) or self._compile(kind, language)
            known |= templates.common
            known["subject"] = formatting.one_line("".join(rendered(templates.subject, known)))
            known["lead"] = formatting.one_line("".join(rendered(templates.lead, known)))
            text, html = "".join(rendered(templates.text, known)), rendered(templates.html, known)
            return Parts(known["subject"], _BLANK_LINES.sub("\n\n", text), html, language.tag)
        except CompositionError:
            raise
        except Exception as problem:
            raise CompositionError(self._explain(kind, language, known, problem)) from problem

    def _compile(self, kind: Kind, language: Language) -> _Templates:
        # A worker's threads begin together; each compiling for itself would take a megabyte and more.
        with self._compiling:
            return self._compiled.get((kind, language.tag)) or self._compile_new(kind, language)

    def _compile_new(self, kind: Kind, language: Language) -> _Templates:
        plain = self._environment(language, autoescape=False)
        markup = self._environment(language, autoescape=True)
        self._compiled[kind, language.tag] = templates = _Templates(
            plain.globals,
            plain.get_template(f"{kind}/subject.txt"),
            plain.get_template(f"{kind}/lead.txt"),
            plain.get_template(f"{kind}/body.txt"),
            markup.from_string(self._source(kind, language.direction)),
        )
        return templates

    def _source(self, kind: Kind, direction: str) -> str:
        """Return the source of the flat HTML template, which all languages of a direction share."""
        if (kind, direction) not in self._flat:
            settled = {"palette": self._palette, **_directions(direction)}
            self._flat[kind, direction] = flatten(f"{kind}/body.html", self._loader, settled)
        return self._flat[kind, direction]

    def _explain(self, kind: Kind, language: Language, known: Mapping[str, Any], problem: Exception) -> str:
        """Say what is wrong, and in which file and line of the templates."""
        place = self._place(problem)
        if place is None or place.partition(":")[0].endswith(".html"):
            problem = self._reproduce(kind, language, known) or problem
            place = self._place(problem)
        what = f"{type(problem).__name__}: {problem}"
        if isinstance(problem, TemplateError):
            what = problem.message or what
        return f"{place or kind}: {what}"

    def _reproduce(self, kind: Kind, language: Language, known: Mapping[str, Any]) -> Exception | None:
        """Render the HTML template as it is written; the flat one has other lines than the files."""
        markup = self._environment(language, autoescape=True)
        try:
            markup.get_template(f"{kind}/body.html").render({"subject": "", "lead": "", **known})
        except Exception as problem:
            return problem
        return None

    def _place(self, problem: Exception) -> str | None:
        """Return ``reminder/body.html:12``, the innermost line of a template in which `problem` arose."""
        if isinstance(problem, TemplateSyntaxError):
            return f"{problem.name}:{problem.lineno}" if problem.name else None
        places = (
            f"{Path(frame.filename).relative_to(folder).as_posix()}:{frame.lineno}"
            for frame in reversed(traceback.extract_tb(problem.__traceback__))
            for folder in self._loader.searchpath
            if Path(frame.filename).is_relative_to(folder) and not frame.filename.endswith(".py")
        )
        return next(places, None)

    @cached_property
    def _palette(self) -> dict[str, Any]:
        return palette.load(self._loader, self._site.brand)

    def _environment(self, language: Language, *, autoescape: bool) -> Translating:
        key = (language.tag, autoescape)
        if key in self._environments:
            return self._environments[key]
        environment = Translating(
            language.catalogue,
            loader=self._loader,
            autoescape=autoescape,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        # Instances, not the class: pages are rendered too seldom for it to matter.
        environment.code_generator_class = Generator
        environment.escaped = escaped  # type: ignore[attr-defined]
        environment.settled = {"site": shown_site(self._site), "palette": self._palette}
        environment.globals.update(
            environment.settled,
            locale=language,
            language=language.tag,
            **_directions(language.direction),
            preheader_padding=_PREHEADER_PADDING,
        )
        environment.filters.update({name: _cached(language, name) for name in BY_READER}, breadth=_breadth)
        self._environments[key] = environment
        return environment


def template_folders(templates_dir: Path | None) -> list[Path]:
    """Return where templates are looked for: an operator's own folder first, then the shipped ones."""
    return [shipped_templates()] if templates_dir is None else [templates_dir, shipped_templates()]


def shipped_templates() -> Path:
    """Return the folder of the templates that come with the package."""
    return Path(__file__).parents[1] / "_templates"


def _cached(language: Language, name: str) -> Callable[..., str]:
    return lru_cache(_KEPT)(getattr(language, name))


def _directions(direction: str) -> dict[str, str]:
    """Return it, and on which side a line starts and ends; mail clients know no other words for that."""
    start, end = ("right", "left") if direction == "rtl" else ("left", "right")
    return {"direction": direction, "start": start, "end": end}


def _breadth(percent: float) -> int:
    """Return how much of a bar is filled, in whole percent from 0 to 100."""
    return min(100, max(0, round(percent)))
