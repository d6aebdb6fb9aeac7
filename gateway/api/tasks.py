"""`/v1/me/tasks`: what waits for the caller (docs/api.md section 4)."""

from fastapi import APIRouter

from exchange.tasks import inbox
from exchange.tasks.inbox import Task
from gateway import names
from gateway.lists import ListOf, Paging
from gateway.principal import Caller
from gateway.services import Reading
from kernel import clock
from kernel.wire import Day, Wire

router = APIRouter(prefix="/v1/me/tasks", tags=["me"])


class TaskView(Wire):
    """`thing` is the id of what `kind` (`thing.action`) names first; `url` is where it is read."""

    kind: str
    thing: str
    title: str | None
    from_department: str
    from_name: str | None
    due_on: Day | None
    remaining_working_days: int | None
    overdue: bool
    url: str


def _view(task: Task) -> TaskView:
    noun = task.kind.partition(".")[0]
    return TaskView(
        kind=task.kind,
        thing=task.thing,
        title=task.title,
        from_department=task.from_department,
        from_name=task.from_name,
        due_on=names.last_day(task.due_at),
        remaining_working_days=task.remaining_working_days,
        overdue=task.overdue,
        url=f"/v1/{noun}s/{task.thing}",
    )


@router.get("")
async def page(principal: Caller, session: Reading, paging: Paging) -> ListOf[TaskView]:
    """List what waits for an act of the caller, the earliest due first; what has no day, last."""
    found = await inbox.page(session, principal, paging, now=clock.now())
    return ListOf(items=[_view(task) for task in found.items], next_cursor=found.next_cursor)
