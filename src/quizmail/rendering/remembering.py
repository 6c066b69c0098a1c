"""What many mails say in the same words, rendered once: ``{% call remembered(quiz, zone) %}…{% endcall %}``.

A new quiz is announced to thousands of readers. The part between the tags is rendered for the first of them
and written into the mails of all others, in one piece. It is a template of its own that sees the values in
the brackets and what is the same in all mails, so that nothing of one reader can get into another's mail.
"""

from collections.abc import Callable, Set
from functools import lru_cache
from itertools import count
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, Template, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from quizmail.rendering.running import rendered
from quizmail.rendering.settling import bound

_numbers = count()

#: How many renderings of a part are kept. The newest quizzes are the same ones for nearly everybody.
_KEPT = 512


class Alike(SimpleNamespace):
    """An object of a mail's facts. All that say the same are one object, which is equal to itself only."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__  # type: ignore[assignment]


#: What a part can be remembered by: what says the same for ever. All else is rendered each time.
_LASTING = frozenset({Alike, str, int, float, bool, type(None)})


def remember(template: nodes.Template, environment: Environment, name: str | None, file: str | None) -> None:
    """Replace the remembered parts of a parsed `template` by filters, which are added to `environment`.

    Args:
        template: its messages have been translated.
        environment: its globals are what the parts see besides the values that they are remembered by.
        name: of the template, if it has one.
        file: where it was read, for tracebacks.

    Raises:
        TemplateSyntaxError: when a part is remembered by something that is no variable, asks for more, or
            holds what another template can change.
    """
    _Rememberer(environment, bound(template), name, file).visit(template)


class _Rememberer(NodeTransformer):
    """Makes filters of the remembered parts of one template."""

    def __init__(
        self, environment: Environment, bound_names: Set[str], name: str | None, file: str | None
    ) -> None:
        self._environment, self._bound = environment, bound_names
        self._name, self._file = name, file

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:
        """Make a template of what is between the tags, and of the tags a filter of the first value."""
        self.generic_visit(node)
        if not isinstance(node.call.node, nodes.Name) or node.call.node.name != "remembered":
            return node
        values = [each for each in node.call.args if isinstance(each, nodes.Name)]
        if not values or len(values) != len(node.call.args) or node.call.kwargs:
            raise self._problem("a part is remembered by variables", node)
        names = tuple(value.name for value in values)
        part = nodes.Template(node.body, lineno=node.lineno)
        part.set_environment(self._environment)
        for each in part.find_all((nodes.Block, nodes.Include)):
            if isinstance(each, nodes.Block) or not self._environment.autoescape:
                raise self._problem("a remembered part can hold no block, and in text no include", each)
        code = self._environment.compile(part, self._name, self._file)
        # What the template gives a name of its own is not what has that name in all mails.
        named = {name.name for name in part.find_all(nodes.Name)} & (self._bound - bound(part))
        if unknown := (find_undeclared_variables(part) | named) - {*names}:
            raise self._problem(f"this part is not remembered by {min(unknown)}", node)
        name = f"remembered {next(_numbers)}"
        template = Template.from_code(self._environment, code, self._environment.globals)
        self._environment.filters[name] = _part(template, names)
        said = nodes.Filter(values[0], name, values[1:], [], None, None, lineno=node.lineno)
        return nodes.Output([said], lineno=node.lineno)

    def _problem(self, what: str, node: nodes.Node) -> TemplateSyntaxError:
        return TemplateSyntaxError(what, node.lineno, self._name, self._file)


def _part(template: Template, names: tuple[str, ...]) -> Callable[..., str]:
    known = template.environment.globals
    written = Markup if template.environment.autoescape else str

    def render(*values: Any) -> str:
        return written("".join(rendered(template, {**known, **dict(zip(names, values, strict=True))})))

    # What is equal need not look the same: 1 and True.
    remembering = lru_cache(_KEPT, typed=True)(render)

    def part(*values: Any) -> str:
        return (remembering if _LASTING.issuperset(map(type, values)) else render)(*values)

    return part
