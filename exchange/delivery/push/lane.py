"""Pushes one partition of one subscription: gather, write down, ask, hand on, write down (P3).

One batch is under way at a time. What is about to be sent is written down before, under the id
that it keeps, so that whoever goes on after a crash sends the same again.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from auth.principal import Principal
from exchange.delivery import admission
from exchange.delivery.admission import Admission, RulesChanged
from exchange.delivery.gathering import PlanOutdatedError, released
from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.push import batches, endpoints, messages, receiver, store
from exchange.delivery.push.batches import Batch, QuotaUsedUpError, give_back
from exchange.delivery.push.caller import PushCaller
from exchange.delivery.push.pace import RETRY_AFTER_MAX, Outcome, Verdict, seconds_to_wait
from exchange.delivery.push.receiver import Receiver
from exchange.delivery.push.sender import Pieces
from exchange.delivery.push.store import Attempt, Ending
from exchange.delivery.push.tables import Lane
from exchange.delivery.push.tools import Tools
from exchange.log.errors import BrokerUnavailable, PositionExpiredError
from exchange.log.watch import Concern
from exchange.metering.evidence.trails import Delivered
from exchange.metering.ledger.digests import of_lines
from kernel import clock
from kernel.database import is_passing
from kernel.errors import ShuyuanError, Unavailable

log = logging.getLogger(__name__)

MODE: Final = "push"
NEWS_SECONDS: Final = 30.0
# Rules that forbid are looked at again when they change, and now and then for the calendar.
FORBIDDEN_SECONDS: Final = 20.0
AGAIN_SECONDS: Final = 1.0
RULES_SECONDS: Final = 0.05
MAKING_SECONDS: Final = 0.5


class GapError(Exception):
    """The log no longer keeps what comes next, or is not the one that was pushed."""


class PartitionPusher:
    """`may_send` says whether this process still holds the endpoint."""

    def __init__(
        self, tools: Tools, plan: GrantPlan, partition: int, may_send: Callable[[], bool]
    ) -> None:
        self._tools = tools
        self.grant = plan.grant
        """As it stood when it was looked at last."""
        self._subscription_id = plan.grant.id
        self._partition = partition
        self._topic_partition = (plan.topic, partition)
        self._may_send = may_send
        self._woken = asyncio.Event()
        self._lane: Lane | None = None
        self._receiver: Receiver | None = None
        self._scanned: int | None = None
        self._under_way: tuple[Pieces, asyncio.Task[Outcome]] | None = None

    @property
    def is_woken(self) -> bool:
        return self._woken.is_set()

    def wake(self) -> None:
        """Look anew at everything: a rule, the endpoint or the lane has changed.

        What is still being handed on is given up, its bytes in this process with it.
        """
        self._woken.set()
        if self._under_way is not None and not self._under_way[0].done:
            self._under_way[1].cancel()

    async def run(self) -> None:
        """Push for ever; raises what nobody expects."""
        while True:
            try:
                seconds = await self._step()
            except (RulesChanged, PlanOutdatedError):
                seconds = RULES_SECONDS
            except GapError:
                await self._stop()
                seconds = NEWS_SECONDS
            except Exception as error:
                if isinstance(error, Unavailable) or is_passing(error):
                    log.warning("push of %s waits: %r", self._subscription_id, error)
                    seconds = AGAIN_SECONDS
                elif isinstance(error, ShuyuanError):
                    seconds = FORBIDDEN_SECONDS
                else:
                    raise
            if seconds:
                await self._rest(seconds)

    async def _rest(self, seconds: float) -> None:
        """Wait, but no longer than until something changes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    async def _step(self) -> float:
        """Push one batch, or wait for one; returns for how long to rest then."""
        if self._woken.is_set():
            self._woken.clear()
            self._lane = self._receiver = None
        lane, receiver_ = await self._known()
        seconds = await self._seconds_to_rest(lane, receiver_)
        if seconds is not None:
            return seconds
        # An amendment may have given the grant to another client.
        self.grant = (await self._tools.plans.get(self._subscription_id)).grant
        caller = PushCaller(self._tools.clients, self._tools.restore, self.grant.client_id)
        principal = await caller.confirm()
        plan = await admission.plan_for(
            self._tools.plans, self._tools.changes, principal, self._subscription_id, MODE
        )
        admitted = self._admission(caller, plan)
        try:
            batch = await self._gathered(plan, receiver_, lane)
        except QuotaUsedUpError as error:
            return error.seconds
        with released(batch.gathering):
            if batch.lines:
                return await self._push(principal, plan, admitted, receiver_, lane, batch)
        if batch.of_recalled:
            # Nothing of this partition was taken back, or it is not known yet.
            lane.told = batch.gathering.told
            return MAKING_SECONDS if plan.recall.making else 0.0
        self._scanned = batch.end
        if not batch.gathering.moved:
            await self._await_news(plan, principal, batch)
        return 0.0

    async def _known(self) -> tuple[Lane, Receiver]:
        """Return lane and receiver as they were when something changed last."""
        tools = self._tools
        if self._lane is None or self._receiver is None:
            async with tools.database.reading() as session:
                self._lane = await store.lane(session, self._subscription_id, self._partition)
                self._receiver = await receiver.load(session, tools.box, self._subscription_id)
            self._scanned = self._lane.next_offset
        return self._lane, self._receiver

    async def _seconds_to_rest(self, lane: Lane, receiver_: Receiver) -> float | None:
        """Return for how long nothing is to be sent, None where it may be."""
        if not self._may_send():
            return RULES_SECONDS
        if lane.next_attempt_at is not None:
            seconds = (lane.next_attempt_at - clock.now()).total_seconds()
            # No batch rests longer: what is further ahead was written by a clock that was ahead.
            if 0 < seconds <= RETRY_AFTER_MAX:
                return seconds
        hosts = self._tools.hosts
        alone = hosts.seconds_alone(receiver_.host)
        if alone is None:
            return None
        if alone > 0:
            return min(alone, AGAIN_SECONDS)
        return await self._test_host(receiver_)

    async def _test_host(self, receiver_: Receiver) -> float | None:
        """Send the signed test to a host that was left alone: one worker does, for all."""
        hosts = self._tools.hosts
        if not await hosts.begin_trial(receiver_.host):
            return AGAIN_SECONDS
        outcome = await self._tools.sender.challenge(receiver_)
        if outcome.verdict is Verdict.DELIVERED and outcome.failure is None:
            await hosts.works(receiver_.host)
            return None
        await hosts.failed(receiver_.host)
        return AGAIN_SECONDS

    def _admission(self, caller: PushCaller, plan: GrantPlan) -> Callable[[], None]:
        tools = self._tools
        asked = Admission(caller.known, plan, MODE, tools.plans, tools.changes, tools.departures)

        def admitted() -> None:
            if not self._may_send():
                raise RulesChanged
            asked()

        return admitted

    async def _gathered(self, plan: GrantPlan, receiver_: Receiver, lane: Lane) -> Batch:
        """Return the next batch; raises GapError, QuotaUsedUpError, and as the gatherer does."""
        epoch = await self._tools.cursors.epoch(plan)
        if lane.next_offset is not None and lane.topic_id != epoch.topic_id:
            raise GapError
        first = self._scanned
        if first is None:
            first = (await self._tools.gatherer.earliest(plan))[self._partition]
        try:
            return await batches.next_batch(self._tools, plan, receiver_, lane, first)
        except PlanOutdatedError as error:
            self._tools.unknown_versions.require_first_look(plan, error)
            self._tools.plans.drop_resource(plan.grant.resource_id)
            raise
        except PositionExpiredError as error:
            await self._after_loss(plan, lane, error, first)
            raise RulesChanged from error

    async def _after_loss(
        self, plan: GrantPlan, lane: Lane, error: PositionExpiredError, first: int
    ) -> None:
        """Begin at the earliest record where nothing was pushed yet; raises GapError otherwise."""
        ends = await self._tools.gatherer.ends(plan)
        if error.earliest <= first <= ends[self._partition]:
            # It is there: a leader that was behind did not know of it yet.
            raise BrokerUnavailable from error
        if lane.next_offset is not None:
            raise GapError from error
        self._scanned = error.earliest

    async def _push(
        self,
        principal: Principal,
        plan: GrantPlan,
        admitted: Callable[[], None],
        receiver_: Receiver,
        lane: Lane,
        batch: Batch,
    ) -> float:
        """Send a batch and write down what came of it; returns for how long to rest."""
        now = clock.now()
        with batches.unless_written(lambda: give_back(self._tools, batch.reservation)) as written:
            attempt, body = await self._attempt(plan, receiver_, lane, batch, now)
            written()
            known = (lane.next_offset, lane.delivery_id)
            async with self._tools.database.single() as connection:
                begun = await store.begin(connection, self._tools.me, attempt, known, now)
        if not begun:
            give_back(self._tools, batch.reservation)
            self._lane = None
            return RULES_SECONDS
        self._lane = _begun(lane, attempt)
        pieces = Pieces(body, admitted)
        outcome = await self._sent(receiver_, attempt, pieces)
        if pieces.began and not batch.available_only:
            self._count(principal, plan, batch)
        if outcome is None:
            return RULES_SECONDS
        return await self._ended(receiver_, attempt, batch, outcome)

    async def _attempt(
        self, plan: GrantPlan, receiver_: Receiver, lane: Lane, batch: Batch, now: datetime
    ) -> tuple[Attempt, bytes]:
        """Return what is written down before a batch is sent, and its body."""
        tools = self._tools
        epoch = await tools.cursors.epoch(plan)
        key = tools.box.derive("push")
        delivery_id = messages.batch_id(key, lane.subscription_id, epoch.topic_id, batch.place)
        cursor = await self._cursor(plan, batch) if batch.available_only else ""
        body = batches.body_of(tools, receiver_, delivery_id, batch, cursor, now)
        number = lane.attempts + 1 if lane.delivery_id == delivery_id else 1
        attempt = Attempt(
            lane.subscription_id, lane.partition, delivery_id, epoch.topic_id, batch.first,
            batch.end, number, len(batch.lines), len(body), batch.available_only, batch.reserved,
            lane.told, batch.batch_told,
            of_lines(batch.lines) if plan.grant.ledger and not batch.available_only else None,
        )  # fmt: skip
        return attempt, body

    async def _cursor(self, plan: GrantPlan, batch: Batch) -> str:
        """Return the place at which a pull finds what is too large to be pushed."""
        tools = self._tools
        async with tools.database.reading() as session:
            lanes = await store.lanes(session, self._subscription_id)
        position = batches.place_to_pull(plan, batch, [each.next_offset or 0 for each in lanes])
        epoch = await tools.cursors.epoch(plan)
        return tools.cursors.encode(self._subscription_id, epoch, position)

    async def _sent(self, receiver_: Receiver, attempt: Attempt, pieces: Pieces) -> Outcome | None:
        """Return what came of it, None where rules changed while it was being handed on."""
        sender = self._tools.sender
        sending = asyncio.create_task(
            sender.send(receiver_, attempt.delivery_id, pieces, attempt.listed)
        )
        self._under_way = (pieces, sending)
        try:
            await asyncio.wait([sending])
        finally:
            self._under_way = None
            sending.cancel()
        if sending.cancelled() or isinstance(sending.exception(), ShuyuanError):
            return None
        return sending.result()

    def _count(self, principal: Principal, plan: GrantPlan, batch: Batch) -> None:
        gathering = batch.gathering
        self._tools.counts.read(
            principal,
            Delivered(
                plan.grant.id,
                plan.grant.revision,
                plan.version,
                len(batch.lines),
                gathering.size_bytes,
                gathering.takes,
                batch.reserved is not None,
            ),
        )

    async def _ended(
        self, receiver_: Receiver, attempt: Attempt, batch: Batch, outcome: Outcome
    ) -> float:
        """Write down how an attempt ended, and what it says of the host."""
        tools, now = self._tools, clock.now()
        ending = Ending(outcome.status, outcome.answer)
        seconds = 0.0
        if outcome.verdict is not Verdict.DELIVERED:
            jitter = random.random()  # noqa: S311 - no secret
            seconds = seconds_to_wait(outcome, attempt.number, jitter, now)
            ending = replace(
                ending,
                failure=outcome.failure or f"status_{outcome.status}",
                next_attempt_at=now + timedelta(seconds=seconds),
                reserved=batch.reserved,
            )
        async with tools.database.single() as connection:
            is_ours = await store.end(connection, attempt, ending, clock.now())
        self._lane = _after(attempt, ending) if is_ours else None
        self._scanned = None if self._lane is None else self._lane.next_offset
        if outcome.verdict is Verdict.GONE:
            async with tools.database.transaction() as session:
                await endpoints.give_up(session, self._subscription_id, now=now)
        elif outcome.blames_host:
            await tools.hosts.failed(receiver_.host)
        else:
            await tools.hosts.works(receiver_.host)
        return seconds

    async def _stop(self) -> None:
        async with self._tools.database.transaction() as session:
            await endpoints.stop(session, self._subscription_id, now=clock.now())

    async def _await_news(self, plan: GrantPlan, principal: Principal, batch: Batch) -> None:
        """Return when there may be records, or something has changed."""
        news = asyncio.create_task(self._news(plan, principal, batch))
        woken = asyncio.create_task(self._woken.wait())
        try:
            await asyncio.wait([news, woken], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (news, woken):
                task.cancel()
        if news.done() and not news.cancelled():
            news.result()

    async def _news(self, plan: GrantPlan, principal: Principal, batch: Batch) -> None:
        tools = self._tools
        concern = Concern(plan.grant.id, principal.id, principal.department, principal.token_id)
        if batch.gathering.unfolded is None:
            await tools.tail.wait({self._topic_partition: batch.end}, concern, NEWS_SECONDS)
            return
        with tools.folds.listening(plan.grant.resource_id, plan.grant.id) as ear:
            if not await tools.gatherer.is_folded(plan, batch.gathering) and not ear.heard:
                await tools.tail.wait({}, concern, AGAIN_SECONDS)


def _begun(lane: Lane, attempt: Attempt) -> Lane:
    """Return the lane as it stands while an attempt is under way."""
    return Lane(
        subscription_id=lane.subscription_id,
        partition=lane.partition,
        topic_id=attempt.topic_id,
        next_offset=attempt.first,
        batch_end=attempt.end,
        delivery_id=attempt.delivery_id,
        attempts=attempt.number,
        reserved=attempt.reserved,
        told=attempt.told,
        batch_told=attempt.batch_told,
    )


def _after(attempt: Attempt, ending: Ending) -> Lane:
    """Return the lane as it stands after an attempt."""
    lane = Lane(
        subscription_id=attempt.subscription_id,
        partition=attempt.partition,
        topic_id=attempt.topic_id,
        next_offset=attempt.end,
        told=attempt.told if attempt.batch_told is None else attempt.batch_told,
    )
    if ending.next_attempt_at is not None:
        lane = _begun(lane, attempt)
        lane.next_attempt_at = ending.next_attempt_at
        lane.reserved = ending.reserved
    return lane
