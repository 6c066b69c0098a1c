"""Source files: what they may say, and the one line that names what is wrong with them."""

from zoneinfo import ZoneInfo

import pytest

from quizmail import sources
from quizmail.errors import SourceError
from quizmail.sources import cut_at_now

KOLKATA, BERLIN = ZoneInfo("Asia/Kolkata"), ZoneInfo("Europe/Berlin")

COMPLETE = """
zone = "Asia/Kolkata"
[users]
sql = "SELECT 1 AS id"
[quizzes]
sql = "SELECT 2 AS id"
zones = { opens_at = "UTC", closes_at = "site" }
[attempts]
sql = "SELECT 3 AS id"
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "school.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def problem_of(source):
    with pytest.raises(SourceError) as caught:
        sources.load(source)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("preset", sources.presets())
def test_every_preset_is_a_source_file(preset):
    assert {"users", "quizzes", "attempts"} <= sources.load(preset).selects.keys()


def test_the_presets_that_are_promised_ship():
    assert {"native", "quizmaster"} <= set(sources.presets())


def test_a_source_file_is_found_by_its_path(write):
    source = sources.load(write(COMPLETE))

    assert source.file == "school.toml"
    assert source.selects["users"].pieces == ("SELECT 1 AS id",)


def test_a_column_may_have_a_zone_of_its_own(write):
    source = sources.load(write(COMPLETE))

    assert source.zone_of("users", "created_at", BERLIN) == KOLKATA
    assert source.zone_of("quizzes", "opens_at", BERLIN) == ZoneInfo("UTC")
    assert source.zone_of("quizzes", "closes_at", BERLIN) == BERLIN


def test_naive_instants_are_in_utc_unless_the_file_says_otherwise(write):
    source = sources.load(write(COMPLETE.replace('zone = "Asia/Kolkata"', "")))

    assert source.zone_of("users", "created_at", BERLIN) == ZoneInfo("UTC")


def test_a_whole_file_may_be_in_the_zone_of_the_site(write):
    source = sources.load(write(COMPLETE.replace("Asia/Kolkata", "site")))

    assert source.zone_of("users", "created_at", BERLIN) == BERLIN


def test_an_unknown_preset_names_those_that_exist():
    message = problem_of("moodel")

    assert message.startswith("moodel: no preset and no file")
    assert "native" in message and "quizmaster" in message


@pytest.mark.parametrize("path", ["nowhere/school.toml", "school.toml"])
def test_a_missing_file_is_one_clear_line(path):
    assert problem_of(path) == f"{path}: cannot be read: No such file or directory"


def test_a_file_that_is_not_utf8_is_one_clear_line(tmp_path):
    path = tmp_path / "latin.toml"
    path.write_bytes(b'zone = "\xe9"')

    assert problem_of(str(path)).endswith("it is not UTF-8 text")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("zone = ", "school.toml: no valid TOML: "),
        (COMPLETE.replace("[attempts]", "[attempt]"), "school.toml: unknown entry 'attempt'"),
        (COMPLETE.split("[attempts]")[0], "school.toml, row set attempts: the row set is missing"),
        (COMPLETE.replace('"SELECT 3 AS id"', '" "'), "school.toml, row set attempts: it needs a SELECT"),
        (COMPLETE.replace('sql = "SELECT 3', 'query = "SELECT 3'), "row set attempts: it needs a SELECT"),
        ("users = 3", "school.toml, row set users: it needs a SELECT"),
        (COMPLETE + 'tone = "x"', "school.toml, row set attempts: unknown entry 'tone'"),
        (COMPLETE.replace("Asia/Kolkata", "India"), "school.toml: 'India' is no zone"),
        (COMPLETE.replace('"Asia/Kolkata"', "5.5"), "school.toml: 5.5 is no zone"),
        (
            COMPLETE + 'zones = { finished_at = "../etc" }',
            "school.toml, row set attempts, column finished_at: '../etc' is no zone",
        ),
        (
            COMPLETE + 'zones = { score = "UTC" }',
            "school.toml, row set attempts, column score: it has a zone but is not one of",
        ),
        (COMPLETE + 'zones = "UTC"', "row set attempts: zones should be a table"),
    ],
)
def test_a_mistake_is_named_with_file_row_set_and_column(write, broken, message):
    assert message in problem_of(write(broken))


@pytest.mark.parametrize(
    ("sql", "pieces"),
    [
        ("SELECT 1", ("SELECT 1",)),
        ("  SELECT 1 ;\n", ("SELECT 1",)),
        ("SELECT :now, :now", ("SELECT ", ", ", "")),
        ("SELECT ':now'", ("SELECT ':now'",)),
        ("SELECT 'it''s :now'", ("SELECT 'it''s :now'",)),
        ('SELECT ":now"', ('SELECT ":now"',)),
        ("SELECT a::now FROM b", ("SELECT a::now FROM b",)),
        ("SELECT now()", ("SELECT now()",)),
        ("SELECT :nowhere", ("SELECT :nowhere",)),
        ("SELECT 1 -- not :now\n, :now", ("SELECT 1 -- not :now\n, ", "")),
        ("SELECT /* :now */ :now", ("SELECT /* :now */ ", "")),
        ("SELECT $q$ :now $q$, :now", ("SELECT $q$ :now $q$, ", "")),
        ("SELECT a < :now::date", ("SELECT a < ", "::date")),
    ],
)
def test_now_is_a_parameter_wherever_it_is_not_text(sql, pieces):
    assert cut_at_now(sql) == pieces
