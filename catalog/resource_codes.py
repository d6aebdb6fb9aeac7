"""Codes of resources (信息资源代码): class code, `/` and six digits, kept for ever.

A sequence for each class code gives the digits (发改高技〔2017〕1272号). An entry that changes its
class keeps the code that it was given: others have written it down.
"""

from catalog.store import resource_codes as store
from kernel.database import WriteSession

DIGITS = 6


async def give(session: WriteSession, class_code: str) -> str:
    """Return the next code of the class; who asks next waits until this transaction ends."""
    return f"{class_code}/{await store.next_number(session, class_code):0{DIGITS}d}"
