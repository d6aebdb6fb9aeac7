"""Declaring that the database was restored to an earlier moment, and mending what the log tells.

The platform's own messages (docs/topics.md) outlive a restore: what they tell of the time that the
database has forgotten is listed, and what would let records out or be numbered twice is mended.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, TypeGuard

from auth import restoration
from auth.restoration import Stopped
from catalog import recovery
from catalog.events import CatalogEvent
from exchange.errors import NotRestored
from exchange.events import ExchangeEvent
from exchange.log.events import read_message
from exchange.log.landmarks import LandmarkLog
from exchange.log.reader import LATEST, Reader
from exchange.log.topics import EVENTS_TOPIC
from exchange.subscriptions import supervision
from kernel import audit, landmark, outbox
from kernel.actor import SYSTEM
from kernel.database import Database, WriteSession
from kernel.generation import Generation, raise_generation

READ_BYTES = 1024 * 1024
# Clocks of nodes may differ a little; what was known before is known by its id.
SLACK_SECONDS = 60
# More than are told between a backup and its loss: a message of a higher id is not the platform's.
FORGOTTEN_MAX = 1_000_000_000
VERSIONS_MAX = 1_000_000
TEXT_MAX = 200
IDS_MAX = 2**62
STOPPED = frozenset({ExchangeEvent.SUBSCRIPTION_SUSPENDED, ExchangeEvent.SUBSCRIPTION_TERMINATED})
NARROWED = frozenset({ExchangeEvent.SUBSCRIPTION_AMENDED})
CHANGED = STOPPED | {ExchangeEvent.SUBSCRIPTION_RESUMED}


@dataclass(frozen=True, slots=True)
class Lost:
    """A decision that the log remembers and the database does not."""

    id: int
    type: str
    at: str
    payload: dict[str, Any]

    def named(self, name: str) -> str | None:
        """Return an id that the message tells, None where it tells none that may be one."""
        told = self.payload.get(name)
        return told if _is_text(told) else None

    def version(self) -> tuple[str, int] | None:
        """Return the entry and the version that it tells of."""
        entry, number = self.named("resource_id"), self.payload.get("version")
        return (entry, number) if entry and _is_number(number, VERSIONS_MAX) else None


@dataclass(slots=True)
class Declaration:
    """What was done: to be printed for the operator and kept in the audit log."""

    generation: Generation
    lost: list[Lost]
    stopped: Stopped
    suspended: list[str] = field(default_factory=list)
    floors: dict[str, int] = field(default_factory=dict)
    recovered: list[tuple[str, int]] = field(default_factory=list)


async def require_restored(database: Database, landmarks: LandmarkLog, *, anyway: bool) -> None:
    """Raise NotRestored where the log knows of nothing that the database has forgotten."""
    noted = await landmarks.last()
    async with database.reading() as session:
        own = await landmark.current(session)
    if not anyway and (noted is None or own >= noted):
        raise NotRestored


async def lost_events(reader: Reader, known_until: int, since: datetime) -> list[Lost]:
    """Return the messages that the database did not leave, oldest first; raises BrokerUnavailable.

    `known_until` is the last id that the database gave out.
    """
    start = int((since.timestamp() - SLACK_SECONDS) * 1000)
    offset = await reader.offset(EVENTS_TOPIC, 0, start)
    end = await reader.offset(EVENTS_TOPIC, 0, LATEST)
    losses: list[Lost] = []
    while offset < end:
        chunk = await reader.read(EVENTS_TOPIC, 0, offset, READ_BYTES)
        if chunk.next_offset <= offset:
            break
        for value in chunk.values:
            lost = _lost(read_message(value))
            if lost is not None and known_until < lost.id <= known_until + FORGOTTEN_MAX:
                losses.append(lost)
        offset = chunk.next_offset
    return list({lost.id: lost for lost in losses}.values())


def _lost(event: dict[str, Any]) -> Lost | None:
    """Read a message (exchange/relay.py); None for what the platform has not written.

    Others may have: what is read here is printed, and asked of the database.
    """
    id_, payload = event.get("id"), event.get("payload")
    type_, at = event.get("type"), event.get("at")
    if not (_is_number(id_, IDS_MAX) and _is_text(type_) and _is_text(at)):
        return None
    return Lost(id_, type_, at, payload) if isinstance(payload, dict) else None


def _is_number(value: object, most: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.isprintable() and len(value) <= TEXT_MAX


async def declare(
    session: WriteSession,
    lost: Sequence[Lost],
    reason: str,
    *,
    restored_to: datetime | None,
    now: datetime,
) -> Declaration:
    """Raise the generation, skip numbers that were given out, and stop what had been stopped.

    Tokens and sign-ins of everybody end; the caller replaces the signing keys.
    """
    generation = await raise_generation(session, reason, restored_to=restored_to)
    await outbox.skip_ids(session, max((one.id for one in lost), default=0))
    mended = await restoration.mend(session, _spoken(lost), now=now)
    done = Declaration(generation, list(lost), mended)
    for resource_id, version in _published(lost).items():
        for number, items in sorted(version.items()):
            if await recovery.recover(session, resource_id, number, items, now=now):
                done.recovered.append((resource_id, number))
    for resource_id, number in _versions(lost).items():
        if await recovery.reserve(session, resource_id, number):
            done.floors[resource_id] = number
    for subscription_id in stopped(lost):
        if await supervision.suspend_restored(session, subscription_id, now=now):
            done.suspended.append(subscription_id)
    audit.record(
        session,
        SYSTEM,
        ExchangeEvent.PLATFORM_RESTORED,
        "platform",
        str(generation.number),
        reason=reason,
        restored_to=None if restored_to is None else restored_to.isoformat(),
        lost_events=len(lost),
        suspended=done.suspended,
        stopped=asdict(mended),
        recovered_versions=[f"{resource_id}:{number}" for resource_id, number in done.recovered],
    )
    return done


def _spoken(lost: Sequence[Lost]) -> dict[str, set[str]]:
    """Return the ids that the messages of each type speak of."""
    spoken: dict[str, set[str]] = {}
    for one in lost:
        if (thing := one.named("id")) is not None:
            spoken.setdefault(one.type, set()).add(thing)
    return spoken


def _versions(lost: Sequence[Lost]) -> dict[str, int]:
    """Return the highest version of each entry that the forgotten time brought."""
    floors: dict[str, int] = {}
    for one in lost:
        if one.type.startswith("resource.") and (told := one.version()) is not None:
            entry, number = told
            floors[entry] = max(floors.get(entry, 0), number)
    return floors


def _published(lost: Sequence[Lost]) -> dict[str, dict[int, object]]:
    """Return the versions that were published in the forgotten time, with their items."""
    published: dict[str, dict[int, object]] = {}
    for one in lost:
        if one.type == CatalogEvent.RESOURCE_PUBLISHED and (told := one.version()) is not None:
            entry, number = told
            published.setdefault(entry, {})[number] = one.payload.get("items")
    return published


def stopped(lost: Sequence[Lost]) -> list[str]:
    """Return the subscriptions that may show less, or nothing, since the forgotten time.

    Those that were not active at its end, and those whose terms changed in it: what the database
    remembers may be items, rows or values in clear that were taken away.
    """
    last, amended = dict[str, str](), set[str]()
    for one in lost:
        thing = one.named("id")
        if thing is not None and one.type in CHANGED:
            last[thing] = one.type
        if thing is not None and one.type in NARROWED:
            amended.add(thing)
    return sorted(amended | {each for each, type_ in last.items() if type_ in STOPPED})
