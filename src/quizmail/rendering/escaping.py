"""Escaping for HTML at half the price.

Jinja's own escaping wraps every value that it writes in a string type which remembers that it is safe.
What is written straight into a mail need not remember.
"""

from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import escape


def escaped(value: Any) -> str:
    """Return `value` as `markupsafe.escape` does, as a plain string."""
    if type(value) is str and not (
        "&" in value or "<" in value or ">" in value or '"' in value or "'" in value
    ):
        return value
    return str(value) if type(value) is int else str(escape(value))


class Escaping(CodeGenerator):
    """Writes ``environment.escaped(…)`` where Jinja writes ``escape(…)``."""

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.escaped(")
