"""An entry that was not updated in time: a violation, an order, its answer, and the end of it."""

import time

from deploy.demo.sharing import REMEDY_DAYS, day_after
from deploy.demo.stage import Json, find_in, listed
from deploy.region.building.catalogue import sign_off
from deploy.region.building.stage import Stage
from deploy.region.region import Resource
from deploy.region.story_files import BreachRow
from shuyuan_client.failures import Failure
from shuyuan_client.http import Refused

TYPE = "catalogue_late"
# The worker looks for missed days each half minute.
NOTICED_SECONDS, PAUSE_SECONDS = 300.0, 0.5


def report(stage: Stage, row: BreachRow) -> None:
    """Report a change of duties whose term is over since; noticed while the story goes on."""
    if _order(stage, row) is not None or stage.notes.get(f"reported {row.id}"):
        return
    resource = stage.region.resources[row.provider]
    body = {"occurred_on": day_after(-row.days_ago), "cause": row.cause}
    path = f"/v1/resources/{stage.resource_id(row.provider)}/change-notice"
    try:
        stage.head(resource.department).ask("POST", path, body)
    except Refused as refusal:
        # A run that broke off has reported it.
        if refusal.code != "conflict":
            raise
    stage.notes.note(f"reported {row.id}", day_after(0))


def remedy(stage: Stage, row: BreachRow) -> Json:
    """Return the order, closed: issued for the violation, the entry updated, and answered."""
    resource = stage.region.resources[row.provider]
    authority = stage.authority(resource.department.region_code)
    head = stage.head(resource.department)
    order = _order(stage, row) or _issue(stage, row, resource)
    path = f"/v1/orders/{order['id']}"
    if order["status"] == "open":
        _update(stage, resource)
        order = head.ask("POST", f"{path}/answer", {"text": row.answer})
    if order["status"] == "answered":
        order = authority.ask("POST", f"{path}/close")
    (violation,) = order["violations"]
    return {
        "state": order["status"],
        "violation": violation["type"],
        "article": violation["article"],
    }


def _order(stage: Stage, row: BreachRow) -> Json | None:
    head = stage.head(stage.region.resources[row.provider].department)
    known = listed(head, "/v1/orders", role="department")
    return next((each for each in known if each["text"] == row.demand), None)


def _issue(stage: Stage, row: BreachRow, resource: Resource) -> Json:
    authority = stage.authority(resource.department.region_code)
    body = {
        "department": resource.department.uscc,
        "violations": [_noticed(stage, row, resource)["id"]],
        "text": row.demand,
        "due_on": day_after(REMEDY_DAYS),
    }
    return authority.ask("POST", "/v1/orders", body)


def _noticed(stage: Stage, row: BreachRow, resource: Resource) -> Json:
    """Return the violation of this entry that no order is about, once the worker has seen it."""
    authority = stage.authority(resource.department.region_code)
    wanted = {"thing_id": stage.resource_id(row.provider), "order_id": None}
    until = time.monotonic() + NOTICED_SECONDS
    while True:
        known = find_in(authority, "/v1/stats/violations/cases", wanted, type=TYPE)
        if known is not None:
            return known
        if time.monotonic() > until:
            raise Failure("平台没有记下未按时更新的目录", "the missed day was not recorded")
        time.sleep(PAUSE_SECONDS)


def _update(stage: Stage, resource: Resource) -> None:
    """Publish another version, or the one that a run has left under way."""
    clerk, name = stage.clerk(resource.department), resource.system.id
    authority = stage.authority(resource.department.region_code)
    path = f"/v1/resources/{stage.resource_id(name)}"
    status = clerk.ask("GET", path)["status"]
    if status == "published":
        status = clerk.ask("POST", f"{path}/revise")["status"]
    if status == "draft":
        status = sign_off(stage, resource, path)["status"]
    if status == "submitted":
        status = authority.ask("POST", f"{path}/approve")["status"]
    authority.ask("POST", f"{path}/publish")
