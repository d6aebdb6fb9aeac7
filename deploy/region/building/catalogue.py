"""Standards, code lists, elements and their sources, then the entries, each as its people do it."""

from collections.abc import Iterator, Mapping
from typing import Any

from auth.regions.codes import REGION, STATE
from catalog.national import files as national
from deploy.demo.catalogue import step_on
from deploy.demo.stage import AUTHORITY, Json, find, listed
from deploy.region.building.crowd import Crowd
from deploy.region.building.stage import Stage
from deploy.region.checking import NATIONAL
from deploy.region.files import CodeListRow, ElementRow
from deploy.region.region import (
    CLEAR,
    STANDARD,
    WHY_CLEAR,
    Department,
    Item,
    Resource,
    mask_of,
)
from shuyuan_client.http import ExchangeClient, Refused

LEGAL_BASIS = "《政务数据共享条例》第十九条；部门职责规定（场景）"
PASSED = {"passed": True, "by": "保密与数据安全工作组（场景）", "date": "2026-01-05"}
SIGN_OFF = {"leader_name": "（场景）部门负责人", "signed_on": "2026-01-06"}
UNEXPLAINED = "duplicate_unexplained"
EXPLANATION = "本资源由本部门在本级履职中直接采集登记，用于本级核验，与该资源互为印证，不能由其代替"
CONDITIONS = {
    "share_conditions": "限政务部门依法履职使用，个人信息脱敏，不得向第三方提供",
    "share_scope": "国家机关和法律法规授权的组织",
    "share_purposes": "政务服务办理、资格核验、行政管理与统计分析",
}
# An entry names at least one mode (Order 809 Art 13); of what is only listed nothing is mounted.
LISTED = ("file",)
COMPARED = ("share_type", "share_modes", "open_type", "grade", "update_cycle", "class_code")
ITEM_COMPARED = ("name", "element", "required", "key", "role", "mask")
Wanted = tuple[str, Department, str]


def register_terms(stage: Stage, crowd: Crowd) -> int:
    """The authority registers standards, code lists and elements; return how many elements."""
    authority, files = stage.seeded(AUTHORITY), stage.region.files
    known = {row["code"] for row in listed(authority, "/v1/standards")}
    for standard in files.standards:
        if standard.code not in known:
            body = {"code": standard.code, "title": standard.title}
            body |= {"edition": standard.edition, "effective_from": standard.effective_from}
            authority.ask("POST", "/v1/standards", body)
    for code_list in files.code_lists:
        _code_list(stage, code_list)
    elements = {**shared_elements(stage), **_own(stage)}
    known = {row["code"] for row in listed(authority, "/v1/elements")}
    missing = [body for code, body in elements.items() if code not in known]
    crowd.each(missing, lambda body: authority.ask("POST", "/v1/elements", body))
    return len(elements)


def _code_list(stage: Stage, row: CodeListRow) -> None:
    authority, path = stage.seeded(AUTHORITY), f"/v1/code-lists/{row.code}"
    known = find(authority, path)
    if known is None:
        body = {"code": row.code, "name": row.name, "standard": row.standard}
        known = authority.ask("POST", "/v1/code-lists", body)
    if not known.get("editions"):
        edition = {"edition": row.edition, "effective_from": row.effective_from}
        authority.ask("POST", f"{path}/editions", edition | {"items": [*_codes(row)]})


def _codes(row: CodeListRow) -> Iterator[Json]:
    if row.items == (NATIONAL,):
        edition = next(each for each in national.editions() if each.code_list == row.code)
        yield from ({"value": code.value, "name": code.name} for code in edition.items)
        return
    for item in row.items:
        value, _, name = item.partition("=")
        yield {"value": value, "name": name}


def shared_elements(stage: Stage) -> Mapping[str, Json]:
    """The elements that several resources use, as the authority registers them, by their codes."""
    used = {item.element for each in stage.region.resources.values() for item in each.items}
    used |= {row.element for row in stage.region.story.contests}
    rows = [row for row in stage.region.files.elements if row.code in used]
    return {row.code: _element(row) for row in rows}


def _element(row: ElementRow) -> Json:
    limits = {
        "min_length": row.min_length, "max_length": row.max_length, "precision": row.precision,
        "minimum": None if row.minimum is None else float(row.minimum), "scale": row.scale,
        "maximum": None if row.maximum is None else float(row.maximum),
        "code_list": row.code_list, "checker": row.checker,
    }  # fmt: skip
    return _said(limits) | {
        "code": row.code, "name": row.name, "definition": row.definition,
        "data_type": row.data_type, "standard": row.standard, "sensitivity": row.sensitivity,
        "personal": row.personal is not None,
    }  # fmt: skip


