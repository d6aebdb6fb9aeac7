"""What operators are told, by page and command: this node's needs, and the running platform."""

import asyncio
from collections.abc import Sequence

from auth.principal import Principal
from gateway.api import status
from gateway.diagnosis import needs, running
from gateway.diagnosis.doctor import LOOK_SECONDS, Look
from gateway.diagnosis.findings import Area, Finding
from gateway.diagnosis.needs import Need
from gateway.services import Services
from kernel.errors import Text
from kernel.settings import Settings


async def look(principal: Principal, using: Services) -> Look:
    """Look, or return what was found a moment ago; raises RoleRequired but to operators."""
    status.require_reader(principal)

    async def ask() -> Sequence[Finding]:
        own, whole = await asyncio.gather(
            needs.look(using.settings, LOOK_SECONDS),
            needs.asked([_running(using)], using.settings, LOOK_SECONDS),
        )
        return [*own, *whole]

    return await using.doctor.look(ask, using.database)


def _running(using: Services) -> Need:
    async def ask(_settings: Settings) -> list[Finding]:
        return list(running.findings(await status.told(using)))

    return Need(
        Area.PROCESSES,
        Text("运行情况", "how the platform runs"),
        ask,
        Text("先解决 PostgreSQL 的问题", "see to PostgreSQL first"),
    )
