"""A department is merged into another one: its work goes on under the successor's name."""

import time

from deploy.demo import registry
from deploy.demo.cast import MAPPING, MERGED_ENTRY, MERGER_BASIS, NATURAL_RESOURCES
from deploy.demo.proof import require
from deploy.demo.stage import OPERATOR, Json, Stage, find
from kernel import clock
from kernel.workdays import local_date

PATIENCE_SECONDS, POLL_SECONDS = 60.0, 0.2
PATH = f"/v1/departments/{MAPPING.uscc}"


def merge(stage: Stage) -> Json:
    """Rehearse the merger, carry it out and prove it; return what it did."""
    registry.register_department(stage, NATURAL_RESOURCES)
    known = find(stage.as_(OPERATOR), PATH)
    if known is None or known["status"] == "active":
        _carry_out(stage)
    return _prove(stage)


def _carry_out(stage: Stage) -> None:
    registry.register_department(stage, MAPPING)
    registry.register_person(stage, MAPPING, MAPPING.clerk, "经办", "clerk")
    clerk, operator = stage.as_(MAPPING.clerk), stage.as_(OPERATOR)
    drafted = clerk.ask("POST", "/v1/resources", MERGED_ENTRY)
    today = local_date(clock.now()).isoformat()
    body = {"uscc": NATURAL_RESOURCES.uscc, "on": today, "basis": MERGER_BASIS}
    effects = operator.ask("POST", f"{PATH}/merge-into?dry_run=true", body)["effects"]
    require(
        drafted["id"] in effects["entries"]["items"],
        "推演应列出该局的目录条目",
        "the dry run should list the department's entry",
    )
    operator.ask("POST", f"{PATH}/merge-into", body)
    _wait_until_abolished(stage)
    # The token of before the merger: its person is the successor's now.
    shown = clerk.ask("GET", f"/v1/resources/{drafted['id']}")
    require(
        shown["department"] == NATURAL_RESOURCES.uscc,
        "目录条目应归并入后的部门",
        "the entry should be the successor's",
    )


def _wait_until_abolished(stage: Stage) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while stage.as_(OPERATOR).ask("GET", PATH)["status"] != "abolished":
        require(
            time.monotonic() < until,
            f"合并在 {PATIENCE_SECONDS:.0f} 秒内未完成",
            f"the merger was not done after {PATIENCE_SECONDS:.0f} s",
        )
        time.sleep(POLL_SECONDS)


def _prove(stage: Stage) -> Json:
    operator = stage.as_(OPERATOR)
    shown = operator.ask("GET", PATH)
    require(
        shown["successor"] == NATURAL_RESOURCES.uscc,
        "被合并的部门应指向并入的部门",
        "the merged department should name its successor",
    )
    (done,) = (
        each for each in operator.ask("GET", f"{PATH}/changes")["items"] if each["status"] == "done"
    )
    return dict(done["effects"])
