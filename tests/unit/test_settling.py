"""Constants of a site, written into a template when it is compiled."""

from types import SimpleNamespace

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError

from quizmail.rendering.settling import settle

SITE = SimpleNamespace(name="Quiz", url=None, lines=["a", "b"])
KNOWN = {"site": SITE, "palette": {"light": {"ink": "#000"}, "tints": [{"light": ["x", "y"]}]}}


def settled(source):
    environment = Environment(undefined=StrictUndefined, autoescape=True)
    template = environment.parse(source)
    settle(template, environment, KNOWN)
    return environment, template


def rendered(source, **more):
    environment, template = settled(source)
    return environment.from_string(template).render(**KNOWN, **more)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<{{ site.name }}, {{ palette.light.ink }}>", "<Quiz, #000>"),
        ("{% if site.url %}at {{ site.url }}{% else %}nowhere{% endif %}!", "nowhere!"),
        ("{% if site.name %}{{ site.name }}{% elif site.url %}never{% endif %}", "Quiz"),
        ("{% if name %}{{ name }}{% elif site.url %}never{% else %}{{ site.name }}{% endif %}", "Quiz"),
        ("{% for line in site.lines %}{{ line }};{% endfor %}", "a;b;"),
        ("{{ palette.tints[0].light[1] }}", "y"),
        ("{{ palette.light.keys() | list | length }}", "1"),
        ("{% set site = other %}{{ site.name }}", "Other"),
    ],
)
def test_a_settled_template_says_what_it_said_before(source, text):
    other = SimpleNamespace(name="Other")

    assert rendered(source, name="", other=other) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{% import 'm' as site %}{{ site.name }}", "mine"),
        ("{% from 'm' import thing as site %}{{ site.name }}", "thing"),
        ("{% macro site() %}{% endmacro %}{{ site.name }}", "site"),
    ],
)
def test_what_a_template_calls_so_itself_is_not_settled(source, text):
    environment = Environment(
        loader=DictLoader({"m": "{% set name = 'mine' %}{% set thing = {'name': 'thing'} %}"}),
        undefined=StrictUndefined,
    )
    template = environment.parse(source)
    settle(template, environment, KNOWN)

    assert environment.from_string(template).render(**KNOWN) == text


def test_what_a_site_does_not_have_is_found_when_it_is_rendered():
    with pytest.raises(UndefinedError, match="nickname"):
        rendered("{{ site.nickname }}")


def test_constants_become_one_with_the_text_around_them():
    source = "a{{ site.name }}b{% if site.name %}c{% endif %}d"
    environment, template = settled(source)

    assert list(environment.from_string(template).generate()) == ["aQuizbcd"]
