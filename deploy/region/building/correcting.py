"""A bundle of one department, and a correction that reaches whoever received the wrong value."""

import json
import time
from collections.abc import Mapping
from itertools import islice

from deploy.demo.proof import line_of
from deploy.demo.sharing import YEAR_DAYS, day_after
from deploy.demo.stage import Json, listed
from deploy.region.building.asking import Asked, agreed, department_of, form, system_of
from deploy.region.building.stage import Stage
from deploy.region.records.cast import Cast
from deploy.region.records.making import Record, records
from deploy.region.region import Department, Resource
from deploy.region.story_files import BundleRow, CorrectionRow
from shuyuan_client.failures import Failure

MARK_SECONDS, PAUSE_SECONDS = 180.0, 0.3
Granted = Mapping[str, str]


def bundle(stage: Stage, row: BundleRow) -> Json:
    """Return what one form with several systems has led to: a subscription each."""
    return {"state": "agreed", "lines": len(_grants(stage, row))}


def _grants(stage: Stage, row: BundleRow) -> Granted:
    """Return the subscription of each system, applied for in one form unless there is one."""
    resource, department = stage.region.resources[row.provider], _department(stage, row)
    clerk, noted = stage.clerk(department), stage.notes.get(f"form {row.id}")
    if noted is None:
        known = listed(clerk, "/v1/bundles")
        noted = next((each["id"] for each in known if each["title"] == row.title), None)
        noted = noted or clerk.ask("POST", "/v1/bundles", _form(stage, row))["id"]
        stage.notes.note(f"form {row.id}", noted)
    path = f"/v1/bundles/{noted}"
    if any(line["status"] == "draft" for line in clerk.ask("GET", path)["lines"]):
        stage.head(department).ask("POST", f"{path}/sign")
    systems = {stage.client_id(name): name for name in row.consumers}
    head = stage.head(resource.department)
    return {
        systems[line["client_id"]]: agreed(
            stage, head.ask("GET", f"/v1/applications/{line['application_id']}"), resource, row.mode
        )
        for line in clerk.ask("GET", path)["lines"]
    }


def _department(stage: Stage, row: BundleRow) -> Department:
    return department_of(stage, system_of(stage, row.consumers[0]))


def _form(stage: Stage, row: BundleRow) -> Json:
    resource = stage.region.resources[row.provider]
    lines = [
        form(stage, Asked(system_of(stage, name), resource, row.mode, row.title))
        for name in row.consumers
    ]
    said = {name: lines[0][name] for name in ("basis", "scenario", "scope", "commitment")}
    of_line = ("resource_id", "client_id", "items", "mode")
    return said | {
        "title": row.title,
        "valid_until": day_after(YEAR_DAYS),
        "lines": [{name: line[name] for name in of_line} for line in lines],
    }


def correct(stage: Stage, row: CorrectionRow, cast: Cast) -> Json:
    """Let readers receive a wrong value, dispute it, fix it; the mark reaches them alone."""
    asked = next(each for each in stage.region.story.bundles if each.id == row.bundle)
    resource, granted = stage.region.resources[asked.provider], _grants(stage, asked)
    right = next(islice(records(resource, cast), row.record - 1, None))
    clerk, head = stage.clerk(_department(stage, asked)), stage.head(resource.department)
    path = f"/v1/corrections/{_raised(stage, row, resource, granted, right)}"
    shown = clerk.ask("GET", path)
    if shown["status"] == "submitted":
        shown = head.ask("POST", f"{path}/accept")
    if shown["status"] == "accepted":
        receipt = _publish(stage, resource, right, f"{shown['id']} right")
        shown = head.ask("POST", f"{path}/fix", {"receipt_id": receipt})
    if shown["status"] == "fixed":
        _await_readers(stage, row, resource, path)
        _prove_marks(stage, row, granted, right[resource.key.name], right[row.item], shown["id"])
        shown = clerk.ask("POST", f"{path}/confirm")
    affected = head.ask("GET", path)["affected_count"]
    return {"state": shown["status"], "receivers": affected, "of": len(granted)}


def _raised(
    stage: Stage, row: CorrectionRow, resource: Resource, granted: Granted, right: Record
) -> str:
    """Return the correction's id; the wrong value is published and received if there is none."""
    subscription = granted[row.readers[0]]
    clerk = stage.clerk(department_of(stage, system_of(stage, row.readers[0])))
    known = listed(clerk, "/v1/corrections", role="consumer", subscription_id=subscription)
    raised = next((each["id"] for each in known if each["status"] != "withdrawn"), None)
    if raised is not None:
        return str(raised)
    _publish(stage, resource, right | {row.item: right[row.item] + row.wrong}, f"{row.id} wrong")
    for name in row.readers:
        client = stage.system(name)
        *_, last = client.pages(granted[name], client.rewind(granted[name], "earliest"))
        client.commit(granted[name], last.next_cursor)
    body = {
        "key": right[resource.key.name],
        "problem": "wrong",
        "items": [{"item": row.item, "expected": right[row.item]}],
        "description": row.reason,
    }
    return str(clerk.ask("POST", f"/v1/subscriptions/{subscription}/corrections", body)["id"])


def _publish(stage: Stage, resource: Resource, record: Record, key: str) -> str:
    name = resource.system.id
    body = line_of(record).encode()
    receipt, _again = stage.system(name).publish(stage.resource_id(name), body, key=f"region {key}")
    return str(receipt["receipt_id"])


def _await_readers(stage: Stage, row: CorrectionRow, resource: Resource, path: str) -> None:
    """Wait until every worker has told what it handed on: the readers received it, no more."""
    head, until = stage.head(resource.department), time.monotonic() + MARK_SECONDS
    while (affected := head.ask("GET", path)["affected_count"]) != len(row.readers):
        if time.monotonic() > until:
            raise Failure(
                f"{row.id} 应有 {len(row.readers)} 个授权收到过错误值，平台认定 {affected} 个",
                f"{row.id}: {len(row.readers)} received the wrong value, {affected} are told",
            )
        time.sleep(PAUSE_SECONDS)


def _prove_marks(
    stage: Stage, row: CorrectionRow, granted: Granted, key: str, value: str, correction: str
) -> None:
    """Whoever received the wrong value sees the fix marked, all others the same without a mark."""
    for name, subscription in granted.items():
        client = stage.system(name)
        pages = client.pages(subscription, client.rewind(subscription, "earliest"))
        lines = [json.loads(line) for page in pages for line in page.lines]
        last = next(line for line in reversed(lines) if line["key"] == key)
        mark = correction if name in row.readers else None
        if (last["data"][row.item], last.get("correction")) != (value, mark):
            raise Failure(f"{name} 收到的更正不对：{last}", f"{name} got a wrong fix: {last}")
