"""The job that commits a replacement: deletes what was not loaded anew, as ordinary records.

Each step is kept with the job before it is taken, and each publish has an idempotency key made of
its number: a worker that dies in between is followed by one that asks again and goes on.

A record that its provider publishes between the look at a key and the delete of it would be lost:
after each publish the log is read between the two, and what was overtaken is published again.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from auth.authors import principal_of
from auth.principal import Principal, Scope
from exchange.latest import replaced
from exchange.latest.replaced import FoldPlace
from exchange.log.errors import BrokerUnavailable, PositionExpiredError
from exchange.log.reader import LATEST, READ_UNCOMMITTED, Reader
from exchange.log.topics import topic_of
from exchange.publishing.opened import Bench, bench
from exchange.publishing.publish import Media, OnInvalid, Op, PublishRequest
from exchange.replacements import progress
from exchange.replacements.errors import KeysUnreadable, TooManyDeletes
from exchange.replacements.figures import Figures, figures, starts_of
from exchange.replacements.keys import deletion_line
from exchange.replacements.refused import RefusedKeys, RefusedReader
from exchange.replacements.states import most_deletes
from exchange.replacements.steps import Piece, Place, decode, encode, overtaken, pieces_after
from exchange.replacements.tables import Replacement
from kernel import clock
from kernel.errors import ShuyuanError, Unavailable
from kernel.jobs import Run

KIND: Final = "replacement.commit"
MEDIA: Final = "application/json"
# Keys of one publish, 1 MiB of them at most.
KEYS: Final = 1_000
FETCH_BYTES: Final = 4 * 1024 * 1024
# Folding is waited for so long within a turn; then the job lets others go first.
FOLD_SECONDS: Final = 20.0
LOOK_SECONDS: Final = 0.1


async def commit(run: Run) -> None:
    """Do the job; a replacement whose commit is refused is open again."""
    replacement_id = str(run.arguments["replacement_id"])
    async with bench(run.settings, run.database, run.box) as tools:
        turn = _Commit(run, tools, replacement_id)
        try:
            await turn.take()
        except Unavailable:
            raise
        except ShuyuanError:
            await progress.reopen(run, replacement_id)
            raise


@dataclass(slots=True)
class _Commit:
    """One turn at a commit."""

    run: Run
    tools: Bench
    replacement_id: str

    async def take(self) -> None:
        run = self.run
        replacement = await progress.current(run, self.replacement_id)
        async with run.database.reading() as session:
            author = await principal_of(session, run.author, run.arguments["scopes"], run.row.id)
        principal = _publishing(author)
        plan = await self.tools.publisher.plans.get(replacement.resource_id)
        reader = RefusedReader(run.database, self.tools.quarantine, self.tools.turns)
        refused = await reader.read(replacement, plan.plan)
        folds = await self._folded(replacement)
        place = decode(run.position, run.box)
        if place is None:
            found = await figures(run.database, folds, replacement, refused)
            most = most_deletes(run.arguments["max_deletes"], found.records)
            if run.arguments["dry_run"]:
                await self._tell(found, most)
                return
            _require(refused, found, most)
            run.total, place = found.deletes, Place()
        erasing = _Erasing(self.run, self.tools, principal, replacement, reader, refused)
        await erasing.go_on(folds, place)
        folds = await self._folded(replacement)
        await progress.finish(run, replacement, folds, await reader.read(replacement, plan.plan))

    async def _folded(self, replacement: Replacement) -> list[FoldPlace]:
        """Wait until the latest state holds all that the log held now; raises Unavailable."""
        topic, partitions = topic_of(replacement.resource_id), len(replacement.starts)
        ends = [
            await self.tools.reader.offset(topic, each, LATEST, READ_UNCOMMITTED)
            for each in range(partitions)
        ]
        deadline = clock.monotonic() + FOLD_SECONDS
        while clock.monotonic() < deadline:
            async with self.run.database.reading() as session:
                folds = list(await replaced.folds(session, replacement.resource_id))
            if progress.have_reached(folds, replacement, ends):
                return folds
            await asyncio.sleep(LOOK_SECONDS)
        raise Unavailable(
            "最新状态尚未归并到日志末尾", "The latest state has not reached the log's end"
        )

    async def _tell(self, found: Figures, most: int) -> None:
        run = self.run
        content = msgspec.json.encode(found.told(most))
        stored = await run.blobs.write(_whole(content), most_bytes=len(content))
        await run.finish(stored, media=MEDIA, name="replacement.json")


def _publishing(author: Principal) -> Principal:
    """A person's role stands for the scope of systems (by_hand.py)."""
    return replace(author, scopes=frozenset({*author.scopes, Scope.RECORDS_PUBLISH}))


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _require(refused: RefusedKeys, found: Figures, most: int) -> None:
    """Raise KeysUnreadable or TooManyDeletes."""
    if refused.unreadable:
        raise KeysUnreadable(records=refused.unreadable)
    if found.deletes > most:
        raise TooManyDeletes(found.deletes, most, found.records)


