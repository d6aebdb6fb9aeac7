"""The people of a local platform, and the file that says how to sign in as them."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auth import bootstrap
from auth.departments import NewDepartment
from auth.oauth.public_client import CLIENT_ID
from auth.people import NewPerson
from auth.principal import Role
from deploy.local.files import read_json, write_json
from deploy.local.wording import LocalError
from kernel import clock
from kernel.database import Database
from kernel.database_access import DatabaseAccess
from kernel.settings import of

# Fictitious, with a right last place: 1 1 = 机关 registered with 机构编制.
USCC = "11450000MB0000019D"
REGION = "450000"
AUTHORITY = NewDepartment(USCC, "广西壮族自治区大数据发展局", REGION, authority=True)
PASSWORD_BYTES = 18
NAMES: Mapping[Role, str] = {
    Role.OPERATOR: "系统管理员",
    Role.SECURITY: "安全管理员",
    Role.AUDITOR: "审计员",
    Role.AUTHORITY: "主管部门审核员",
    Role.CLERK: "主管部门经办",
    Role.HEAD: "主管部门工作机构负责人",
}


def seed(environment: Mapping[str, str], path: Path) -> None:
    """Make the first department and people, and write `path` (mode 0600) to sign in as them.

    May be repeated: passwords that the file holds stay. LocalError outside development.
    """
    settings = of(environment)
    if settings.environment != "development":
        raise LocalError(
            "只有开发环境才会预置人员；请使用 shuyuan bootstrap。",
            "People are seeded in development only; use `shuyuan bootstrap`.",
        )
    known = _passwords(read_json(path))
    people = [_person(role, known.get(role) or _new_password()) for role in NAMES]
    told = {
        "base_url": settings.base_url,
        "cli_client_id": CLIENT_ID,
        "people": [_line(person) for person in people],
    }
    asyncio.run(_settle(DatabaseAccess.of(settings), people))
    write_json(path, told)


def _passwords(known: Mapping[str, Any]) -> dict[str, str]:
    """Return the passwords that the file holds, by username."""
    lines = known.get("people", [])
    return {line["username"]: line["password"] for line in lines if isinstance(line, dict)}


def _person(role: Role, password: str) -> NewPerson:
    return NewPerson(role, NAMES[role], USCC, frozenset({role}), password)


def _line(person: NewPerson) -> dict[str, Any]:
    return {
        "username": person.username,
        "password": person.password,
        "roles": sorted(person.roles),
        "department": person.department,
    }


async def _settle(place: DatabaseAccess, people: Sequence[NewPerson]) -> None:
    database = Database(place, pool_size=2)
    try:
        async with database.transaction() as session:
            await bootstrap.settle_department(session, AUTHORITY, now=clock.now())
        for person in people:
            await bootstrap.settle_person(database, person, now=clock.now())
    finally:
        await database.close()


def _new_password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)
