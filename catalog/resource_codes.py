"""Codes of resources (信息资源代码): class code, `/` and six digits, kept for ever.

A sequence for each class code gives the digits (发改高技〔2017〕1272号). An entry that changes its
class keeps the code that it was given: others have written it down.
"""

from collections import Counter
from collections.abc import Sequence

from catalog.store import resource_codes as store
from kernel.database import WriteSession

DIGITS = 6


async def give(session: WriteSession, class_code: str) -> str:
    """Return the next code of the class; who asks next waits until this transaction ends."""
    [code] = await give_all(session, [class_code])
    return code


async def give_all(session: WriteSession, class_codes: Sequence[str]) -> list[str]:
    """Return the next codes of classes, one for each that is named, in their order.

    Classes are counted on in one order, so that two who give several never wait for each other.
    """
    counts = Counter(class_codes)
    numbers = {
        code: await store.next_numbers(session, code, counts[code]) for code in sorted(counts)
    }
    return [f"{code}/{next(numbers[code]):0{DIGITS}d}" for code in class_codes]
