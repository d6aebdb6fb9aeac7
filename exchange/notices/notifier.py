"""Tells departments of their events: each way on its own, each notice under one id."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from email.message import EmailMessage
from typing import Final

from auth import directory, networks
from catalog import directory as catalogue
from exchange.delivery.push import messages
from exchange.delivery.push.pace import Outcome, Verdict, seconds_to_wait
from exchange.feed.reading import id_of
from exchange.feed.tables import FeedEvent
from exchange.notices import store, wishes, wording
from exchange.notices.mail import Mailer, MailError
from exchange.notices.store import Due
from exchange.notices.tables import NoticeSetting
from exchange.notices.wording import Event
from kernel import clock
from kernel.database import Database, ReadSession, is_passing
from kernel.ids import new_id
from kernel.outbound.addresses import Network
from kernel.outbound.client import Deadlines, Outbound, OutboundRequest
from kernel.outbound.errors import OutboundError
from kernel.secretbox import Secretbox, mac
from kernel.settings import Settings

log = logging.getLogger(__name__)

ROUND_SECONDS: Final = 1.0
AT_ONCE: Final = 40
"""Notices under way; those who never answer hold theirs for a few seconds, then rest."""
DEADLINES: Final = Deadlines(total=15.0)


class Notifier:
    """One worker's; any number of workers share the channels by leases."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._me = new_id()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, open_box: Callable[[], Awaitable[Secretbox]]) -> None:
        """Tell for ever; what passes is waited for, any other error is raised."""
        box, outbound = await open_box(), Outbound.of(self._settings)
        mailer = Mailer(self._settings)
        try:
            while True:
                try:
                    await self._round(box, outbound, mailer)
                except Exception as error:
                    if not is_passing(error):
                        raise
                    log.warning("notices wait: %r", error)
                await asyncio.sleep(ROUND_SECONDS)
        finally:
            for task in self._tasks:
                task.cancel()
            with suppress(Exception):
                await asyncio.gather(*self._tasks, return_exceptions=True)
            mailer.close()
            await outbound.close()

    async def _round(self, box: Secretbox, outbound: Outbound, mailer: Mailer) -> None:
        for task in [task for task in self._tasks if task.done()]:
            self._tasks.discard(task)
            task.result()
        most = AT_ONCE - len(self._tasks)
        if most <= 0:
            return
        kinds = [wishes.WEBHOOK] + ([wishes.EMAIL] if mailer.is_on else [])
        async with self._database.single() as connection:
            due = await store.claim(connection, self._me, kinds, most, clock.now())
        for each in due:
            self._tasks.add(asyncio.create_task(self._tell(each, box, outbound, mailer)))

    async def _tell(self, due: Due, box: Secretbox, outbound: Outbound, mailer: Mailer) -> None:
        """Send one notice and write down what came of it."""
        try:
            async with self._database.reading() as session:
                setting = await store.setting(session, due.department)
                events = await _events(session, await store.events(session, due))
                name = (await directory.departments(session, [due.department])).get(
                    due.department, due.department
                )
                allowed = await networks.allowed(session, due.department)
            if setting is None:
                return
            outcome = Outcome(200)
            message_id = _message_id(box, due)
            if events and due.kind == wishes.WEBHOOK:
                request = _request(setting, message_id, events, allowed, box)
                outcome = await _posted(outbound, request) if request else outcome
            elif events:
                message = wording.mail(
                    mailer.sender, setting.email, message_id, name, events,
                    self._settings.base_url, clock.now(),
                )  # fmt: skip
                outcome = await _mailed(mailer, message, setting.email)
            await self._ended(due, setting.digest, outcome)
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("a notice waits: %r", error)

    async def _ended(self, due: Due, digest: str, outcome: Outcome) -> None:
        now = clock.now()
        async with self._database.transaction() as session:
            if outcome.verdict is Verdict.DELIVERED:
                next_at = wishes.next_digest(digest, now)
                await store.told(session, self._me, due, next_at, now)
                return
            jitter = random.random()  # noqa: S311 - no secret
            seconds = seconds_to_wait(outcome, due.attempts + 1, jitter, now)
            failure = outcome.failure or f"status_{outcome.status}"
            next_at = now + timedelta(seconds=seconds)
            await store.failed(session, self._me, due, failure, next_at)


def _message_id(box: Secretbox, due: Due) -> str:
    """Return the id of a notice: the same for each try."""
    range_ = b"".join(number.to_bytes(8, "big") for number in (due.after, due.upto))
    key = box.derive("notices")
    return f"msg_{mac(key, due.department.encode(), due.kind.encode(), range_).hex()}"


async def _events(session: ReadSession, rows: Sequence[FeedEvent]) -> list[Event]:
    """Return events with the names of the resources that they are about."""
    ids = {row.payload.get("resource_id") for row in rows} - {None}
    resources = await catalogue.resources(session, sorted(map(str, ids))) if ids else {}
    return [
        Event(
            id=id_of(row.generation, row.id or 0),
            type=row.type,
            at=row.at,
            thing=row.thing,
            data=row.payload,
            resource_name=resources.get(str(row.payload.get("resource_id"))),
        )
        for row in rows
    ]


def _request(
    setting: NoticeSetting,
    message_id: str,
    events: Sequence[Event],
    allowed: Sequence[Network],
    box: Secretbox,
) -> OutboundRequest | None:
    """Return what is posted to the webhook, None where it was taken back meanwhile."""
    if setting.webhook is None or setting.secret is None:
        return None
    now = clock.now()
    body = wording.body(setting.department, events, now)
    secret = box.decrypt(setting.secret).decode()
    head = messages.headers(message_id, now, body, [secret], messages.JSON)
    return OutboundRequest("POST", setting.webhook, allowed, head, body, DEADLINES)


async def _posted(outbound: Outbound, request: OutboundRequest) -> Outcome:
    try:
        async with outbound.call(request) as response:
            return Outcome(response.status, retry_after=response.headers.get("Retry-After"))
    except OutboundError as error:
        return Outcome(failure=str(error.reason))


async def _mailed(mailer: Mailer, message: EmailMessage, receivers: Sequence[str]) -> Outcome:
    try:
        await mailer.send(message, receivers)
    except MailError as error:
        return Outcome(failure=error.reason)
    return Outcome(200)
