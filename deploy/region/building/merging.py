"""A department is merged into another one: its entry and its people are the successor's."""

import time

from deploy.demo.sharing import day_after
from deploy.demo.stage import OPERATOR, Json, listed
from deploy.region.building.stage import Stage
from deploy.region.region import STANDARD, Department
from deploy.region.story_files import MergerRow
from shuyuan_client.failures import Failure

DONE_SECONDS, PAUSE_SECONDS = 180.0, 0.3
ELEMENT = "GX-CJ-FRMC"
PASSED = {"passed": True, "by": "保密与数据安全工作组（场景）", "date": "2026-01-05"}


def merge(stage: Stage, row: MergerRow) -> Json:
    """Return what went over to the successor; rehearsed first, then done once."""
    old, new = stage.region.departments[row.department], stage.region.departments[row.into]
    operator, path = stage.seeded(OPERATOR), f"/v1/departments/{old.uscc}"
    if operator.ask("GET", path)["status"] == "active":
        drafted = _entry(stage, row, old)
        body = {"uscc": new.uscc, "on": day_after(0), "basis": row.basis}
        told = operator.ask("POST", f"{path}/merge-into?dry_run=true", body)["effects"]
        if drafted not in told["entries"]["items"]:
            raise Failure("推演未列出该部门的目录条目", "the dry run does not list the entry")
        operator.ask("POST", f"{path}/merge-into", body)
    until = time.monotonic() + DONE_SECONDS
    while (shown := operator.ask("GET", path))["status"] != "abolished":
        if time.monotonic() > until:
            raise Failure("合并未按时完成", "the merger was not carried out in time")
        time.sleep(PAUSE_SECONDS)
    if shown["successor"] != new.uscc:
        raise Failure("合并后的部门不对", "the successor is another department")
    changes = operator.ask("GET", f"{path}/changes")["items"]
    effects = next(each for each in changes if each["status"] == "done")["effects"]
    # The clerk's own sign-in goes on: the entry is the successor's, and so is the clerk.
    entries = [each["name"] for each in listed(stage.clerk(old), "/v1/resources", status="draft")]
    if row.entry not in entries:
        raise Failure("目录条目未随之划转", "the entry did not go over")
    return {
        "state": shown["status"],
        "entries": effects["entries"]["count"],
        "people": effects["people"],
    }


def _entry(stage: Stage, row: MergerRow, old: Department) -> str:
    """Return the entry that the department's clerk has drafted."""
    clerk = stage.clerk(old)
    for known in listed(clerk, "/v1/resources", status="draft", department=old.uscc):
        if known["name"] == row.entry:
            return str(known["id"])
    body = {
        "name": row.entry,
        "abstract": f"{old.row.name}的{row.entry}（区域场景，{STANDARD}）",
        "class_code": "306001", "region_code": old.region_code, "format": 3,
        "update_cycle": "monthly", "share_type": "unconditional", "share_modes": ["pull"],
        "open_type": "closed", "grade": 2, "reviews": {"secrecy": PASSED, "privacy": PASSED},
        "items": [
            {
                "name": "name", "label": "企业名称", "element": ELEMENT, "required": True,
                "key": True, "role": "reference",
            }
        ],
    }  # fmt: skip
    return str(clerk.ask("POST", "/v1/resources", body)["id"])
