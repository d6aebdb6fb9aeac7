"""A version that masks an item: announced, let by its consumers, and then in force."""

from collections.abc import Mapping

from deploy.demo.sharing import day_after
from deploy.demo.stage import Json
from deploy.region.building.catalogue import entry_of, sign_off
from deploy.region.building.stage import Stage
from deploy.region.region import Department, Resource
from deploy.region.story_files import AnnouncementRow
from shuyuan_client.failures import Failure
from shuyuan_client.http import Refused

HELD_BACK = "consent_pending"


def announce(stage: Stage, row: AnnouncementRow) -> Json:
    """Return the version in force, and how the consumers that it narrows let it."""
    resource = stage.region.resources[row.provider]
    path = f"/v1/resources/{stage.resource_id(row.provider)}"
    clerk = stage.clerk(resource.department)
    if not _in_force(clerk.ask("GET", path), row):
        _draft(stage, row, resource, path)
        _let(stage, row, resource, path)
        stage.authority(resource.department.region_code).ask("POST", f"{path}/publish")
    shown = clerk.ask("GET", path)
    if not _in_force(shown, row):
        raise Failure(f"{row.id} 的新版本未生效", f"the version of {row.id} is not in force")
    return {"state": "in force", "version": shown["version"], **_answers(stage, row)}


def _answers(stage: Stage, row: AnnouncementRow) -> Mapping[str, int]:
    return dict(stage.notes.get(f"answers {row.id}") or {})


def _in_force(shown: Json, row: AnnouncementRow) -> bool:
    masks = {item["name"]: item["mask"] for item in shown["items"]}
    return shown["status"] == "published" and masks[row.item] is not None


def _draft(stage: Stage, row: AnnouncementRow, resource: Resource, path: str) -> None:
    """Draft, sign, approve and announce, from wherever a run has left it."""
    clerk, head = stage.clerk(resource.department), stage.head(resource.department)
    shown = clerk.ask("GET", path)
    if shown["status"] == "published":
        shown = clerk.ask("POST", f"{path}/revise")
    if shown["status"] == "draft":
        headers = {"If-Match": f'"{shown["revision"]}"'}
        body = entry_of(stage, resource, announced=True)
        clerk.ask("PUT", path, body, headers=headers)
        shown = sign_off(stage, resource, path, announced=True)
    if shown["status"] == "submitted":
        shown = stage.authority(resource.department.region_code).ask("POST", f"{path}/approve")
    if shown["announcement"] is None:
        body = {"effective_on": day_after(0), "reason": row.reason, "basis": row.basis}
        head.ask("POST", f"{path}/announce", body)


def _let(stage: Stage, row: AnnouncementRow, resource: Resource, path: str) -> None:
    """Let each consumer accept; of those that keep silent the authority files it (备案)."""
    head = stage.head(resource.department)
    authority = stage.authority(resource.department.region_code)
    told = head.ask("GET", f"{path}/announcement")
    silent = {stage.region.departments[name].uscc for name in row.unanswered}
    open_ones = [each for each in told["affected"] if each["answer"] == "unanswered"]
    if open_ones and not _held_back(stage, resource, path):
        raise Failure(
            "需求部门未答复，新版本不应能发布", "the version should wait for its consumers"
        )
    for each in open_ones:
        subscription = f"/v1/subscriptions/{each['subscription_id']}"
        if each["consumer_department"] in silent:
            authority.ask("POST", f"{subscription}/file-change", {"reference": row.basis})
            continue
        consumer = stage.head(_of(stage, each["consumer_department"]))
        consumer.ask("POST", f"{subscription}/accept-version", {"version": told["version"]})
    answers = [each["answer"] for each in head.ask("GET", f"{path}/announcement")["affected"]]
    said = {name: answers.count(name) for name in ("accepted", "filed")}
    stage.notes.note(f"answers {row.id}", said)


def _of(stage: Stage, uscc: str) -> Department:
    return next(each for each in stage.region.departments.values() if each.uscc == uscc)


def _held_back(stage: Stage, resource: Resource, path: str) -> bool:
    try:
        stage.authority(resource.department.region_code).ask("POST", f"{path}/publish")
    except Refused as refusal:
        if refusal.code != HELD_BACK:
            raise
        return True
    return False
