"""Code for mail templates that does in one step what Jinja's does in several.

What is written stays the same. Every mail runs some hundred of these steps.
"""

from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import Markup, escape


def escaped(value: Any) -> str:
    """Return `value` as `markupsafe.escape` does, as a plain string.

    Jinja wraps every value that it writes in a string type which remembers that it is safe. What is written
    straight into a mail need not remember.
    """
    if type(value) is str and not (
        "&" in value or "<" in value or ">" in value or '"' in value or "'" in value
    ):
        return value
    if type(value) is Markup:
        return value
    return str(value) if type(value) is int else str(escape(value))


class Generator(CodeGenerator):
    """Generates the code of mail templates. Their environment has `escaped` as an attribute."""

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.escaped(")

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        """Join plain text by one call; where there may be markup among it, Jinja looks for it."""
        if frame.eval_ctx.volatile or frame.eval_ctx.autoescape:
            super().visit_Concat(node, frame)
            return
        self.write("concat((")
        for part in node.nodes:
            self.write("" if _is_text(part) else "str(")
            self.visit(part, frame)
            self.write(", " if _is_text(part) else "), ")
        self.write("))")

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        """Ask an object itself for an attribute, and Jinja only for one that it does not have."""
        if not isinstance(node.node, nodes.Name):
            super().visit_Getattr(node, frame)
            return
        self.write("(attribute if (attribute := getattr(")
        self.visit(node.node, frame)
        self.write(f", {node.attr!r}, missing)) is not missing else ")
        super().visit_Getattr(node, frame)
        self.write(")")

    def visit_Test(self, node: nodes.Test, frame: Frame) -> None:
        """Write ``is None`` for ``is none``, which Jinja calls a function for."""
        if node.name != "none":
            super().visit_Test(node, frame)
            return
        self.write("(")
        self.visit(node.node, frame)
        self.write(" is None)")

    def writeline(self, x: str, node: nodes.Node | None = None, extra: int = 0) -> None:
        """Hand on what a block or a parent writes as a whole, not piece by piece through every level."""
        if x.startswith("yield from "):
            x = f"yield concat({x.removeprefix('yield from ')})"
        super().writeline(x, node, extra)


def _is_text(part: nodes.Expr) -> bool:
    return isinstance(part, nodes.Const) and type(part.value) is str
