"""The operator, security and the heads register who takes part; what is there already stays."""

import secrets

from deploy.demo.cast import BUREAUS, REGION, Bureau, System
from deploy.demo.sign_in import signing_in
from deploy.demo.stage import OPERATOR, SECURITY, Json, Stage, find, find_in
from shuyuan_client.http import Refused, with_secret

PASSWORD_BYTES = 18


def register_bureaus(stage: Stage) -> None:
    """Register each department with its clerk and its head, and let both sign in."""
    for bureau in BUREAUS:
        register_department(stage, bureau)
        register_person(stage, bureau, bureau.clerk, "经办", "clerk")
        register_person(stage, bureau, bureau.head, "工作机构负责人", "head")


def register_department(stage: Stage, bureau: Bureau) -> None:
    """Register the department where it is not."""
    operator = stage.as_(OPERATOR)
    if find(operator, f"/v1/departments/{bureau.uscc}") is None:
        body = {"uscc": bureau.uscc, "name": bureau.name, "region_code": REGION}
        operator.ask("POST", "/v1/departments", body | {"authority": False})


def register_person(stage: Stage, bureau: Bureau, username: str, name: str, role: str) -> None:
    """Register a member of staff where there is none, and let the person sign in."""
    security = stage.as_(SECURITY)
    known = find_in(security, "/v1/people", {"username": username}, department=bureau.uscc)
    password = stage.memory.get(username)
    if known is None or password is None:
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        stage.memory.keep(username, password)
        if known is None:
            body = {"username": username, "name": name, "department": bureau.uscc}
            security.ask("POST", "/v1/people", body | {"roles": [role], "password": password})
        else:
            _reset_password(stage, known, password)
    stage.admit(username, signing_in(username, password))


def _reset_password(stage: Stage, person: Json, password: str) -> None:
    security, path = stage.as_(SECURITY), f"/v1/people/{person['id']}"
    read = security.send("GET", path)
    headers = {"If-Match": read.headers["ETag"]}
    security.ask("PATCH", path, {"password": password}, headers=headers)


def register_system(stage: Stage, system: System) -> str:
    """Register an application system by its head, write its profile, and return its id."""
    head = stage.as_(system.bureau.head)
    uscc = system.bureau.uscc
    wanted = {"name": system.name, "status": "active"}
    known = find_in(head, "/v1/clients", wanted, department=uscc)
    if known is None:
        body = {"name": system.name, "department": uscc, "scopes": list(system.scopes)}
        known = head.ask("POST", "/v1/clients", body | {"auth_method": "client_secret_basic"})
        _learn(stage, system, known)
    elif not _admitted(stage, system, known["client_id"]):
        _learn(stage, system, head.ask("POST", f"/v1/clients/{known['client_id']}/rotate"))
    return str(known["client_id"])


def _learn(stage: Stage, system: System, told_once: Json) -> None:
    stage.memory.keep(told_once["client_id"], told_once["client_secret"])
    _admitted(stage, system, told_once["client_id"])


def _admitted(stage: Stage, system: System, client_id: str) -> bool:
    """Whether the system calls under its name with the secret that is remembered."""
    secret = stage.memory.get(client_id)
    if secret is None:
        return False
    stage.admit(system.name, with_secret(client_id, secret))
    try:
        stage.as_(system.name).token()
    except Refused:
        return False
    stage.memory.write_profile(
        system.profile,
        SHUYUAN_BASE_URL=stage.base_url,
        SHUYUAN_CLIENT_ID=client_id,
        SHUYUAN_CLIENT_SECRET=secret,
    )
    return True
