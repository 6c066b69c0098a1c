"""The reader's pages as templates: `pages/*.html`, in each reader's language and the site's colour."""

import tomllib
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from quizmail.formatting import one_line
from quizmail.rendering import template_folders
from quizmail.rendering.translations import Language, Translating
from quizmail.settings import Settings


class Templates:
    """Renders the pages. Threads may share it; a template is compiled once per language."""

    def __init__(self, settings: Settings) -> None:
        """An operator's TEMPLATES_DIR replaces the shipped files one by one."""
        self._loader = FileSystemLoader(template_folders(settings.templates_dir))
        self._site = SimpleNamespace(
            name=one_line(settings.site_name),
            url=settings.site_url,
            address_lines=[one_line(line) for line in settings.postal_address.splitlines() if line.strip()],
            color=settings.brand_color or self._color(),
        )
        self._environments: dict[str, Environment] = {}

    def render(self, name: str, locale: Language, **known: Any) -> str:
        """Return the page `name`, such as ``preferences``, as `locale` says it."""
        tag = locale.catalogue.tag
        environment = self._environments.get(tag)
        if environment is None:
            environment = self._environments[tag] = Translating(
                locale.catalogue,
                loader=self._loader,
                autoescape=True,
                undefined=StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
                auto_reload=False,
            )
        return environment.get_template(f"pages/{name}.html").render(site=self._site, locale=locale, **known)

    def _color(self) -> str:
        source, _, _ = self._loader.get_source(Environment(autoescape=True), "palette.toml")
        return str(tomllib.loads(source)["light"]["brand"])
