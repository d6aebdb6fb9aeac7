"""Cursors and stored positions of one worker: issued for, and read in, the epoch in force (P12)."""

from functools import cached_property

from exchange.delivery import cursor
from exchange.delivery.cursor import Epoch, OtherLogError, Position
from exchange.delivery.grant_plans import GrantPlan
from exchange.log.topic_ids import TopicIds
from exchange.subscriptions.grants import StoredPosition
from kernel.bounded import Bounded
from kernel.database import ReadSession
from kernel.errors import InvalidCursor
from kernel.generation import Generations, current
from kernel.secretbox import Secretbox

# Enough to tell a topic from those of the same name before and after it.
ID_BYTES = 8
# The cursors issued last, some 500 bytes each: whoever goes on from one comes to the same worker.
ISSUED_MAX = 10_000


class Cursors:
    def __init__(self, box: Secretbox, generations: Generations, topic_ids: TopicIds) -> None:
        self._box = box
        self._generations = generations
        self._topic_ids = topic_ids
        self._issued = Bounded[str, tuple[str, Epoch, Position]](ISSUED_MAX)

    @cached_property
    def _key(self) -> bytes:
        return self._box.derive("cursors")

    async def epoch(self, plan: GrantPlan) -> Epoch:
        """Return what cursors of this subscription are issued for now; BrokerUnavailable."""
        generation = self._generations.known() or await self._generations.get()
        topic_id = await self._topic_ids.get(plan.topic)
        return Epoch(generation.number, topic_id[:ID_BYTES])

    def encode(self, subscription_id: str, epoch: Epoch, position: Position) -> str:
        text = cursor.encode(self._key, subscription_id, epoch, position)
        self._issued.put(text, (subscription_id, epoch, position))
        return text

    def decode(self, plan: GrantPlan, epoch: Epoch, text: str) -> Position:
        """Return a cursor's place; InvalidCursor, OtherLogError, OtherGenerationError."""
        grant_id = plan.grant.id
        issued = self._issued.get(text)
        if issued is not None and issued[:2] == (grant_id, epoch):
            position = issued[2]
            if len(position.offsets) == plan.partitions:
                return position
        return cursor.decode(self._key, grant_id, epoch, text, plan.partitions)

    async def told(
        self, session: ReadSession, subscription_id: str, stored: StoredPosition
    ) -> str | None:
        """Return the cursor of a stored position, None where there is none."""
        if not stored.position:
            return None
        generation = self._generations.known() or await current(session)
        epoch = Epoch(generation.number, stored.topic_id or b"")
        position = Position(tuple(stored.position), told=stored.told)
        return self.encode(subscription_id, epoch, position)


def position_of(stored: StoredPosition, epoch: Epoch, partitions: int) -> Position:
    """Return the place of a stored position; OtherLogError, InvalidCursor."""
    if stored.topic_id and epoch.topic_id and stored.topic_id != epoch.topic_id:
        raise OtherLogError
    if len(stored.position) != partitions:
        raise InvalidCursor
    return Position(tuple(stored.position), told=stored.told)
