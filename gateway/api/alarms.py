"""`/v1/alarms`: audit events that somebody who guards the platform should look at."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field

from exchange.alarms import register
from exchange.alarms.kinds import KIND_OF, Kind
from exchange.alarms.register import Alarm, Criteria
from gateway import names
from gateway.lists import ListOf, Paging
from gateway.names import Fields
from gateway.once import Acting
from gateway.principal import Admin, Caller
from gateway.services import Reading, Writing
from kernel.database import ReadSession
from kernel.wire import Moment, Wire

router = APIRouter(prefix="/v1/alarms", tags=["audit"])
AlarmId = Annotated[str, Path(max_length=32)]
NOTE_MAX = 1000
# What an event tells that an alarm is judged by; nothing of it was sent as a secret.
FACTS = ("alarms", "failures", "source", "error", "reason", "code", "file", "used_at", "events")


class ToldView(Wire):
    """A department that was told by an event of its own."""

    department: str
    department_name: str | None


class AcknowledgementView(Wire):
    """Who of `security` has looked at it, and what came of it."""

    at: datetime
    by: str
    by_name: str | None
    note: str


class AlarmView(Wire):
    """`id` is the chain and the position of the event, by which the audit log has it too."""

    id: str
    kind: Kind
    at: datetime
    event: str
    actor_kind: str
    actor_id: str
    actor_name: str | None
    department: str | None
    department_name: str | None
    subject_type: str
    subject_id: str
    subject_name: str | None
    facts: dict[str, Any]
    told: Annotated[list[ToldView], Field(description="已告知的部门 / departments that were told")]
    acknowledged: AcknowledgementView | None


class AcknowledgeIn(Wire):
    """`note` says what was found and done."""

    note: Annotated[str, Field(min_length=1, max_length=NOTE_MAX)]


@router.get("")
async def find(
    principal: Caller,
    session: Reading,
    paging: Paging,
    *,
    kind: Annotated[Kind | None, Query()] = None,
    subject_id: Annotated[str | None, Query(max_length=128)] = None,
    acknowledged: Annotated[bool | None, Query()] = None,
    since: Annotated[Moment | None, Query()] = None,
) -> ListOf[AlarmView]:
    """List alarms, the newest first; everything for 450000, else what its departments did."""
    wanted = Criteria(kind, subject_id, acknowledged, since)
    found = await register.page(session, principal, paging, wanted)
    return ListOf(items=await views(session, found.items), next_cursor=found.next_cursor)


@router.get("/{alarm_id}")
async def get(alarm_id: AlarmId, principal: Caller, session: Reading) -> AlarmView:
    """Return one alarm."""
    return (await views(session, [await register.find(session, principal, alarm_id)]))[0]


@router.post("/{alarm_id}/acknowledge")
async def acknowledge(
    alarm_id: AlarmId, body: AcknowledgeIn, principal: Admin, session: Writing, once: Acting
) -> AlarmView:
    """Record that the alarm was looked at, once, and what came of it; it is audited."""
    alarm = await register.acknowledge(session, principal, alarm_id, body.note)
    return await once.keep((await views(session, [alarm]))[0])


async def views(session: ReadSession, alarms: Sequence[Alarm]) -> list[AlarmView]:
    """Return alarms with names: whoever guards or audits a division may know whom they name."""
    found: list[Fields] = [_fields(alarm) for alarm in alarms]
    await names.add_to_events(session, found)
    await names.add(session, [told for each in found for told in each["told"]])
    answers = [each["acknowledged"] for each in found if each["acknowledged"]]
    await names.add_by_kind(session, answers, ("kind", "by", "by_name"))
    for each in answers:
        del each["kind"]
    return [AlarmView.model_validate(each) for each in found]


def _fields(alarm: Alarm) -> Fields:
    row, answer = alarm.row, alarm.acknowledged
    kept = {"at", "event", "actor_kind", "actor_id", "department", "subject_type", "subject_id"}
    acknowledged = answer and {
        "at": answer.at, "by": answer.by, "note": answer.note, "kind": "person"
    }  # fmt: skip
    return {
        **row.model_dump(include=kept),
        "id": alarm.id,
        "kind": KIND_OF[row.event],
        "facts": {name: row.details[name] for name in FACTS if name in row.details},
        "told": [{"department": each} for each in alarm.told],
        "acknowledged": acknowledged,
    }
