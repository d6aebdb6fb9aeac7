"""What a commit's job writes about its replacement, with its own progress."""

from collections.abc import Sequence
from typing import Final

from exchange import store as moving
from exchange.events import ExchangeEvent
from exchange.latest import replaced
from exchange.latest.replaced import FoldPlace
from exchange.replacements import store
from exchange.replacements.refused import RefusedKeys
from exchange.replacements.states import Action, State, next_state, state_at
from exchange.replacements.tables import Replacement
from kernel import audit, clock
from kernel.database import ReadSession, WriteSession
from kernel.errors import IllegalTransition, NotFound
from kernel.jobs import Run

SUBJECT: Final = "resource"


async def current(run: Run, replacement_id: str) -> Replacement:
    """Return the replacement that this job commits, or tries to.

    Raises IllegalTransition where it is aborted or over, and NotFound.
    """
    async with run.database.reading() as session:
        return await _current(session, run, replacement_id)


async def keep(run: Run, replacement_id: str) -> None:
    """Keep the job's position while the replacement is being committed; raises as `current`."""
    async with run.transaction() as session:
        await _current(session, run, replacement_id)


async def finish(
    run: Run, replacement: Replacement, folds: Sequence[FoldPlace], refused: RefusedKeys
) -> None:
    """Write down that all is done; the latest state lacks nothing from then on.

    It may lack a record that was refused and whose predecessor was lost before it was folded.
    """
    async with run.transaction() as session:
        row = await moving.lock(session, Replacement, replacement.id)
        await _current(session, run, replacement.id)
        facts = {"deletes": run.done, "ended_at": clock.now()}
        state = State(row.status)
        row = await moving.move(session, row, next_state(state, Action.FINISH), facts)
        starts = [(fold.fold_id, row.starts[fold.partition]) for fold in folds]
        digests = list(refused.digests)
        known = await replaced.holding(session, [fold for fold, _start in starts], digests)
        if known == len(digests):
            await replaced.make_complete(session, row.resource_id, starts)
        told = {"replacement": row.id, "deletes": run.done}
        event = ExchangeEvent.REPLACEMENT_COMMITTED
        audit.record(session, run.author, event, SUBJECT, row.resource_id, **told)


async def reopen(run: Run, replacement_id: str) -> None:
    """Let a replacement be committed again whose commit was refused; one that is over stays so."""
    async with run.database.transaction() as session:
        row = await store.find(session, replacement_id)
        if row is None or row.job_id != run.row.id or row.status != State.COMMITTING:
            return
        to = next_state(State.COMMITTING, Action.REOPEN)
        await moving.move(session, row, to, {"job_id": None})


def have_reached(folds: Sequence[FoldPlace], replacement: Replacement, ends: Sequence[int]) -> bool:
    """Whether a resource is folded as far as that; raises NotFound for another topic's folds."""
    if len(folds) != len(ends):
        return False
    if any(fold.topic_id != replacement.topic_id for fold in folds):
        raise NotFound(
            "该资源的数据日志已重建，全量替换已失效；请重新开始",
            "The log of the resource was made anew; begin another replacement",
        )
    return all(
        fold.caught_up and fold.folded_to >= end for fold, end in zip(folds, ends, strict=True)
    )


async def _current(
    session: ReadSession | WriteSession, run: Run, replacement_id: str
) -> Replacement:
    row = await store.find(session, replacement_id)
    if row is None:
        raise NotFound
    state = state_at(row.status, row.ends_at, clock.now())
    mine = row.job_id == run.row.id and state is State.COMMITTING
    if not (mine or (run.arguments["dry_run"] and state is State.OPEN)):
        raise IllegalTransition(state=state, allowed=[])
    return row
