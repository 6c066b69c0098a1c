"""Parts of mails that are rendered once for all readers who are told the same."""

import gc
import weakref
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from jinja2 import DictLoader, StrictUndefined, TemplateSyntaxError, UndefinedError

from quizmail.rendering.content import shown_facts
from quizmail.rendering.remembering import Alike
from quizmail.rendering.translations import Translating, for_locale
from quizmail.states import Kind


class Counting:
    """A filter that knows how often it was asked."""

    def __init__(self):
        self.times = 0

    def __call__(self, value):
        self.times += 1
        return value


def environment(**options):
    made = Translating(
        for_locale("en", "en").catalogue, undefined=StrictUndefined, autoescape=True, **options
    )
    made.filters["counted"] = Counting()
    return made


def quizzes(*titles):
    facts = {"quizzes": [{"title": title, "url": None} for title in titles]}
    return shown_facts(Kind.REMINDER, facts)["quizzes"]


PART = "{% call remembered(quiz, number) %}{{ number }}. {{ quiz.title | counted }}{% endcall %};"
LIST = f"{{% for quiz in quizzes %}}{{% set number = loop.index %}}{PART}{{% endfor %}}"


def test_what_is_told_again_is_not_rendered_again_and_says_the_same():
    made = environment()
    template = made.from_string(LIST)

    texts = {template.render(quizzes=quizzes("A & B", "C")) for _ in range(3)}

    assert texts == {"1. A &amp; B;2. C;"}
    assert made.filters["counted"].times == 2


def test_another_quiz_or_another_place_is_another_text():
    template = environment().from_string(LIST)

    assert template.render(quizzes=quizzes("A", "B", "A")) == "1. A;2. B;3. A;"
    assert template.render(quizzes=quizzes("B", "A")) == "1. B;2. A;"


def test_nothing_of_a_reader_can_get_into_a_remembered_part():
    source = "{{ name }}\n{% call remembered(quiz) %}{{ quiz }} for {{ name }}{% endcall %}"

    with pytest.raises(TemplateSyntaxError, match="not remembered by name") as refused:
        environment().from_string(source)
    assert refused.value.lineno == 2


def test_what_a_part_calls_for_at_a_distance_is_not_there_either():
    made = environment(loader=DictLoader({"greeting": "Hi {{ name }}"}))
    template = made.from_string("{% call remembered(quiz) %}{% include 'greeting' %}{% endcall %}")

    with pytest.raises(UndefinedError, match="name"):
        template.render(quiz="A", name="Ada")


@pytest.mark.parametrize(
    "bind",
    ["{% set site = 'mine' %}", "{% macro site() %}{% endmacro %}", "{% import 'site' as site %}"],
)
def test_a_name_that_the_template_gives_to_something_itself_is_not_taken_for_the_sites(bind):
    made = environment(loader=DictLoader({"site": ""}))
    made.globals["site"] = "ours"

    with pytest.raises(TemplateSyntaxError, match="not remembered by site"):
        made.from_string(f"{bind}{{% call remembered(quiz) %}}{{{{ site }}}}{{% endcall %}}")


def test_a_part_of_a_text_can_include_nothing_that_would_miss_its_variables():
    made = environment(loader=DictLoader({"greeting": "Hi {{ name | default('nobody') }}"}))
    made.autoescape = False

    with pytest.raises(TemplateSyntaxError, match="no include"):
        made.from_string("{% call remembered(quiz) %}{% include 'greeting' %}{% endcall %}")


@pytest.mark.parametrize("brackets", ["", "quiz.title", "1", "quiz=quiz", "quiz, 'x'"])
def test_a_part_is_remembered_by_variables_only(brackets):
    source = f"{{% call remembered({brackets}) %}}x{{% endcall %}}"

    with pytest.raises(TemplateSyntaxError, match="remembered by variables"):
        environment().from_string(source)


def test_values_that_are_equal_and_look_different_are_told_apart():
    template = environment().from_string("{% call remembered(value) %}{{ value }}{% endcall %}")

    assert [template.render(value=value) for value in (1, True, 1.0, "1")] == ["1", "True", "1.0", "1"]
    first, second = shown_facts(Kind.REMINDER, {"quizzes": [{"minutes": 1}, {"minutes": True}]})["quizzes"]
    assert (first.minutes, second.minutes) == (1, True) and second.minutes is True


def test_what_can_change_or_is_equal_by_other_rules_is_rendered_each_time():
    template = environment().from_string("{% call remembered(value) %}{{ value }}{% endcall %}")
    several, noon = ["a"], datetime(2026, 11, 1, 12, tzinfo=ZoneInfo("UTC"))

    assert template.render(value=several) == "[&#39;a&#39;]"
    several.append("b")
    assert template.render(value=several) == "[&#39;a&#39;, &#39;b&#39;]"
    texts = [template.render(value=noon.astimezone(ZoneInfo(zone))) for zone in ("UTC", "Asia/Tokyo")]
    assert texts == ["2026-11-01 12:00:00+00:00", "2026-11-01 21:00:00+09:00"]


def test_a_loop_or_a_namespace_is_no_memory():
    loop = "{% for each in 'ab' %}{% call remembered(loop) %}{{ loop.index }}{% endcall %}{% endfor %}"
    space = (
        "{% set seen = namespace(n=0) %}{% for each in 'ab' %}{% set seen.n = seen.n + 1 %}"
        "{% call remembered(seen) %}{{ seen.n }}{% endcall %}{% endfor %}"
    )

    assert [environment().from_string(source).render() for source in (loop, space)] == ["12", "12"]


def test_other_calls_of_a_macro_stay_what_they_are():
    source = "{% macro box(x) %}[{{ x }}{{ caller() }}]{% endmacro %}{% call box(1) %}{{ name }}{% endcall %}"

    assert environment().from_string(source).render(name="Ada") == "[1Ada]"


def test_facts_that_say_the_same_are_one_object_as_long_as_they_can_be_kept():
    (first,), (second,), (other,) = quizzes("A"), quizzes("A"), quizzes("B")
    nested = shown_facts(Kind.REMINDER, {"quizzes": [{"title": "A", "parts": ["x"]}]})["quizzes"][0]

    assert first is second and first is not other
    assert nested.parts == ["x"]


def test_what_nobody_is_told_any_more_is_forgotten():
    made = environment()
    template = made.from_string("{% call remembered(quiz) %}{{ quiz.title }}{% endcall %}")
    quiz = Alike(title="A")
    kept = weakref.ref(quiz)

    template.render(quiz=quiz)
    del quiz
    for number in range(2000):
        template.render(quiz=Alike(title=str(number)))
    gc.collect()

    assert kept() is None
