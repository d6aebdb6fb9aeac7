"""What others publish already of the same data, beside a draft and its review (Art 19)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from catalog import similar
from catalog.similar import ASKING, Wanted
from gateway.api.entries import ResourceView
from gateway.api.similar import SimilarResourceView, view
from gateway.console.visit import Visit
from kernel.database import ReadSession

# Fields of the form: a resource and why it does not suffice, as many of each.
ID: Final = "similar_id"
REASON: Final = "similar_reason"
WAITING: Final = ("draft", "submitted")


@dataclass(frozen=True, slots=True)
class Alike:
    """A published resource; `reason` is why it does not suffice, empty where nothing was said.

    `owed` is of what keeps the entry from being submitted as it is.
    """

    id: str
    name: str
    department: str
    why: str
    owed: bool
    reason: str


async def of_draft(visit: Visit, session: ReadSession, wanted: Wanted) -> Sequence[Alike]:
    """Return what carries the data of the form already, and what reasons were given for."""
    said = dict(_said(visit))
    threshold = visit.using.settings.similar_score
    found = await similar.find(session, visit.principal, wanted, threshold)
    told = await view(session, found, english=visit.english)
    listed = [_alike(each, said) for each in told.resources]
    known = {each.id for each in listed}
    rest = [(each, reason) for each, reason in said.items() if reason and each not in known]
    return [*listed, *(Alike(each, each, "", "", owed=False, reason=why) for each, why in rest)]


def explained(visit: Visit) -> Iterator[dict[str, str]]:
    """Yield the reasons that were given, as the API takes them."""
    for resource_id, reason in _said(visit):
        if reason:
            yield {"resource_id": resource_id, "reason": reason}


def _said(visit: Visit) -> Iterator[tuple[str, str]]:
    """Yield each resource that the form lists, with what was typed beside it."""
    listed, reasons = (visit.form.getlist(name) for name in (ID, REASON))
    for resource_id, reason in zip(listed, reasons, strict=False):
        yield str(resource_id), str(reason).strip()


async def of_entry(visit: Visit, session: ReadSession, entry: ResourceView) -> Sequence[Alike]:
    """Return the same beside an entry that waits, for who signs or reviews it."""
    if entry.status not in WAITING or visit.principal.roles.isdisjoint(ASKING):
        return []
    said = {each.resource_id: each.reason for each in entry.duplicates}
    threshold = visit.using.settings.similar_score
    found = await similar.of_resource(session, visit.principal, entry.id, threshold)
    told = await view(session, found, english=visit.english)
    return [_alike(each, said) for each in told.resources]


def _alike(found: SimilarResourceView, said: Mapping[str, str]) -> Alike:
    department = found.department_name or found.department
    reason = said.get(found.id, "")
    return Alike(found.id, found.name, department, found.why, found.needs_reason, reason)
