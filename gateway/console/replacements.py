"""全量替换: all records of a resource loaded anew, and what was not loaded deleted."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from exchange.replacements import register
from gateway.api import replacements as api
from gateway.api.replacements import CommitBody, ReplacementView
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit

router = APIRouter()
TEMPLATE = "replacements.html"
ADDRESS = "/console/resources/{id}/replacements"


@dataclass(frozen=True, slots=True)
class Replacements:
    """`beginnable` where none is open."""

    resource_id: str
    replacements: Sequence[ReplacementView]
    next_cursor: str | None
    beginnable: bool


@page(router, ADDRESS, TEMPLATE)
async def listed(visit: Visit) -> Replacements:
    resource_id = visit.part("id")
    async with visit.reading() as session:
        found = await api.page(resource_id, visit.principal, session, visit.paging)
    beginnable = visit.has("clerk", "head") and not any(each.allowed for each in found.items)
    return Replacements(resource_id, found.items, found.next_cursor, beginnable)


def _back(visit: Visit, done: str) -> Go:
    return Go(f"/console/resources/{visit.part('id')}/replacements", done)


async def begin(visit: Visit) -> Go:
    """Begin one where the log ends now; where that is, is asked before the transaction."""
    replacements, resource_id = visit.using.bus.replacements, visit.part("id")
    beginning = await replacements.ends(visit.principal, resource_id)
    async with visit.writing() as session:
        await replacements.begin(session, visit.principal, resource_id, beginning, visit.now)
    return _back(visit, N_("全量替换已开始，二十四小时内提交。"))


async def commit(visit: Visit) -> Go:
    """Count what would be deleted, or delete it: its job's page tells the rest."""
    resource_id, replacement_id = visit.part("id"), forms.required(visit, "replacement")
    most = forms.body(
        CommitBody, {"max_deletes": forms.whole(visit.text("max_deletes"))}
    ).max_deletes
    dry_run = visit.text("go") != "commit"
    await visit.using.bus.replacements.check(
        visit.principal, resource_id, replacement_id, most, dry_run=dry_run
    )
    async with visit.writing() as session:
        job = await register.commit(
            session,
            visit.principal,
            resource_id,
            replacement_id,
            most,
            dry_run=dry_run,
            now=visit.now,
        )
        job_id = job.id
    return Go(f"/console/jobs/{job_id}")


async def abort(visit: Visit) -> Go:
    replacement_id = forms.required(visit, "replacement")
    async with visit.writing() as session:
        await register.abort(
            session, visit.principal, visit.part("id"), replacement_id, now=visit.now
        )
    return _back(visit, N_("全量替换已中止，已上报的记录保留。"))


act(router, ADDRESS, listed, TEMPLATE)(begin)
act(router, f"{ADDRESS}/commit", listed, TEMPLATE)(commit)
act(router, f"{ADDRESS}/abort", listed, TEMPLATE)(abort)
