"""What the code of mail templates writes is what Jinja's own code would write."""

from types import SimpleNamespace

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError
from jinja2.compiler import CodeGenerator
from markupsafe import Markup, escape

from quizmail.rendering.generating import Generator, escaped

VALUES = {
    "name": "<Ada> & 'co'",
    "number": 3,
    "nothing": None,
    "safe": Markup("<b>x</b>"),
    "each": [1, None, "x"],
    "thing": SimpleNamespace(name="<thing>", nothing=None, inner=SimpleNamespace(name="inner")),
    "mapping": {"name": "by key", "keys": "hidden"},
}
TEMPLATES = {
    "base": "{% block first %}base {{ name }}{% endblock %}|{% block second %}{{ number }}{% endblock %}|end",
    "other": "[{{ name }}{% for one in each %}{{ one }},{% endfor %}]",
    "macros": "{% macro row(one) %}<i>{{ one }}{{ caller() if caller is defined else '' }}</i>{% endmacro %}",
}
SOURCES = [
    "{{ 'a' ~ name ~ number ~ nothing }}",
    "{{ 'a' ~ safe ~ name }}",
    "{{ ('a' ~ 1 ~ 'b') ~ 2.50 }}{{ 'a' ~ '<b>' }}",
    "{% if nothing is none and number is not none %}{{ name is none }}{{ nothing is none or x }}{% endif %}",
    "{{ (missing is none) if false else 'fine' }}{{ missing is defined }}",
    "{% extends 'base' %}{% block first %}{{ super() }}{{ self.second() }}{% endblock %}",
    "{% set parent = 'base' %}{% extends parent %}{% block second %}{% include 'other' %}{% endblock %}",
    "{% include 'other' %}{% include 'absent' ignore missing %}",
    "{% set held %}{% include 'other' %}{% endset %}{{ held }}",
    "{% import 'macros' as m %}{{ m.row(name) }}{% call m.row(safe) %}{{ name }}{% endcall %}",
    "{{ thing.name }}{{ thing.inner.name }}{{ mapping.name }}{{ mapping.keys is callable }}",
    "{% for one in [thing] %}{{ one.name ~ one.inner.name }}{{ one.absent is defined }}{% endfor %}",
    "{{ thing.absent is defined }}{{ thing.absent | default('no') }}{{ (thing.name, name) | join }}",
    "{% filter upper %}<p>{{ name ~ 'x' }}</p>{% endfilter %}",
    "{% for one in each recursive %}{{ loop.index }}{{ one is none }}{{ 'x' ~ one }}{% endfor %}",
    "{% autoescape true %}{{ name ~ safe }}{% endautoescape %}",
    "{% autoescape false %}{{ name ~ safe }}{% endautoescape %}",
]


def written(source, generator, autoescape):
    environment = Environment(
        loader=DictLoader(TEMPLATES | {"source": source}), undefined=StrictUndefined, autoescape=autoescape
    )
    environment.code_generator_class = generator
    environment.escaped = escaped
    return environment.get_template("source").render(VALUES)


@pytest.mark.parametrize("autoescape", [True, False])
@pytest.mark.parametrize("source", SOURCES)
def test_a_template_says_what_it_would_say_by_jinjas_own_code(source, autoescape):
    assert written(source, Generator, autoescape) == written(source, CodeGenerator, autoescape)


@pytest.mark.parametrize("autoescape", [True, False])
@pytest.mark.parametrize(
    "source", ["{{ 'a' ~ missing }}", "{{ name ~ number.missing }}", "{{ missing }}", "{{ thing.missing }}"]
)
def test_what_is_missing_is_missed(source, autoescape):
    with pytest.raises(UndefinedError, match="missing"):
        written(source, Generator, autoescape)


@pytest.mark.parametrize(
    "value", ["plain", "a & b", "<i>", "it's", '"', 7, True, Markup("<b>"), 83.3, "ä", None]
)
def test_what_a_mail_writes_is_escaped_as_jinja_would(value):
    assert escaped(value) == str(escape(value))