def _own(stage: Stage) -> Mapping[str, Json]:
    return {
        item.element: _own_element(each, item)
        for each in stage.region.resources.values()
        for item in each.items
        if item.own
    }


def _own_element(resource: Resource, item: Item) -> Json:
    row = item.row
    limits = {
        "max_length": row.max_length, "precision": row.precision, "scale": row.scale,
        "code_list": row.code_list,
    }  # fmt: skip
    return _said(limits) | {
        "code": item.element, "name": item.element_name,
        "definition": f"{resource.name}的{row.label}", "data_type": row.data_type,
        "standard": STANDARD, "sensitivity": item.sensitivity, "personal": item.personal,
    }  # fmt: skip


def _said(limits: Mapping[str, object]) -> Json:
    return {name: value for name, value in limits.items() if value is not None}


def become_sources(stage: Stage, crowd: Crowd) -> int:
    """Heads claim, authorities designate; return how many sources there are."""
    wanted = {*_claims(stage)}
    active = {
        (row["element"], row["department"], row["region_code"])
        for row in listed(stage.seeded(AUTHORITY), "/v1/sources", status="active")
    }
    missing = [
        (element, department, code)
        for element, department, code in sorted(wanted, key=lambda it: (it[0], it[2]))
        if (element, department.uscc, code) not in active
    ]
    open_claims = _open_claims(stage) if missing else {}
    crowd.each(missing, lambda it: _become_source(stage, it, open_claims))
    return len(wanted)


def _open_claims(stage: Stage) -> Mapping[tuple[str, str, str], str]:
    """The claims that a run has left open, which broke off before they were designated."""
    authority = stage.seeded(AUTHORITY)
    return {
        (row["element"], row["department"], row["region_code"]): row["id"]
        for status in ("claimed", "contested")
        for row in listed(authority, "/v1/sources", status=status)
    }


def _claims(stage: Stage) -> Iterator[Wanted]:
    region = stage.region
    for resource in region.resources.values():
        code = resource.department.region_code
        for item in resource.items:
            if item.own:
                yield item.element, resource.department, code
                continue
            level = STATE if code == STATE else REGION
            yield item.element, region.source_of(item.element, level), level


def _become_source(
    stage: Stage, wanted: Wanted, open_claims: Mapping[tuple[str, str, str], str]
) -> None:
    element, department, code = wanted
    claim = open_claims.get((element, department.uscc, code))
    if claim is None:
        path = f"/v1/elements/{element}/sources"
        body = {"region_code": code, "legal_basis": LEGAL_BASIS}
        claim = stage.head(department).ask("POST", path, body)["id"]
    stage.authority(code).ask("POST", f"/v1/sources/{claim}/designate")


def publish_entries(stage: Stage, crowd: Crowd) -> list[Resource]:
    """Take every entry as far as published; what others refer to comes first.

    Returns those that the files now describe otherwise than they were published: an entry in force
    is revised by its department, and nobody else.
    """
    published = {
        (row["department"], row["name"]): row["id"]
        for row in listed(stage.seeded(AUTHORITY), "/v1/resources")
        if row["published_version"] is not None
    }
    region = stage.region
    missing: list[Resource] = []
    changed: list[Resource] = []
    for name, resource in region.resources.items():
        known = published.get((resource.department.uscc, resource.name))
        if known is None:
            missing.append(resource)
            continue
        if stage.notes.get(f"resource {name}") != known:
            stage.notes.note(f"resource {name}", known)
        if not _as_described(stage, resource):
            changed.append(resource)
    first = [each for each in missing if each.system.id in region.sources_of_shared]
    for resource in sorted(first, key=lambda it: it.department.region_code):
        _publish(stage, resource)
    rest = [each for each in missing if each.system.id not in region.sources_of_shared]
    for wave in _waves(rest):
        crowd.each(wave, lambda it: _publish(stage, it))
    return changed


def _waves(resources: list[Resource]) -> Iterator[list[Resource]]:
    """What others are made from before what is made from it."""
    rest = list(resources)
    while rest:
        names = {each.system.id for each in rest}
        wave = [each for each in rest if names.isdisjoint(each.derived_from)]
        yield wave
        rest = [each for each in rest if each not in wave]


