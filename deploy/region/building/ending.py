"""Grants that do not run their year: suspended for misuse, good for a day, disposed of."""

import time

from deploy.demo.sharing import REMEDY_DAYS, day_after
from deploy.demo.stage import Json
from deploy.region.building.asking import Asked, department_of, granted, system_of
from deploy.region.building.stage import Stage
from deploy.region.story_files import FateRow
from shuyuan_client.failures import Failure
from shuyuan_client.http import Refused

STOP_SECONDS, PAUSE_SECONDS = 60.0, 0.1
REFUSED_AS = {
    "suspended": "subscription_suspended", "expired": "subscription_expired",
    "disposed": "subscription_terminated",
}  # fmt: skip
DESTROYED = "逻辑删除并覆写，备份介质同时清除（场景）"


def end(stage: Stage, row: FateRow) -> Json:
    """Return how the grant stands, after its system has read, and was refused where it ended."""
    consumer, resource = system_of(stage, row.consumer), stage.region.resources[row.provider]
    last_day = stage.notes.get(f"last day {row.id}") or day_after(0)
    stage.notes.note(f"last day {row.id}", last_day)
    until = last_day if row.fate == "expired" else ""
    asked = Asked(consumer, resource, row.mode, row.reason, last_day=until)
    subscription = granted(stage, row.id, asked)
    clerk = stage.clerk(department_of(stage, consumer))
    path = f"/v1/subscriptions/{subscription}"
    if clerk.ask("GET", path)["status"] == "active":
        _read(stage, row, subscription)
        if row.fate == "suspended":
            body = {"reason": row.reason, "remedy_by": day_after(REMEDY_DAYS)}
            stage.head(resource.department).ask("POST", f"{path}/suspend", body)
        elif row.fate == "disposed":
            head = stage.head(department_of(stage, consumer))
            head.ask("POST", f"{path}/terminate", {"reason": row.reason})
    shown = clerk.ask("GET", path)
    told: Json = {"state": shown["status"], "last_day": shown["valid_until"]}
    if shown["status"] == "active":
        told["ends"] = f"{shown['valid_until']} 24:00 Asia/Shanghai"
    else:
        told["refused"] = _refused(stage, row, subscription)
    if row.fate == "disposed":
        told["disposal"] = _dispose(stage, row, path)
    return told


def _read(stage: Stage, row: FateRow, subscription: str) -> None:
    if not stage.system(row.consumer).page(subscription, limit=1).lines:
        raise Failure(f"{row.id} 未能读取记录", f"{row.id} could not read a record")


def _refused(stage: Stage, row: FateRow, subscription: str) -> str:
    """Return the code by which the system is refused on every worker, soon after the end."""
    until = time.monotonic() + STOP_SECONDS
    while True:
        try:
            stage.system(row.consumer).page(subscription, limit=1)
        except Refused as refusal:
            if refusal.code != REFUSED_AS[row.fate]:
                raise
            return refusal.code
        if time.monotonic() > until:
            raise Failure(f"{row.id} 结束后仍能读取", f"{row.id} is still read after its end")
        time.sleep(PAUSE_SECONDS)


def _dispose(stage: Stage, row: FateRow, path: str) -> str:
    """Let the consumer report what it destroyed, and the provider confirm it (Art 27)."""
    consumer, resource = system_of(stage, row.consumer), stage.region.resources[row.provider]
    head = stage.head(department_of(stage, consumer))
    status = head.ask("GET", f"{path}/disposal")["status"]
    if status in {"due", "returned"}:
        body = {"method": DESTROYED, "done_on": day_after(0)}
        status = head.ask("POST", f"{path}/disposal", body)["status"]
    if status == "reported":
        provider = stage.head(resource.department)
        status = provider.ask("POST", f"{path}/disposal/confirm")["status"]
    return str(status)
