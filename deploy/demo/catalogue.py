"""One datum, one source, one standard: from the elements to the published resource."""

from collections.abc import Callable

from deploy.demo.cast import (
    CLAIMED,
    ELEMENTS,
    LEGAL_BASIS,
    LEVEL_EDITION,
    LEVEL_LIST,
    REGION,
    RESOURCE,
    SIGN_OFF,
    STANDARD,
    STATISTICS,
    Body,
    Bureau,
)
from deploy.demo.proof import require
from deploy.demo.stage import AUTHORITY, Json, Stage, find, find_in
from shuyuan_client.http import ExchangeClient, Refused

CONFLICT = 409


def register_elements(stage: Stage) -> None:
    """The authority registers the standard, the code list of levels, and the elements."""
    authority = stage.as_(AUTHORITY)
    if find(authority, f"/v1/standards/{STANDARD['code']}") is None:
        authority.ask("POST", "/v1/standards", STANDARD)
    path = f"/v1/code-lists/{LEVEL_LIST['code']}"
    levels = find(authority, path) or authority.ask("POST", "/v1/code-lists", LEVEL_LIST)
    if not levels.get("editions"):
        authority.ask("POST", f"{path}/editions", LEVEL_EDITION)
    for element in ELEMENTS:
        if find(authority, f"/v1/elements/{element['code']}") is None:
            authority.ask("POST", "/v1/elements", element)


def become_source(stage: Stage, bureau: Bureau) -> None:
    """The head claims, the authority designates; what is designated already stays."""
    for element in CLAIMED:
        claim = _claim(stage, bureau, element)
        if claim["status"] != "active":
            stage.as_(AUTHORITY).ask("POST", f"/v1/sources/{claim['id']}/designate")
        require_source(stage, bureau, element)


def contest(stage: Stage, bureau: Bureau, element: str) -> Json:
    """A second department claims: contested, and the authority cannot make it a second source."""
    claim = _claim(stage, bureau, element)
    require(
        claim["status"] == "contested",
        f"第二个认责应为 contested，实为 {claim['status']}",
        f"the second claim should be contested, is {claim['status']}",
    )
    try:
        stage.as_(AUTHORITY).ask("POST", f"/v1/sources/{claim['id']}/designate")
    except Refused as refusal:
        if refusal.status == CONFLICT:
            return claim
        raise
    require(False, "平台接受了第二个数源", "the exchange accepted a second source")  # noqa: FBT003
    return claim


def require_source(stage: Stage, bureau: Bureau, element: str) -> None:
    """Prove that the element has this one source in the region, and no other."""
    clerk = stage.as_(STATISTICS.clerk)
    params = {"region_code": REGION, "status": "active", "limit": "200"}
    found = clerk.ask("GET", f"/v1/elements/{element}/sources", params=params)["items"]
    departments = [source["department"] for source in found]
    require(
        departments == [bureau.uscc],
        f"{element} 的数源应只有{bureau.name}，实为 {departments}",
        f"the one source of {element} should be {bureau.uscc}, is {departments}",
    )


def _claim(stage: Stage, bureau: Bureau, element: str) -> Json:
    head, path = stage.as_(bureau.head), f"/v1/elements/{element}/sources"
    for status in ("active", "claimed", "contested"):
        wanted = {"department": bureau.uscc, "region_code": REGION, "status": status}
        known = find_in(head, path, wanted, region_code=REGION)
        if known is not None:
            return known
    return head.ask("POST", path, {"region_code": REGION, "legal_basis": LEGAL_BASIS})


def publish_resource(stage: Stage, entry: Body = RESOURCE) -> str:
    """Take the resource as far as published, from wherever an earlier run has left it.

    What is published already stays as it is, whatever becomes of its next version.
    """
    clerk = stage.as_(STATISTICS.clerk)
    wanted = {"name": entry["name"]}
    filters = {"department": STATISTICS.uscc, "q": entry["name"]}
    for status in ("published", "approved", "submitted", "draft"):
        known = find_in(clerk, "/v1/resources", wanted, status=status, **filters)
        if known is not None and known["published_version"] is not None:
            return str(known["id"])
        if known is not None:
            return carry_on(stage, str(known["id"]), status)
    drafted = clerk.ask("POST", "/v1/resources", entry)
    return carry_on(stage, str(drafted["id"]), "draft")


def carry_on(stage: Stage, resource_id: str, status: str) -> str:
    """Take the newest version of a resource from a state to publication; return its id."""
    path, head = f"/v1/resources/{resource_id}", stage.as_(STATISTICS.head)
    step_on(
        stage.as_(AUTHORITY), path, status, lambda: head.ask("POST", f"{path}/submit", SIGN_OFF)
    )
    return resource_id


def step_on(authority: ExchangeClient, path: str, status: str, submit: Callable[[], Json]) -> None:
    """Take an entry from a state to publication: signed off by its head, then by the authority."""
    steps: dict[str, Callable[[], Json]] = {
        "draft": submit,
        "submitted": lambda: authority.ask("POST", f"{path}/approve"),
        "approved": lambda: authority.ask("POST", f"{path}/publish"),
    }
    while status in steps:
        status = steps[status]()["status"]
