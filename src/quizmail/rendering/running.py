"""Running a compiled template, without what Jinja would do anew for each of a mail's four.

``Template.render`` copies the variables and, through a chain of mappings, the globals of the environment.
Here both are in one dictionary, which all templates of a mail share.
"""

from typing import Any

from jinja2 import Template


def rendered(template: Template, known: dict[str, Any]) -> list[str]:
    """Return what `template` says of the variables `known`, in pieces. `known` holds the globals, too.

    Raises:
        Exception: as ``Template.render`` does, with the template's own lines in the traceback.
    """
    environment = template.environment
    names = environment.globals
    context = environment.context_class(environment, known, template.name, template.blocks, names)
    try:
        return list(template.root_render_func(context))
    except Exception:
        environment.handle_exception()
