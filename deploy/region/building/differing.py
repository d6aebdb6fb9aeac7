"""What stands on the platform and the files describe otherwise, or no more: told, never changed.

What is added is built, and other records are published; the rest is its departments' to change.
"""

from collections.abc import Iterator, Mapping

from auth.regions.codes import STATE
from deploy.demo.stage import AUTHORITY, OPERATOR, SECURITY, listed
from deploy.region.building.catalogue import shared_elements
from deploy.region.building.stage import Stage
from deploy.region.checking import DEPARTMENTS, ELEMENTS, PEOPLE, SYSTEMS
from deploy.region.events import events
from deploy.region.putting_together import posts, put_together
from deploy.region.reading import HEAD_LINES, Invalid, Problem
from deploy.region.region import Pair

EVENTS = "events"
LIVE = frozenset({"active", "suspended"})
ENDED = frozenset({"retired", "discarded"})


def require_alike(stage: Stage) -> None:
    """Raise Invalid where the files contradict, or leave out, what earlier runs have built."""
    differing = [
        *_departments(stage),
        *_people(stage),
        *_terms(stage),
        *_systems(stage),
        *_entries(stage),
        *_uses(stage),
        *_events(stage),
    ]
    if differing:
        raise Invalid(differing)


def _otherwise(file: str, line: int, name: str, here: object, there: object) -> Problem:
    return Problem(
        file,
        line,
        f"{name} 在平台上为 {there}，文件中为 {here}，未作改动；"
        "请由主管人员在平台上更改，或在文件中改回",
        f"{name} is {there} on the platform and {here} in the file; nothing was changed: "
        "let whoever is in charge change it there, or take the change back",
    )


def _left_out(file: str, name: str, remedy: str, english: str) -> Problem:
    return Problem(
        file,
        HEAD_LINES,
        f"{name} 已建立，而文件不再列出，未作改动；请{remedy}，或把该行放回",
        f"{name} was built and is no longer listed; nothing was changed: {english}, "
        "or put the line back",
    )


def _departments(stage: Stage) -> Iterator[Problem]:
    known = {row["uscc"]: row for row in listed(stage.seeded(OPERATOR), "/v1/departments")}
    for row in stage.region.files.departments:
        there = known.get(stage.region.departments[row.department].uscc)
        if row.represented_by is None and there is not None and there["name"] != row.name:
            yield _otherwise(DEPARTMENTS, row.line, row.department, row.name, there["name"])


def _people(stage: Stage) -> Iterator[Problem]:
    """A line that every department has is told once."""
    files = stage.region.files
    known = {row["username"]: row for row in listed(stage.seeded(SECURITY), "/v1/people")}
    lines, told = {row.suffix: row.line for row in files.people}, set[int]()
    for department in stage.region.departments.values():
        for role, suffix, name in posts(files, department.row.department):
            there = known.pop(department.username(suffix), None)
            if there is None or (there["name"], there["roles"]) == (name, [role]):
                continue
            if lines[suffix] not in told:
                told.add(lines[suffix])
                said = f"{there['name']} {'、'.join(there['roles'])}"
                yield _otherwise(PEOPLE, lines[suffix], there["username"], f"{name} {role}", said)
    for username, there in known.items():
        if username.startswith("region.") and there["status"] == "active":
            yield _left_out(PEOPLE, username, "停用该人员", "disable that person")


def _terms(stage: Stage) -> Iterator[Problem]:
    """Elements by what they say; those of a resource are told with its entry."""
    rows = {row["code"]: row for row in listed(stage.seeded(AUTHORITY), "/v1/elements")}
    lines = {row.code: row.line for row in stage.region.files.elements}
    for code, body in shared_elements(stage).items():
        there = rows.get(code)
        for name, here in body.items():
            if there is not None and code in lines and not _alike(there[name], here):
                yield _otherwise(ELEMENTS, lines[code], f"{code} {name}", here, there[name])


def _alike(there: object, here: object) -> bool:
    """Bounds may come as text, that no digit of them is lost."""
    if isinstance(here, float) and there is not None:
        return float(str(there)) == here
    return there == here


def _systems(stage: Stage) -> Iterator[Problem]:
    """A system is known by its client, whatever it is called: by its name it would be doubled."""
    clients = {
        row["client_id"]: row
        for row in listed(stage.seeded(SECURITY), "/v1/clients")
        if row["status"] == "active"
    }
    files = stage.region.files
    systems = {row.id: row for row in files.systems if row.role != "X"}
    for name, client_id in _noted(stage, "client "):
        there, row = clients.get(client_id), systems.get(name)
        if there is None:
            continue
        if row is None:
            yield _left_out(SYSTEMS, name, "停用该应用系统", "suspend that client")
            continue
        owner = stage.region.departments[row.department].uscc
        if (there["department"], there["name"]) != (owner, row.name):
            said = f"{there['name']} {there['department']}"
            yield _otherwise(SYSTEMS, row.line, name, f"{row.name} {owner}", said)


def _entries(stage: Stage) -> Iterator[Problem]:
    entries = {
        row["id"]: row
        for row in listed(stage.seeded(AUTHORITY), "/v1/resources")
        if row["published_version"] is not None and row["status"] not in ENDED
    }
    files = stage.region.files
    provided = {row.id: row for row in files.systems if row.resource}
    for name, resource_id in _noted(stage, "resource "):
        there, row = entries.get(resource_id), provided.get(name)
        if there is not None and row is None:
            remedy = f"由提供部门停用目录条目《{there['name']}》"
            yield _left_out(SYSTEMS, name, remedy, "let its department retire the entry")
        elif there is not None and row is not None and there["name"] != row.resource:
            yield _otherwise(SYSTEMS, row.line, name, row.resource, there["name"])


def _uses(stage: Stage) -> Iterator[Problem]:
    """A use is known by its subscription: by another mode it would be a second one."""
    noted = dict(_noted(stage, "subscription "))
    if not noted:
        return
    live = {
        row["id"]: row
        for row in listed(stage.authority(STATE), "/v1/subscriptions", role="authority")
        if row["status"] in LIVE
    }
    pairs = _every_pair(stage)
    for name, subscription in noted.items():
        there, pair = live.get(subscription), pairs.get(name)
        if there is not None and pair is None:
            remedy = f"由双方终止授权 {subscription}"
            yield _left_out(SYSTEMS, name, remedy, "let a party terminate the grant")
        elif there is not None and pair is not None and there["mode"] != pair.mode:
            yield _otherwise(SYSTEMS, pair.consumer.line, name, pair.mode, there["mode"])


def _events(stage: Stage) -> Iterator[Problem]:
    """What has happened cannot be taken back, nor told otherwise."""
    told = {each.id for each in events(put_together(stage.region.files))}
    for name, _state in _noted(stage, "event "):
        if name not in told:
            yield _left_out(EVENTS, name, "在文件中保留其记录", "it has happened")


def _every_pair(stage: Stage) -> Mapping[str, Pair]:
    """Those of the whole region: a part of it leaves nothing out."""
    return {pair.id: pair for pair in put_together(stage.region.files).pairs}


def _noted(stage: Stage, prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in stage.notes.all(prefix):
        yield name.removeprefix(prefix), str(value)
