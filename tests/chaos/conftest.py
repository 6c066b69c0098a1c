"""What the worlds of the tests share: the nursery of their processes, and the two engines."""

import pytest

from tests.chaos.databases import Postgresql, Sqlite
from tests.chaos.nursery import Nursery
from tests.chaos.play import play
from tests.chaos.run import report


@pytest.fixture(scope="session")
def nursery():
    with Nursery() as running:
        yield running


@pytest.fixture(scope="session")
def sqlite():
    with Sqlite() as engine:
        yield engine


@pytest.fixture(scope="session")
def postgresql():
    with Postgresql() as engine:
        yield engine


@pytest.fixture
def played(request, nursery):
    """Play a schedule; a broken promise fails the test with all that happened."""

    def play_it(schedule):
        result = play(schedule, request.getfixturevalue(schedule.database), nursery)
        assert not result.culprits, report(result)
        return result

    return play_it
