"""Whether search of the catalogue has its index: it needs the extension pg_trgm (ADR 0008)."""

import asyncpg

from kernel.database_access import Place, access

MISSING = (
    "警告：数据库没有 pg_trgm 扩展，目录检索可用但较慢。请由数据库管理员在该库执行"
    " CREATE EXTENSION pg_trgm，然后再次运行本命令。\n"
    "warning: the database lacks the extension pg_trgm; search works, only slower. Have an"
    " administrator run CREATE EXTENSION pg_trgm in it, then repeat this command."
)
_HAS_OPERATORS = "SELECT EXISTS (SELECT FROM pg_opclass WHERE opcname = 'gin_trgm_ops')"
_INDEX = (
    "CREATE INDEX IF NOT EXISTS resource_version_search ON catalog.resource_version"
    " USING gin (search_text gin_trgm_ops)"
)


async def ensure_search_index(place: Place) -> bool:
    """Make the index where the extension has come since; False where it is missing still."""
    connection: asyncpg.Connection = await access(place).connect()
    try:
        if not await connection.fetchval(_HAS_OPERATORS):
            return False
        await connection.execute(_INDEX)
        return True
    finally:
        await connection.close()
