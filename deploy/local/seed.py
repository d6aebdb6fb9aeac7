"""The people of a local platform, and the file that says how to sign in as them."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auth import departments, passwords, people
from auth.departments import NewDepartment
from auth.oauth.public_client import CLIENT_ID
from auth.people import NewPerson
from auth.principal import Role
from auth.store import departments as department_store
from auth.store import people as person_store
from deploy.local.files import read_json, write_json
from deploy.local.wording import LocalError
from kernel import clock
from kernel.actor import SYSTEM
from kernel.database import Database, WriteSession
from kernel.settings import Settings

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


@dataclass(frozen=True, slots=True)
class Seat:
    """One line of the file."""

    username: str
    password: str
    role: Role

    def line(self) -> dict[str, Any]:
        return {
            "username": self.username,
            "password": self.password,
            "roles": [self.role.value],
            "department": USCC,
        }


def seed(environment: Mapping[str, str], path: Path) -> None:
    """Make the first department and people, and write `path` (mode 0600) to sign in as them.

    May be repeated: passwords that still fit the database stay. LocalError outside development.
    """
    settings = _settings(environment)
    if settings.environment != "development":
        raise LocalError(
            "只有开发环境才会预置人员；请使用 shuyuan bootstrap。",
            "People are seeded in development only; use `shuyuan bootstrap`.",
        )
    seats = asyncio.run(_seed(settings, _passwords(read_json(path))))
    people_ = [seat.line() for seat in seats]
    told = {"base_url": settings.base_url, "cli_client_id": CLIENT_ID, "people": people_}
    write_json(path, told)


def _settings(environment: Mapping[str, str]) -> Settings:
    values: dict[str, Any] = {
        name.removeprefix("SHUYUAN_").lower(): value
        for name, value in environment.items()
        if name.startswith("SHUYUAN_")
    }
    return Settings(**values)


def _passwords(known: Mapping[str, Any]) -> dict[str, str]:
    """Return the passwords that the file holds, by username."""
    lines = known.get("people", [])
    return {line["username"]: line["password"] for line in lines if isinstance(line, dict)}


async def _seed(settings: Settings, passwords_: Mapping[str, str]) -> list[Seat]:
    database = Database(settings.database_url, pool_size=2)
    try:
        async with database.transaction() as session:
            if await department_store.get(session, USCC) is None:
                await departments.add(session, SYSTEM, AUTHORITY, now=clock.now())
            return [await _seat(session, role, passwords_.get(role)) for role in NAMES]
    finally:
        await database.close()


async def _seat(session: WriteSession, role: Role, password: str | None) -> Seat:
    """Make the person, or keep them with a password that is known."""
    person = await person_store.named(session, role)
    if person is None:
        seat = Seat(role, password or _new_password(), role)
        new = NewPerson(role, NAMES[role], USCC, frozenset({role}), seat.password)
        await people.add(session, SYSTEM, new, now=clock.now())
        return seat
    if password and await passwords.fits(person.password_hash, password):
        return Seat(role, password, role)
    seat = Seat(role, _new_password(), role)
    await people.reset_password(session, SYSTEM, person, seat.password)
    return seat


def _new_password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)