def _as_described(stage: Stage, resource: Resource) -> bool:
    """Whether the entry in force is the one of the files; looked at where no run has noted it."""
    name = resource.system.id
    noted = stage.notes.get(f"entry {name}")
    if noted is not None:
        return bool(noted == resource.entry_print)
    entry = stage.seeded(AUTHORITY).ask("GET", f"/v1/resources/{stage.resource_id(name)}")
    versions = [entry_of(stage, resource, announced=it) for it in (False, True)]
    if any(_same(entry, described) for described in versions):
        stage.notes.note(f"entry {name}", resource.entry_print)
        return True
    return False


def _same(entry: Json, described: Json) -> bool:
    if any(entry[field] != described[field] for field in COMPARED):
        return False
    if {*entry["derived_from"]} != {*described["derived_from"]}:
        return False
    items = [[item[field] for field in ITEM_COMPARED] for item in entry["items"]]
    return items == [[item[field] for field in ITEM_COMPARED] for item in described["items"]]


def _publish(stage: Stage, resource: Resource) -> None:
    clerk = stage.clerk(resource.department)
    name = f"resource {resource.system.id}"
    drafted = stage.notes.get(name)
    entry = None if drafted is None else find(clerk, f"/v1/resources/{drafted}")
    entry = entry or _under_way(clerk, resource)
    if entry is None:
        entry = clerk.ask("POST", "/v1/resources", entry_of(stage, resource))
    if drafted != entry["id"]:
        stage.notes.note(name, entry["id"])
    path = f"/v1/resources/{entry['id']}"
    authority = stage.authority(resource.department.region_code)
    step_on(authority, path, str(entry["status"]), lambda: sign_off(stage, resource, path))
    stage.notes.note(f"entry {resource.system.id}", resource.entry_print)


def _under_way(clerk: ExchangeClient, resource: Resource) -> Json | None:
    """Return the entry that a run has left on its way, whatever it could note of it."""
    mine = listed(clerk, "/v1/resources", department=resource.department.uscc)
    states = {"draft", "submitted", "approved"}
    return next(
        (row for row in mine if row["name"] == resource.name and row["status"] in states), None
    )


def sign_off(stage: Stage, resource: Resource, path: str, *, announced: bool = False) -> Json:
    """Sign off; explain first why what is published elsewhere does not suffice (Art 19)."""
    head = stage.head(resource.department)
    try:
        return head.ask("POST", f"{path}/submit", SIGN_OFF)
    except Refused as refusal:
        similar = [each["allowed"][0] for each in refusal.errors if each.get("code") == UNEXPLAINED]
        if not similar:
            raise
    clerk = stage.clerk(resource.department)
    headers = {"If-Match": clerk.send("GET", path).headers["ETag"]}
    said = [{"resource_id": each, "reason": EXPLANATION} for each in similar]
    described = entry_of(stage, resource, announced=announced) | {"duplicates": said}
    clerk.ask("PUT", path, described, headers=headers)
    return head.ask("POST", f"{path}/submit", SIGN_OFF)


def entry_of(stage: Stage, resource: Resource, *, announced: bool = False) -> Json:
    """The entry as the department's clerk writes it; its announced version hides more."""
    conditions = CONDITIONS if resource.share_type == "conditional" else {}
    return {
        "name": resource.name,
        "abstract": f"{resource.system.name}提供的{resource.name}（区域场景，记录均为虚构）",
        "class_code": resource.class_code,
        "region_code": resource.department.region_code,
        "format": resource.profile.format,
        "update_cycle": resource.update_cycle,
        "share_type": resource.share_type,
        "share_modes": [*(resource.modes or LISTED)],
        "open_type": resource.open_type,
        "grade": resource.grade,
        "reviews": {"secrecy": PASSED, "privacy": PASSED},
        "derived_from": [stage.resource_id(name) for name in resource.derived_from],
        "items": [_item(stage, resource, item, announced=announced) for item in resource.items],
        **conditions,
    }


def _item(stage: Stage, resource: Resource, item: Item, *, announced: bool) -> Json:
    is_source = stage.region.is_source(resource, item)
    hidden = mask_of(item.announced) if announced and item.announced else item.mask
    said: dict[str, Any] = {
        "name": item.name, "label": item.row.label, "element": item.element,
        "required": item.row.required is not None, "key": item.row.key is not None,
        "role": "source" if is_source else "reference", "mask": hidden,
    }  # fmt: skip
    if item.personal and item.row.mask == CLEAR:
        said["unmasked_reason"] = WHY_CLEAR
    origin = stage.region.origin(resource, item)
    return said if origin is None else said | {"refers_to": stage.resource_id(origin.system.id)}
