"""Roles that exclude each other do not meet in one person by a merger (GB/T 39477-2020)."""

import pytest

from auth.handover import colliding
from auth.principal import Role
from auth.tables import Person
from tests.support.catalog import NOW


def person(name: str, *roles: Role, id_: str = "comer") -> Person:
    return Person(
        id=id_,
        username=f"u-{id_}",
        name=name,
        department="d",
        roles=list(roles),
        password_hash="",
        created_at=NOW,
    )


@pytest.mark.parametrize(
    ("name", "roles", "lost"),
    [
        ("韦某", [Role.SECURITY, Role.CLERK], ["security"]),
        ("韦某", [Role.OPERATOR], []),
        ("韦某", [Role.CLERK, Role.HEAD], []),
        ("黄某", [Role.SECURITY], []),
    ],
)
def test_the_second_of_a_colliding_pair_is_lost(
    name: str, roles: list[Role], lost: list[str]
) -> None:
    there = [person("韦某", Role.OPERATOR, id_="there"), person("覃某", Role.AUDITOR, id_="other")]
    found = colliding([person(name, *roles)], there)
    assert [each.role for each in found] == lost
    assert all(each.person_id == "comer" for each in found)
