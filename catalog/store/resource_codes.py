"""SQL of the sequences that codes of resources come from."""

from collections.abc import Iterator

from sqlalchemy import text

from kernel.database import WriteSession

NEXT = text("""
    INSERT INTO catalog.resource_sequence AS s (class_code, last) VALUES (:class_code, :count)
    ON CONFLICT (class_code) DO UPDATE SET last = s.last + excluded.last
    RETURNING last
""")


async def next_numbers(session: WriteSession, class_code: str, count: int) -> Iterator[int]:
    """Count the class on; return the numbers that are given out."""
    facts = {"class_code": class_code, "count": count}
    last = int((await session.execute(NEXT.bindparams(**facts))).scalar_one())
    return iter(range(last - count + 1, last + 1))
