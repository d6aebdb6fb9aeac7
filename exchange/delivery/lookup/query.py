"""Query: the last record of a key, or of those that are asked for, as the grant shows it (P3)."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Final

import msgspec

from exchange.delivery.admission import Caller
from exchange.delivery.errors import UnknownVersion
from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.lookup.door import Answer, Door, Entered
from exchange.delivery.lookup.gather import Gathered, Spot, gather
from exchange.delivery.lookup.lookups import Lookup, Lookups
from exchange.delivery.lookup.rows import moment, shown, take_of
from exchange.delivery.lookup.where import search
from exchange.latest.asking import asking
from exchange.metering.quota import Reservation
from exchange.subscriptions.conditions import Condition
from kernel.database import Database
from kernel.errors import InvalidCursor, NotFound
from kernel.sealed import seal, unseal
from kernel.secretbox import Secretbox

MODE: Final = "query"


PURPOSE: Final = b"query-cursor"
Packed = tuple[bytes, tuple[int, int, bytes, bytes]]


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """Conditions are joined by AND; a cursor is of the same subscription and conditions."""

    where: tuple[Condition, ...]
    limit: int
    cursor: str | None

    @property
    def identity(self) -> bytes:
        facts = [condition.as_json() for condition in self.where]
        return blake2b(msgspec.msgpack.encode(facts), digest_size=16).digest()


class Querier:
    def __init__(self, database: Database, box: Secretbox, door: Door, lookups: Lookups) -> None:
        self._database = database
        self._box = box
        self._door = door
        self._lookups = lookups

    @cached_property
    def _key(self) -> bytes:
        return self._box.derive("query-cursors")

    async def many(self, caller: Caller, subscription_id: str, request: QueryRequest) -> Answer:
        """Return a page of rows that pass, in an order that changes of others do not disturb.

        Raises 401 and 403 errors, NotFound, InvalidCursor, Invalid, QuotaExhausted,
        StateIncomplete and RulesChanged.
        """

        async def work(entered: Entered) -> Answer:
            return await self._many(entered, request)

        return await self._door.through(caller, subscription_id, MODE, work)

    async def _many(self, entered: Entered, request: QueryRequest) -> Answer:
        door, plan = self._door, entered.plan
        spot = self._spot(plan, request)
        found = search(plan, request.where)
        reservation = await door.reserve(plan, request.limit)
        limit = request.limit if reservation is None else reservation.records
        try:
            async with asking(self._database), self._database.reading() as session:
                page = await gather(session, plan, found, spot, limit)
            entered.admission()
            return await self._page(entered, request, page, reservation)
        except BaseException:
            door.give_back(reservation, limit)
            raise

    async def _page(
        self,
        entered: Entered,
        request: QueryRequest,
        page: Gathered,
        reservation: Reservation | None,
    ) -> Answer:
        cursor = "null"
        if page.next is not None:
            packed = msgspec.msgpack.encode((request.identity, page.next))
            sealed = seal(self._key, packed, PURPOSE, entered.plan.grant.id.encode())
            cursor = f'"{sealed}"'
        body = b'{"items":[{%b}],"next_cursor":%b,"as_of":"%b"}' % (
            b"},{".join(page.lines), cursor.encode(), moment(page.as_of)
        )  # fmt: skip
        if not page.lines:
            body = body.replace(b"[{}]", b"[]", 1)
        listed = await self._door.listed(entered, body, len(page.lines))
        takes = [take for row in page.rows for take in take_of(row)]
        return self._door.answer(entered, body, reservation, len(page.lines), takes, listed)

    def _spot(self, plan: GrantPlan, request: QueryRequest) -> Spot:
        """Return where a page begins; raises InvalidCursor for one of other conditions, too."""
        if request.cursor is None:
            return Spot()
        opened = unseal(self._key, request.cursor, PURPOSE, plan.grant.id.encode())
        if opened is None:
            raise InvalidCursor
        identity, spot = msgspec.msgpack.decode(opened[0], type=Packed)
        if identity != request.identity:
            raise InvalidCursor
        return Spot(*spot)

    async def one(self, caller: Caller, subscription_id: str, key: str) -> Answer:
        """Return the row of a key; NotFound for one that there is not, and for a hidden one.

        Raises 401 and 403 errors, QuotaExhausted, StateIncomplete, UnknownVersion, RulesChanged.
        """

        async def work(entered: Entered) -> Answer:
            return await self._one(entered, key.encode())

        return await self._door.through(caller, subscription_id, MODE, work)

    async def _one(self, entered: Entered, key: bytes) -> Answer:
        door, plan = self._door, entered.plan
        reservation = await door.reserve(plan, 1)
        try:
            lookup = await self._lookups.find(plan, key)
            require_known(door, plan, lookup)
            return await self._answer(entered, lookup, reservation)
        except BaseException:
            door.give_back(reservation, 1)
            raise

    async def _answer(
        self, entered: Entered, lookup: Lookup, reservation: Reservation | None
    ) -> Answer:
        row = lookup.record
        told = None if row is None else shown(entered.plan, row)
        entered.admission()
        if row is None or told is None:
            raise NotFound
        body = b'{%b,"as_of":"%b"}' % (told, moment(lookup.as_of))
        listed = await self._door.listed(entered, body, 1)
        return self._door.answer(entered, body, reservation, 1, take_of(row), listed)


def require_known(door: Door, plan: GrantPlan, lookup: Lookup) -> None:
    """Raise UnknownVersion for a record of a version that the plan does not know yet."""
    if lookup.record is not None and lookup.record.version not in plan.versions:
        door.forget(plan)
        raise UnknownVersion
