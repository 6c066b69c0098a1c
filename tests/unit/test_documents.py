"""JSON documents that are put together from texts, and read without being decoded."""

import json

from hypothesis import given
from hypothesis import strategies as st

from quizmail.fields import Document, JSONField, encode_document
from quizmail.platform.summaries import quiz_ids

texts = st.text(st.characters(exclude_categories=["Cs"])) | st.text('{}[]":,\\id ', max_size=12)
values = st.none() | st.booleans() | st.integers() | texts | st.lists(st.integers(), max_size=3)
quizzes = st.builds(
    lambda key, title, category: {"id": key, "title": title, "category": category, "of": 9},
    texts,
    texts,
    st.none() | texts,
)


@given(st.lists(st.tuples(texts, values, st.booleans())))
def test_an_object_is_the_same_whichever_of_its_values_were_encoded_before(items):
    plain = {name: value for name, value, _ in items}
    encoded = {name for name, _, encoded in items if encoded}
    pieced = {
        name: Document(encode_document(value)) if name in encoded else value for name, value in plain.items()
    }

    assert JSONField().db_value(pieced) == JSONField().db_value(plain)


@given(st.lists(quizzes))
def test_the_ids_of_quizzes_are_found_whatever_their_texts_hold(several):
    for document in (encode_document(several), json.dumps(several)):
        assert quiz_ids(document) == [each["id"] for each in several]
