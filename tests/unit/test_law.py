"""What the law wants seen in every mail: who sends it, where they live, and how to stop it."""

import pytest

from quizmail.states import Kind
from tests.support.mails import UNSUBSCRIBE_URL, render, visible

MAILS = [
    *(
        (Kind.REMINDER, {"variant": variant, "locale": locale})
        for variant in range(15)
        for locale in ("en", "de")
    ),
    *((Kind.REPORT, {"locale": locale}) for locale in ("en", "de", "ar", "xx-YY", None)),
]


@pytest.mark.parametrize(("kind", "changes"), MAILS, ids=str)
def test_every_mail_shows_the_postal_address_and_a_way_to_stop_it_in_both_parts(kind, changes):
    parts = render(kind, **changes)

    assert UNSUBSCRIBE_URL in parts.text
    assert f'href="{UNSUBSCRIBE_URL}"' in parts.html
    for part in (parts.text, visible(parts.html)):
        assert "12 Question Street" in part
        assert "London N1 9GU" in part
