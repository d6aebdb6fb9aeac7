"""Ways in while faults strike: full replacements, and an agent that publishes a table."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from tests.faults.campaign.asking import AGAIN, Asking, RefusedNow
from tests.faults.campaign.wire import Watch
from tests.support.callers import ndjson
from tests.support.tables import Tables
from tests.support.ways import Offer, Party
from tests.support.world import World, unique

Json = dict[str, Any]
TABLE = (
    "CREATE TABLE @orders (id varchar(64) PRIMARY KEY, name text NOT NULL, amount integer,"
    " changed bigint NOT NULL);"
)
ORDER = "INSERT INTO {}.orders VALUES ($1, $2, $3::int, $3::int) ON CONFLICT DO NOTHING"
REPLACEMENTS_MAX, ROWS = 4, 10


@dataclass(kw_only=True)
class Loads(Asking):
    """`replaced` is loaded anew again and again; `published` is what the agent makes of a table."""

    offer: Offer
    consumer: Party
    tables: Tables
    replaced: str
    published: str
    seen_by: str
    ordered: int = 0
    loaded: list[str] = field(default_factory=list)

    @property
    def job(self) -> Sequence[str]:
        """Return what the agent is configured with."""
        return ("[[push]]", 'name = "orders"', f'resource = "{self.published}"',
                'table = "@orders"', 'key = ["id"]', 'method = "increment"',
                'increment = "changed"', "look_back = 3", "batch = 4")  # fmt: skip

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.repeat(self._replace, stop))
            group.create_task(self.repeat(self._order, stop))

    async def _order(self) -> None:
        """Write a row into the department's table, however often its database goes away."""
        connection = await asyncpg.connect(self.tables.url)
        try:
            number = self.ordered
            facts = (f"o{number:06}", f"名称{number}", number)
            await connection.execute(ORDER.format(self.tables.schema), *facts)
            self.ordered += 1
        finally:
            connection.terminate()

    async def _replace(self) -> None:
        """Load a table anew; each step by a key or by how it stands, whatever was lost."""
        number = self.done["replace"]
        if number >= REPLACEMENTS_MAX:
            return
        who, path = self.offer.publisher, f"/v1/resources/{self.replaced}/replacements"
        keys = [f"{each:06}" for each in range(number * ROWS // 2, number * ROWS // 2 + ROWS)]
        body, key = ndjson([{"id": each, "name": str(number)} for each in keys]), unique()
        headers = {"Idempotency-Key": unique()}

        async def begun() -> str:
            answer = self.taken(await who.post(path, headers=headers))
            return str(answer.json()["replacement_id"])

        replacement = await self.insisted(begun)

        async def loaded() -> httpx.Response:
            answer = await who.try_publish(self.replaced, body, key, replacement=replacement)
            return self.taken(answer)

        async def committed() -> None:
            stands = self.taken(await who.get(f"{path}/{replacement}")).json()["status"]
            if stands == "open":
                self.taken(await who.post(f"{path}/{replacement}/commit", {"max_deletes": 1000}))
            if stands != "committed":
                raise RefusedNow(f"a replacement is {stands}")

        await self.insisted(loaded)
        await self.insisted(committed)
        self.loaded = keys

    async def is_replaced(self) -> bool:
        """Whether the latest state is what was loaded last, and nothing else."""
        path = f"/v1/resources/{self.replaced}/records?limit=100"
        try:
            shown = self.taken(await self.offer.publisher.get(path)).json()["items"]
        except AGAIN:
            return False
        return sorted(each["key"] for each in shown) == self.loaded

    async def is_published(self) -> bool:
        """Whether each row of the table was published once, and in its order."""
        if not (await self.tables.work()).fine:
            return False
        shown = (await self.offer.publisher.pull_all(self.seen_by)).records
        return self.ordered > 0 and [each["key"] for each in shown] == [
            f"o{n:06}" for n in range(self.ordered)
        ]


async def loading(
    world: World, watch: Watch, offer: Offer, consumer: Party, tables: Tables
) -> Loads:
    """Make a table to be replaced, and one that the consumer's agent publishes."""
    replaced = await world.resource(offer.provider)
    published = await world.resource(consumer.department)
    seen_by = await world.subscription(published, offer.provider, offer.publisher)
    await tables.execute(TABLE)
    return Loads(
        watch, offer=offer, consumer=consumer, tables=tables, replaced=replaced,
        published=published, seen_by=seen_by,
    )  # fmt: skip
