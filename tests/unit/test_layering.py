"""Reads every import of the package and fails on one that climbs the layers."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "quizmail"

#: From low to high: a module imports from lower groups, from its own folder, and inside a group
#: only what is named in SHARED.
LAYERS = (
    {"errors", "states", "parsing", "settings", "slots", "rules", "replies", "retries", "weeks"},
    {
        "drivers",
        "fields",
        "models",
        "prepared",
        "turns",
        "database",
        "together",
        "migrations",
        "sources",
        "platform",
        "weekly",
    },
    {"audience", "activity", "outbox", "preferences", "ranking", "recipients", "holds", "retention"},
    {"links", "formatting", "rendering", "message", "mailer", "returns"},
    {
        "alerts",
        "bounces",
        "by_hand",
        "composing",
        "consequences",
        "planning",
        "dispatch",
        "delivery",
        "doctor",
        "facts",
        "forgetting",
        "gallery",
        "inspection",
        "preview",
        "rechecking",
        "sifting",
        "status",
        "suppressions",
        "testmail",
    },
    {"wiring", "broker", "actors", "web", "cli", "demo", "launch", "redis_server", "scheduler", "__main__"},
)

#: What a group's own modules may import of each other.
SHARED = {
    "settings": {"errors", "parsing"},
    "rules": {"states"},
    "slots": {"states"},
    "retries": {"states"},
    "models": {"fields"},
    "prepared": {"fields", "models"},
    "database": {"fields", "models", "migrations", "turns"},
    "together": {"database", "models", "turns"},
    "platform": {"fields", "prepared", "sources"},
    "weekly": {"models"},
    "activity": {"ranking"},
    "outbox": {"recipients"},
    "retention": {"outbox"},
    "rendering": {"formatting"},
    "message": {"formatting"},
    "mailer": {"message"},
    "planning": {"facts", "sifting"},
    "dispatch": {"planning"},
    "delivery": {"composing", "consequences", "rechecking"},
    "by_hand": {"dispatch", "planning"},
    "preview": {"by_hand", "composing", "planning"},
    "gallery": {"composing"},
    "testmail": {"composing"},
    "status": {"dispatch"},
    "doctor": {"status"},
    "alerts": {"delivery"},
}

#: Who may know a library; nobody else does.
KEEPERS = {
    "yagmail": {"mailer"},
    "smtplib": {"mailer"},
    "cryptography": {"message"},
    "dns": {"doctor"},
    "babel": {"formatting", "rendering"},
    "jinja2": {"rendering", "web", "demo"},
    "dramatiq": {"broker", "actors", "scheduler"},
    "periodiq": {"broker", "actors", "scheduler"},
    "redis": {"broker", "cli", "demo", "launch", "redis_server", "scheduler"},
}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)


def unit(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layer(name):
    return next(number for number, names in enumerate(LAYERS) if name in names)


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_below(path):
    mine = unit(path)
    if mine == "__init__":
        return
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("quizmail.")} - {mine}
    top = len(LAYERS) - 1

    climbing = {
        name
        for name in ours
        if layer(name) > layer(mine)
        or (layer(name) == layer(mine) < top and name not in SHARED.get(mine, set()))
    }
    assert not climbing


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_known_to_its_keeper_only(path):
    known = {name.split(".")[0] for name in imported(path)} & KEEPERS.keys()

    assert {name for name in known if unit(path) not in KEEPERS[name]} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_settings_read_the_environment(path):
    reading = ("os.environ", "os.getenv", "environ.get(")
    allowed = {"settings", "launch"}

    assert unit(path) in allowed or not any(word in path.read_text() for word in reading)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_stay_small(path):
    assert len(path.read_text().splitlines()) <= 300