@dataclass(slots=True)
class _Erasing:
    """Deletes key after key, and gives back what a delete overtook."""

    run: Run
    tools: Bench
    principal: Principal
    replacement: Replacement
    reader: RefusedReader
    refused: RefusedKeys

    async def go_on(self, folds: list[FoldPlace], place: Place) -> None:
        """Go on behind a place until no key is left."""
        starts = starts_of(folds, self.replacement)
        for fold, start in zip(folds, starts, strict=True):
            if fold.partition < place.partition:
                continue
            if fold.partition > place.partition:
                place = Place(fold.partition, number=place.number)
            while True:
                while place.pieces:
                    place = await self._publish(place)
                advanced = await self._next(fold, start, place)
                if advanced is None:
                    break
                place = advanced
                await self._keep(place)

    async def _next(self, fold: FoldPlace, start: int, place: Place) -> Place | None:
        """Return the place with the next keys to delete, None where there are none."""
        run, replacement = self.run, self.replacement
        plan = await self.tools.publisher.plans.get(replacement.resource_id)
        self.refused = await self.reader.read(replacement, plan.plan, self.refused)
        if self.refused.unreadable:
            raise KeysUnreadable(records=self.refused.unreadable)
        async with run.database.reading() as session:
            folds = await replaced.folds(session, replacement.resource_id)
            rows = await replaced.before(session, fold.fold_id, start, place.after, KEYS)
        if not rows:
            return None
        since = next(each.folded_to for each in folds if each.fold_id == fold.fold_id)
        keys = [key for digest_, key in rows if digest_ not in self.refused.digests]
        piece = Piece(Op.DELETE, keys, since)
        return Place(fold.partition, rows[-1][0], place.number, [piece] if keys else [])

    async def _publish(self, place: Place) -> Place:
        """Publish the first piece, read what it overtook, and keep where to go on."""
        piece, *others = place.pieces
        topic = topic_of(self.replacement.resource_id)
        body, keys = await self._body(topic, place.partition, piece)
        after: list[Piece] = []
        if keys:
            request = PublishRequest(
                body, Media.NDJSON, Op(piece.op), OnInvalid.REJECT, None,
                f"{self.run.row.id}:{place.number}", self.run.row.id,
            )  # fmt: skip
            published = await self.tools.publisher.publish(
                self.principal, self.replacement.resource_id, request
            )
            [at] = published.receipt.positions
            between = (piece.since, at.first_offset)
            newest = await last_values(
                self.tools.reader, topic, place.partition, between, frozenset(keys)
            )
            after = pieces_after(piece, newest, between, at.last_offset + 1)
        if piece.op == Op.DELETE:
            self.run.done += len(keys) - sum(len(each.keys) for each in after)
        place = Place(place.partition, place.after, place.number + 1, [*others, *after])
        await self._keep(place)
        return place

    async def _body(self, topic: str, partition: int, piece: Piece) -> tuple[bytes, list[bytes]]:
        """Return the lines of a piece and their keys, the same whenever it is asked for."""
        if piece.op == Op.UPSERT:
            values = await last_values(
                self.tools.reader, topic, partition, piece.source, frozenset(piece.keys)
            )
            lines = overtaken(piece.keys, values)
        else:
            plan = (await self.tools.publisher.plans.get(self.replacement.resource_id)).plan
            made = [deletion_line(plan.contract, key) for key in piece.keys]
            body = b"\n".join(line for line in made if line is not None)
            if not body:
                return b"", []
            # What is no key by the contract of today cannot be deleted, nor looked for by anybody.
            checked = await self.tools.turns.finish(plan.keys_ndjson(body))
            lines = list(zip(checked.keys, checked.lines, strict=True))
        return b"\n".join(line for _key, line in lines), [key for key, _line in lines]

    async def _keep(self, place: Place) -> None:
        self.run.position = encode(place, self.run.box)
        await progress.keep(self.run, self.replacement.id)


async def last_values(
    reader: Reader, topic: str, partition: int, between: tuple[int, int], keys: frozenset[bytes]
) -> dict[bytes, bytes | None]:
    """Return the last value of each of the keys that a stretch of the log holds a record of."""
    at, end = between
    found: dict[bytes, bytes | None] = {}
    while at < end:
        try:
            chunk = await reader.read(topic, partition, at, FETCH_BYTES)
        except PositionExpiredError as error:
            at = max(error.earliest, at + 1)
            continue
        if chunk.next_offset <= at:
            # An open transaction hides what lies behind it until it is over.
            raise BrokerUnavailable
        for offset, key, value in zip(chunk.offsets, chunk.keys, chunk.values, strict=True):
            if at <= offset < end and key in keys:
                found[key] = value or None
        at = chunk.next_offset
    return found
