"""Standard competition ranks, over a month and in each quiz."""

from hypothesis import given
from hypothesis import strategies as st

from quizmail import ranking
from quizmail.platform.places import Places
from quizmail.platform.summaries import MonthOfUser

scores = st.sampled_from([-5.0, 0.0, 12.345678, 50.0, 100.0])


@given(st.lists(scores | st.none()), st.integers(1, 4), st.sampled_from([1, 8_000_000]))
def test_users_keep_their_order_and_know_who_is_above_and_below(averages, piece, in_memory):
    months = [
        MonthOfUser(f"é{number}", 1, average, average, '["ü"]', "[]")
        for number, average in enumerate(averages)
    ]
    ranked = [each for each in averages if each is not None]
    expected = [
        None
        if each is None
        else (1 + sum(other > each for other in ranked), sum(other < each for other in ranked))
        for each in averages
    ]
    kept = ranking._PIECE, ranking._IN_MEMORY
    ranking._PIECE, ranking._IN_MEMORY = piece, in_memory
    try:
        found = list(ranking.ranked(months))
    finally:
        ranking._PIECE, ranking._IN_MEMORY = kept

    assert [row[:6] for row in found] == months
    assert [None if rank is None else (rank, below) for *_, rank, _, below in found] == expected
    assert {row[7] for row in found if row[2] is not None} <= {len(ranked)}


@given(st.lists(st.tuples(st.sampled_from("ab"), scores)))
def test_the_place_of_a_result_is_its_rank_among_all_in_the_quiz(results):
    places = Places((quiz, score, results.count((quiz, score))) for quiz, score in set(results))

    for quiz, score in results:
        others = [each for its, each in results if its == quiz]
        assert places.of(quiz, score) == (1 + sum(each > score for each in others), len(others))
