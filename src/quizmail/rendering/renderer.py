"""Templates and facts to subject, text and HTML.

A folder of templates holds one folder for each kind of mail with ``subject.txt``, ``body.txt`` and
``body.html``, and what these share. An operator's own folder replaces the shipped one file by file.
Templates are compiled once per process, when the first mail of their kind is rendered.
"""

import re
import tomllib
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
)
from markupsafe import Markup

from quizmail import formatting
from quizmail.errors import CompositionError
from quizmail.rendering.inlining import flatten
from quizmail.states import Kind

#: The most characters of a fact that are shown.
_LONGEST = {"name": 60, "title": 140, "category": 40}
_WEB_ADDRESS = re.compile(r"https?://[^\s<>\"'\\]{1,2000}")
_BLANK_LINES = re.compile(r"\n{3,}")

#: What mail clients show beside the subject is filled up with, lest they go on with the body.
_PREHEADER_PADDING = Markup("\n" + ("&zwnj;&nbsp;" * 6 + "\n") * 10)  # noqa: S704


@dataclass(frozen=True)
class Site:
    """The platform that the mails are about. `postal_address` may have several lines."""

    name: str
    url: str | None
    postal_address: str


@dataclass(frozen=True)
class Parts:
    """What one mail says: a subject on one line, a text and an HTML document."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class _Templates:
    subject: Template
    text: Template
    html: Template


_FILTERS: dict[str, Callable[..., Any]] = {
    "number": formatting.number,
    "count": formatting.count,
    "change": formatting.change,
    "closing": formatting.closing,
    "month": formatting.month,
    "month_name": formatting.month_name,
    "zone_name": formatting.zone_name,
    "initial": formatting.initial,
    "isolated": formatting.isolated,
    "listed": formatting.listed,
    "shorten": formatting.one_line,
}


class Renderer:
    """Renders the mails of one site. Threads may share it."""

    def __init__(self, site: Site, templates_dir: Path | None = None) -> None:
        """`templates_dir` holds the files that replace shipped ones; it reads none of them yet."""
        self._site = SimpleNamespace(
            name=formatting.one_line(site.name, _LONGEST["name"]),
            url=_fact("url", site.url),
            address_lines=[
                line for each in site.postal_address.splitlines() if (line := formatting.one_line(each))
            ],
        )
        folders = template_folders(templates_dir)
        self._loader = FileSystemLoader(folders)
        self._compiled: dict[Kind, _Templates] = {}

    def render(self, kind: Kind, facts: Mapping[str, Any], unsubscribe_url: str) -> Parts:
        """Render the mail of `kind` that states `facts`, as they are frozen on a delivery.

        Raises:
            CompositionError: when a template is missing, cannot be parsed, or asks for something
                that the facts do not hold; names the template, the line and the variable.
        """
        language = formatting.language(facts.get("locale"))
        known = {name: _fact(name, value) for name, value in facts.items()}
        known |= {
            "unsubscribe_url": unsubscribe_url,
            "language": language,
            "direction": formatting.direction(language),
        }
        try:
            templates = self._compiled.get(kind) or self._compile(kind)
            subject = formatting.one_line(templates.subject.render(known))
            known["subject"] = subject
            text, html = templates.text.render(known), templates.html.render(known)
            return Parts(subject, _BLANK_LINES.sub("\n\n", text) if "\n\n\n" in text else text, html)
        except CompositionError:
            raise
        except Exception as problem:
            raise CompositionError(self._explain(kind, known, problem)) from problem

    def _compile(self, kind: Kind) -> _Templates:
        source = flatten(f"{kind}/body.html", self._loader, {"palette": self._palette})
        self._compiled[kind] = templates = _Templates(
            self._plain.get_template(f"{kind}/subject.txt"),
            self._plain.get_template(f"{kind}/body.txt"),
            self._markup.from_string(source),
        )
        return templates

    def _explain(self, kind: Kind, known: Mapping[str, Any], problem: Exception) -> str:
        """Say what is wrong, and in which file and line of the templates."""
        place = self._place(problem)
        if place is None or place.partition(":")[0].endswith(".html"):
            problem = self._reproduce(kind, known) or problem
            place = self._place(problem)
        what = f"{type(problem).__name__}: {problem}"
        if isinstance(problem, TemplateError):
            what = problem.message or what
        return f"{place or kind}: {what}"

    def _reproduce(self, kind: Kind, known: Mapping[str, Any]) -> Exception | None:
        """Render the HTML template as it is written; the flat one has other lines than the files."""
        try:
            self._markup.get_template(f"{kind}/body.html").render({"subject": "", **known})
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
    def _plain(self) -> Environment:
        return self._environment(autoescape=False)

    @cached_property
    def _markup(self) -> Environment:
        return self._environment(autoescape=True)

    @cached_property
    def _palette(self) -> dict[str, Any]:
        source, _, _ = self._loader.get_source(Environment(), "palette.toml")  # noqa: S701
        try:
            return tomllib.loads(source)
        except tomllib.TOMLDecodeError as problem:
            raise CompositionError(f"palette.toml: {problem}") from problem

    def _environment(self, *, autoescape: bool) -> Environment:
        environment = Environment(
            loader=self._loader,
            autoescape=autoescape,  # noqa: S701 - plain text has nothing to escape
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters.update(_FILTERS)
        environment.globals.update(
            site=self._site, palette=self._palette, preheader_padding=_PREHEADER_PADDING
        )
        return environment


def template_folders(templates_dir: Path | None) -> list[Path]:
    """Return where templates are looked for: an operator's own folder first, then the shipped ones."""
    return [shipped_templates()] if templates_dir is None else [templates_dir, shipped_templates()]


def shipped_templates() -> Path:
    """Return the folder of the templates that come with the package."""
    return Path(__file__).parents[1] / "_templates"


def _fact(name: str, value: Any) -> Any:
    """Return a fact as templates see it: text on one line and of sane length, objects with attributes.

    Facts are what JSON holds, so that exact types tell them apart.
    """
    if type(value) is str:
        if name == "url":
            return value if _WEB_ADDRESS.fullmatch(value) else None
        return formatting.one_line(value, _LONGEST.get(name))
    if type(value) is dict:
        return SimpleNamespace(**{key: _fact(key, each) for key, each in value.items()})
    if type(value) is list:
        return [_fact(name, each) for each in value]
    return value
