"""What is the same in all mails of a site, written into a template when it is compiled.

The site's name and its colours stand in a mail dozens of times. Written in as constants they become one with
the text around them: each mail is then made, and encoded, of far fewer pieces.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from jinja2 import Environment, Undefined, nodes
from jinja2.visitor import NodeTransformer

_CONSTANTS = (str, int, float, type(None))
_UNKNOWN = object()


def settle(template: nodes.Template, environment: Environment, known: Mapping[str, Any]) -> None:
    """Write into a `template` that was parsed what the objects in `known` say, unless it names others so."""
    _Settler(environment, {name: known[name] for name in known.keys() - bound(template)}).visit(template)


def bound(template: nodes.Template) -> set[str]:
    """Return the names that a `template` that was parsed gives to something itself, wherever in it."""
    names = {name.name for name in template.find_all(nodes.Name) if name.ctx != "load"}
    names |= {macro.name for macro in template.find_all(nodes.Macro)}
    names |= {imported.target for imported in template.find_all(nodes.Import)}
    for imported in template.find_all(nodes.FromImport):
        names |= {name if isinstance(name, str) else name[1] for name in imported.names}
    return names


class _Settler(NodeTransformer):
    """Replaces attributes of known objects by their values, and conditions on them by what they come to."""

    def __init__(self, environment: Environment, known: Mapping[str, Any]) -> None:
        self._environment, self._known = environment, known

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:
        """Replace an attribute that is a constant, or a list of such."""
        value = self._value(node)
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, _CONSTANTS) for part in parts):
            return self.generic_visit(node)
        return nodes.Const(value, lineno=node.lineno)

    def visit_If(self, node: nodes.If) -> nodes.Node | list[nodes.Node]:
        """Leave of a condition that is known already the branch that is taken."""
        # Its other conditions are nodes of the same sort, and cannot be replaced by their branches.
        others, node.elif_ = node.elif_, []
        self.generic_visit(node)
        for other in others:
            self.generic_visit(other)
        node.elif_ = others
        if not isinstance(node.test, nodes.Const) or node.elif_:
            return node
        return node.body if node.test.value else node.else_

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        """Do the same to all that `node` holds, and make one of what is written in a row."""
        super().generic_visit(node, *args, **kwargs)
        for name in ("body", "else_"):
            if isinstance(getattr(node, name, None), list):
                setattr(node, name, list(_joined(getattr(node, name))))
        return node

    def _value(self, node: nodes.Node) -> Any:
        """Return what `node` is known to be."""
        if isinstance(node, nodes.Name):
            return self._known.get(node.name, _UNKNOWN)
        if isinstance(node, nodes.Getattr):
            holder = self._value(node.node)
            value = _UNKNOWN if holder is _UNKNOWN else self._environment.getattr(holder, node.attr)
            return _UNKNOWN if isinstance(value, Undefined) else value
        return _UNKNOWN


def _joined(statements: Iterable[nodes.Node]) -> Iterator[nodes.Node]:
    """Yield statements; several that write something, one after the other, as one."""
    for kind, group in groupby(statements, key=type):
        several = list(group)
        if kind is nodes.Output:
            pieces = [piece for each in several for piece in each.iter_child_nodes()]
            several = [nodes.Output(pieces, lineno=several[0].lineno)]
        yield from several
