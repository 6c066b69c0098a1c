"""A Jinja environment that translates messages when a template is compiled, not when it is rendered.

A call such as ``_("Hi %(name)s,", name=name)`` becomes the pieces of its sentence in the environment's
language. What is constant costs a mail nothing, and what is wrong with a message is found at once.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from jinja2 import Environment, TemplateSyntaxError, nodes, pass_context, pass_environment
from jinja2.runtime import Context
from jinja2.visitor import NodeTransformer

from quizmail import formatting
from quizmail.rendering.catalogues import Catalogue, Message, pieces, placeholders
from quizmail.rendering.remembering import remember
from quizmail.rendering.settling import settle

#: How many literals come first in a call of each: a context, a singular, a plural.
_LITERALS = {"_": (0, 1), "gettext": (0, 1), "ngettext": (0, 2), "pgettext": (1, 1), "npgettext": (1, 2)}


class Translating(Environment):
    """Templates in the language of one catalogue. What it renders is told the reader as ``locale``."""

    def __init__(self, catalogue: Catalogue, **options: Any) -> None:
        """`options` are those of a Jinja environment."""
        super().__init__(**options)
        self.settled: dict[str, Any] = {}  # the globals whose attributes never change
        self._catalogue = catalogue
        self.filters.update(FILTERS, plural_form=catalogue.plural_form)

    def compile(self, source: Any, name: Any = None, filename: Any = None, *rest: Any, **how: Any) -> Any:
        """Compile a template, given as its text or parsed, after its messages have been translated."""
        if isinstance(source, str):
            source = self.parse(source, name, filename)
        settle(source, self, self.settled)
        _Translator(self._catalogue, name, filename).visit(source)
        remember(source, self, name, filename)
        return super().compile(source.set_environment(self), name, filename, *rest, **how)


class _Call(NamedTuple):
    """What a call says: the message's context, English forms, number that picks one, and values."""

    context: str | None
    source: tuple[str, ...]
    number: nodes.Expr | None
    values: dict[str, nodes.Expr]


class _Translator(NodeTransformer):
    """Replaces calls of gettext and its like."""

    def __init__(self, catalogue: Catalogue, name: str | None, filename: str | None) -> None:
        self._catalogue = catalogue
        self._place = (name, filename)

    def visit_Output(self, node: nodes.Output) -> nodes.Node:
        """Write the pieces of a sentence one by one, which is faster than joining them first."""
        self.generic_visit(node)
        node.nodes = [
            piece
            for each in node.nodes
            for piece in (each.nodes if isinstance(each, nodes.Concat) else [each])
        ]
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        """Replace a call by the sentence, or by the choice between its forms."""
        self.generic_visit(node)
        if not isinstance(node.node, nodes.Name) or node.node.name not in _LITERALS:
            return node
        call = self._read(node, *_LITERALS[node.node.name])
        message = self._catalogue.find(call.context, *call.source)
        forms = [_sentence(form, call.values, node.lineno) for form in message.forms]
        if call.number is None:
            return forms[0]
        return _choice(message, forms, call.number, node.lineno)

    def _read(self, node: nodes.Call, contexts: int, sources: int) -> _Call:
        literals, rest = node.args[: contexts + sources], node.args[contexts + sources :]
        words = [each.value for each in literals if isinstance(each, nodes.Const)]
        if len(words) != contexts + sources or not all(isinstance(word, str) for word in words):
            raise self._problem("a message must be a literal", node)
        if len(rest) != sources - 1 or node.dyn_args or node.dyn_kwargs:
            raise self._problem("a message takes its values by name, one with a plural a count before", node)
        values = {each.key: each.value for each in node.kwargs}
        if rest:
            values.setdefault("num", rest[0])
        source = tuple(words[contexts:])
        for name in set().union(*map(placeholders, source)) - values.keys():
            raise self._problem(f"the message has a place for {name} and is given no value", node)
        return _Call(words[0] if contexts else None, source, rest[0] if rest else None, values)

    def _problem(self, what: str, node: nodes.Call) -> TemplateSyntaxError:
        return TemplateSyntaxError(what, node.lineno, *self._place)


def _sentence(form: str, values: dict[str, nodes.Expr], line: int) -> nodes.Expr:
    parts = [values[text] if is_place else nodes.Const(text, lineno=line) for text, is_place in pieces(form)]
    if len(parts) == 1 and isinstance(parts[0], nodes.Const):
        return parts[0]
    return nodes.Concat(parts, lineno=line)


def _choice(message: Message, forms: list[nodes.Expr], count: nodes.Expr, line: int) -> nodes.Expr:
    """Return the expression that takes the form which goes with `count`."""
    chosen = forms[-1]
    picked: nodes.Expr = count
    if message.plural_form is not None:
        picked = nodes.Filter(count, "plural_form", [], [], None, None, lineno=line)
    for number, form in reversed(list(enumerate(forms[:-1]))):
        wanted = nodes.Const(1 if message.plural_form is None else number, lineno=line)
        test = nodes.Compare(picked, [nodes.Operand("eq", wanted)], lineno=line)
        chosen = nodes.CondExpr(test, form, chosen, lineno=line)
    return chosen


def _by_reader(name: str) -> Callable[..., str]:
    """Return the filter that writes as the reader's language does, a method of the variable ``locale``."""

    @pass_context
    def written(context: Context, value: Any, *rest: Any, **how: Any) -> str:
        text: str = getattr(context.parent["locale"], name)(value, *rest, **how)
        return text

    return written


@pass_environment
def _values(environment: Environment, objects: Iterable[Any], attribute: str) -> list[Any]:
    """Return the values of an attribute, without those that say nothing."""
    return [value for each in objects if (value := environment.getattr(each, attribute))]


#: The filters that write as the reader's language does.
BY_READER = ("number", "percent", "day", "clock", "closing", "month", "month_name", "zone_name")

FILTERS: dict[str, Callable[..., Any]] = {
    **{name: _by_reader(name) for name in BY_READER},
    "change": formatting.change,
    "initial": formatting.initial,
    "isolated": formatting.isolated,
    "listed": formatting.listed,
    "shorten": formatting.one_line,
    "values": _values,
}
