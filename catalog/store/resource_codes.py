"""SQL of the sequences that codes of resources come from."""

from sqlalchemy import text

from kernel.database import WriteSession

NEXT = text("""
    INSERT INTO catalog.resource_sequence AS s (class_code, last) VALUES (:class_code, 1)
    ON CONFLICT (class_code) DO UPDATE SET last = s.last + 1
    RETURNING last
""")


async def next_number(session: WriteSession, class_code: str) -> int:
    """Count the class on by one."""
    return int((await session.execute(NEXT.bindparams(class_code=class_code))).scalar_one())
