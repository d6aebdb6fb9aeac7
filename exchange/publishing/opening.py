"""Opening and closing a resource: the catalogue's decision and the broker's topic together."""

from auth.principal import Principal
from catalog import lifecycle
from catalog.visibility import Shown
from exchange.log.topics import Topics, topic_of
from exchange.subscriptions import grants
from kernel import clock, leaving
from kernel.database import Database, WriteSession


async def ensure_topic(
    database: Database, topics: Topics, principal: Principal, resource_id: str
) -> None:
    """Make the topic of a version that can be published, with a leader for every partition.

    A topic without a published resource does no harm: the next try finds it. Raises as
    `catalog.lifecycle.publishable`, and BrokerUnavailable.
    """
    async with database.reading() as reading:
        request = await lifecycle.publishable(reading, principal, resource_id, now=clock.now())
    leaving.begin()
    await topics.ensure(topic_of(resource_id), request.partitions)


async def retire(
    session: WriteSession, principal: Principal, resource_id: str, *, reason: str
) -> Shown:
    """Retire a published resource; only the authority may with live subscriptions."""
    now = clock.now()
    active = await grants.active_count(session, resource_id, now=now)
    return await lifecycle.retire(
        session, principal, resource_id, reason=reason, active_subscriptions=active, now=now
    )
