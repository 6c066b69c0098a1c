"""Templates and facts to subject, text and HTML: the only package that knows Jinja's mail templates."""

from quizmail.rendering.renderer import Parts, Renderer, Site, shipped_templates, template_folders

__all__ = ["Parts", "Renderer", "Site", "shipped_templates", "template_folders"]
