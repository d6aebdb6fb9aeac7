"""A missed day becomes a violation, an order and a remedy; the figures of it all (Art 38, 39)."""

import time
from collections.abc import Mapping
from typing import Final

from deploy.demo.cast import STATISTICS
from deploy.demo.catalogue import carry_on
from deploy.demo.proof import require
from deploy.demo.sharing import day_after
from deploy.demo.stage import AUTHORITY, Json, Stage, find_in
from shuyuan_client.http import Refused

TYPE: Final = "catalogue_late"
# Well beyond ten working days, whatever holidays lie between.
CHANGED_DAYS_AGO: Final = 40
REMEDY_DAYS: Final = 15
# The worker looks for missed days each half minute.
NOTICED_SECONDS: Final = 90.0
# C7 of a correction of today lies within these days.
FIGURES_FROM, FIGURES_TO = -30, 30


def report_change(stage: Stage, resource_id: str) -> None:
    """The head reports a change of duties of some weeks ago, whose C1 is over since."""
    body = {
        "occurred_on": day_after(-CHANGED_DAYS_AGO),
        "cause": "区划调整（演示：未按时更新目录）",
    }
    path = f"/v1/resources/{resource_id}/change-notice"
    try:
        stage.as_(STATISTICS.head).ask("POST", path, body)
    except Refused as refusal:
        # An earlier run has reported it, and was interrupted.
        if refusal.code != "conflict":
            raise


def remedy(stage: Stage, resource_id: str) -> Json:
    """Order the recorded violation to be remedied, update the entry, answer, close; the order."""
    authority, head = stage.as_(AUTHORITY), stage.as_(STATISTICS.head)
    violation = _noticed(stage, resource_id)
    body = {
        "department": STATISTICS.uscc,
        "violations": [violation["id"]],
        "text": "请更新《广西统计用区划代码》目录条目（演示）",
        "due_on": day_after(REMEDY_DAYS),
    }
    path = f"/v1/orders/{authority.ask('POST', '/v1/orders', body)['id']}"
    _update(stage, resource_id)
    head.ask("POST", f"{path}/answer", {"text": "目录已更新并重新发布"})
    closed = authority.ask("POST", f"{path}/close")
    require(
        closed["status"] == "closed",
        f"督办单应已办结，实为 {closed['status']}",
        f"the order should be closed, is {closed['status']}",
    )
    return closed


def _update(stage: Stage, resource_id: str) -> None:
    """Publish another version, or the one that an interrupted run has left under way."""
    clerk, path = stage.as_(STATISTICS.clerk), f"/v1/resources/{resource_id}"
    status = clerk.ask("GET", path)["status"]
    if status == "published":
        status = clerk.ask("POST", f"{path}/revise")["status"]
    carry_on(stage, resource_id, status)


def _noticed(stage: Stage, resource_id: str) -> Json:
    """Return the violation of this entry that no order is about, once the worker has seen it."""
    deadline = time.monotonic() + NOTICED_SECONDS
    wanted = {"thing_id": resource_id, "order_id": None}
    while True:
        known = find_in(stage.as_(AUTHORITY), "/v1/stats/violations/cases", wanted, type=TYPE)
        if known is not None:
            return known
        require(
            time.monotonic() < deadline,
            "平台没有记下未按时更新的目录",
            "the exchange did not record the entry that was not updated",
        )
        time.sleep(1)


def figures(stage: Stage) -> Mapping[str, Json]:
    """Return the provider's indicators by id, with what the story has just done in them."""
    params = {"from": day_after(FIGURES_FROM), "to": day_after(FIGURES_TO)}
    told = stage.as_(STATISTICS.head).ask("GET", "/v1/stats/indicators", params=params)
    found = {each["id"]: each for each in told["items"]}
    corrected = found["corrected_timely"]
    require(
        corrected["numerator"] >= 1 and corrected["numerator"] == corrected["denominator"],
        f"校核应都按时办结，实为 {corrected}",
        f"each correction should be worked in time: {corrected}",
    )
    return found


def told(figure: Json) -> str:
    """Return a share with its name as it is read aloud, — where nothing was due."""
    value = figure["value"]
    return f"{figure['name']} {'—' if value is None else f'{100 * value:.0f}%'}"
