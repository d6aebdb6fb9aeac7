"""What consumers say to an announced version, and when it may be published."""

import pytest

from exchange.announcements.states import NEXT, Action, Answer, actions, lets_publish, next_answer
from kernel.errors import IllegalTransition


def test_an_acceptance_is_final_and_silence_is_no_consent() -> None:
    assert actions(Answer.ACCEPTED) == ()
    with pytest.raises(IllegalTransition):
        next_answer(Answer.ACCEPTED, Action.OBJECT)
    assert not lets_publish(Answer.UNANSWERED, is_settled=False, has_come=True)


def test_only_what_is_unanswered_is_filed() -> None:
    assert [answer for answer, action in NEXT if action is Action.FILE] == [Answer.UNANSWERED]


@pytest.mark.parametrize(
    ("answer", "is_settled", "before", "after"),
    [
        (Answer.ACCEPTED, False, True, True),
        (Answer.FILED, False, False, True),
        (Answer.OBJECTED, False, False, False),
        (Answer.OBJECTED, True, False, True),
    ],
)
def test_what_lets_a_version_be_published(
    answer: Answer, *, is_settled: bool, before: bool, after: bool
) -> None:
    assert lets_publish(answer, is_settled=is_settled, has_come=False) is before
    assert lets_publish(answer, is_settled=is_settled, has_come=True) is after
