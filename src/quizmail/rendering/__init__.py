"""Templates and facts to subject, text and HTML: the only package that knows Jinja's mail templates."""

from quizmail.rendering.content import Brand, Parts, Site
from quizmail.rendering.renderer import Renderer, shipped_templates, template_folders

__all__ = ["Brand", "Parts", "Renderer", "Site", "shipped_templates", "template_folders"]
