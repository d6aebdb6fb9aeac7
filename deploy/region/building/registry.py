"""Departments, their people and their systems; what is there already stays."""

from deploy.demo.stage import OPERATOR, SECURITY, Json, listed
from deploy.region.building.crowd import Crowd
from deploy.region.building.stage import Stage
from deploy.region.files import SystemRow
from deploy.region.putting_together import posts
from deploy.region.region import CONSUMES, PROVIDES, Department

LOOPBACK = "127.0.0.0/8"


def register(stage: Stage, crowd: Crowd) -> tuple[int, int, int]:
    """Register whoever takes part; return how many departments, people and systems there are."""
    departments = [*_taking_part(stage).values()]
    known = {row["uscc"] for row in listed(stage.seeded(OPERATOR), "/v1/departments")}
    crowd.each(
        [each for each in departments if each.uscc not in known], lambda it: _department(stage, it)
    )
    people = {row["username"]: row for row in listed(stage.seeded(SECURITY), "/v1/people")}
    wanted = [
        (each, *post)
        for each in departments
        for post in posts(stage.region.files, each.row.department)
    ]
    crowd.each(wanted, lambda it: _person(stage, it, people))
    systems = taking_part(stage)
    clients = {
        (row["department"], row["name"]): row
        for row in listed(stage.seeded(SECURITY), "/v1/clients")
        if row["status"] == "active"
    }
    crowd.each(systems, lambda it: _system(stage, it, clients))
    return len(departments), len(wanted), len(systems)


def taking_part(stage: Stage) -> list[SystemRow]:
    """The systems that provide or consume something in this part of the region."""
    used = {*stage.region.resources, *(pair.consumer.id for pair in stage.region.pairs)}
    return [row for row in stage.region.files.systems if row.id in used]


def _taking_part(stage: Stage) -> dict[str, Department]:
    names = {row.department for row in taking_part(stage)}
    names |= {row.source for row in stage.region.files.elements}
    names |= {row.national_source for row in stage.region.files.elements}
    story = stage.region.story
    names |= {name for row in story.contests for name in (row.first, row.rival)}
    names |= {name for row in story.mergers for name in (row.department, row.into)}
    departments = stage.region.departments
    return {departments[name].uscc: departments[name] for name in names}


def _department(stage: Stage, department: Department) -> None:
    row = department.row
    body = {
        "uscc": department.uscc, "name": row.name, "region_code": row.region_code,
        "authority": row.authority is not None,
    }  # fmt: skip
    stage.seeded(OPERATOR).ask("POST", "/v1/departments", body)


def _person(stage: Stage, wanted: tuple[Department, str, str, str], known: dict[str, Json]) -> None:
    department, role, suffix, name = wanted
    username = department.username(suffix)
    remembered = stage.secret(username) is not None
    password = stage.password(username)
    person = known.get(username)
    security = stage.seeded(SECURITY)
    if person is None:
        body: Json = {"username": username, "name": name, "department": department.uscc}
        body |= {"password": password, "temporary": False, "roles": [role]}
        security.ask("POST", "/v1/people", body)
    elif not remembered:
        path = f"/v1/people/{person['id']}"
        headers = {"If-Match": security.send("GET", path).headers["ETag"]}
        security.ask("PATCH", path, {"password": password, "temporary": False}, headers=headers)


def _system(stage: Stage, system: SystemRow, known: dict[tuple[str, str], Json]) -> None:
    department = stage.region.departments[system.department]
    client = known.get((department.uscc, system.name))
    name = f"client {system.id}"
    if client is not None and not {*_scopes(system)} <= {*client["scopes"]}:
        _widen(stage, department, client, system)
    if client is None:
        body = {"name": system.name, "department": department.uscc, "scopes": _scopes(system)}
        told = stage.head(department).ask(
            "POST", "/v1/clients", body | {"auth_method": "client_secret_basic"}
        )
    elif stage.secret(name) is None or stage.client_id(system.id) != client["client_id"]:
        told = stage.head(department).ask("POST", f"/v1/clients/{client['client_id']}/rotate")
    else:
        return
    stage.keep(name, told["client_secret"])
    stage.notes.note(name, told["client_id"])


def _scopes(system: SystemRow) -> list[str]:
    scopes = ["catalog:read"]
    scopes += ["records:publish"] if system.role in PROVIDES else []
    return scopes + (["records:read"] if system.role in CONSUMES else [])


def _widen(stage: Stage, department: Department, client: Json, system: SystemRow) -> None:
    """Let a system that provides or consumes by now do so as well."""
    head, path = stage.head(department), f"/v1/clients/{client['client_id']}"
    headers = {"If-Match": head.send("GET", path).headers["ETag"]}
    scopes = sorted({*client["scopes"], *_scopes(system)})
    head.ask("PATCH", path, {"scopes": scopes}, headers=headers)


def allow_own_machine(stage: Stage, department: Department) -> None:
    """Let the platform call the department's receivers and services on this machine."""
    path, security = f"/v1/departments/{department.uscc}/networks", stage.seeded(SECURITY)
    read = security.send("GET", path)
    cidrs = read.json()["cidrs"]
    if LOOPBACK not in cidrs:
        headers = {"If-Match": read.headers["ETag"]} if "ETag" in read.headers else {}
        security.ask("PUT", path, {"cidrs": [*cidrs, LOOPBACK]}, headers=headers)
