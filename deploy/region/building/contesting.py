"""Two departments claim one element, and the authority settles whose it is (Art 11)."""

from auth.regions.codes import REGION
from deploy.demo.stage import Json, listed
from deploy.region.building.stage import Stage
from deploy.region.region import Department
from deploy.region.story_files import ContestRow

LEGAL_BASIS = "《政务数据共享条例》第十一条；部门职责规定（场景）"
OPEN = ("claimed", "contested")
ENDED = {"kept": "rejected", "replaced": "active"}


def settle(stage: Stage, row: ContestRow) -> Json:
    """Return how both claims stand once the authority has decided."""
    first, rival = stage.region.departments[row.first], stage.region.departments[row.rival]
    if _status(stage, row, rival) != ENDED[row.outcome]:
        mine = _claim(stage, row, first)
        if row.outcome == "replaced" and mine["status"] != "active":
            _decide(stage, mine, "designate", row)
        theirs = _claim(stage, row, rival)
        if row.outcome == "replaced":
            _decide(stage, theirs, "replace", row)
        else:
            if mine["status"] != "active":
                _decide(stage, mine, "designate", row)
            _decide(stage, theirs, "reject", row)
    return {
        "state": "settled",
        "first": _status(stage, row, first),
        "rival": _status(stage, row, rival),
    }


def _claims(stage: Stage, row: ContestRow, department: Department) -> list[Json]:
    """The department's claims to the element in the region, the newest last."""
    path = f"/v1/elements/{row.element}/sources"
    known = listed(stage.head(department), path, region_code=REGION)
    mine = [each for each in known if each["department"] == department.uscc]
    return sorted(mine, key=lambda it: str(it["claimed_at"]))


def _status(stage: Stage, row: ContestRow, department: Department) -> str | None:
    claims = _claims(stage, row, department)
    return str(claims[-1]["status"]) if claims else None


def _claim(stage: Stage, row: ContestRow, department: Department) -> Json:
    for known in _claims(stage, row, department):
        if known["status"] in {"active", *OPEN}:
            return known
    body = {"region_code": REGION, "legal_basis": LEGAL_BASIS}
    return stage.head(department).ask("POST", f"/v1/elements/{row.element}/sources", body)


def _decide(stage: Stage, claim: Json, how: str, row: ContestRow) -> None:
    stage.authority(REGION).ask("POST", f"/v1/sources/{claim['id']}/{how}", {"reason": row.reason})
