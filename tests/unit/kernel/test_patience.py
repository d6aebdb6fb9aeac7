"""What waits where a database or a broker is away, and what ends at any other error."""

import pytest

from kernel.errors import Unavailable
from kernel.patience import look_for_ever, patiently


class Away(Unavailable):
    """What the work needs is not there."""


class End(Exception):
    """The work is wrong, and nothing is waited for."""


async def test_what_is_away_is_waited_for_and_any_other_error_is_raised() -> None:
    async def works() -> int:
        return 3

    async def is_away() -> int:
        raise Away

    async def is_lost() -> int:
        raise ConnectionResetError

    async def is_wrong() -> int:
        raise End

    assert await patiently(works, "it waits", 0) == 3
    assert await patiently(is_away, "it waits", 0) is None
    assert await patiently(is_lost, "it waits", 0) is None
    with pytest.raises(End):
        await patiently(is_wrong, "it waits", 0)


async def test_somebody_who_looks_goes_on_after_what_was_away() -> None:
    answers: list[bool | Exception] = [True, Away(), False, True, End()]
    seen: list[bool | Exception] = []

    async def look() -> bool:
        answer = answers[len(seen)]
        seen.append(answer)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(End):
        await look_for_ever(look, "it waits", every=0, retry=0)
    assert seen == answers
