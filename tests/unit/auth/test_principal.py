"""What a caller may do: scope, role, department, region."""

import pytest

from auth.errors import InsufficientScope, NotYourDepartment, RoleRequired
from auth.principal import Principal, Role, Scope
from auth.regions.tree import covers


def _person(*roles: Role, authority: bool = False, region: str = "450000") -> Principal:
    return Principal(
        "person", "p", "d1", region, authority, frozenset(roles), frozenset({"admin"}), "t", 0.0
    )


def test_a_scope_that_the_token_lacks_is_named() -> None:
    with pytest.raises(InsufficientScope) as refused:
        _person().require_scope(Scope.AUDIT_READ)
    assert refused.value.facts == {"required": "audit:read"}


def test_one_of_several_roles_is_enough() -> None:
    _person(Role.HEAD).require_role(Role.HEAD, Role.SECURITY)
    with pytest.raises(RoleRequired):
        _person(Role.CLERK).require_role(Role.HEAD, Role.SECURITY)


def test_another_department_is_not_the_callers() -> None:
    _person().require_department("d1")
    with pytest.raises(NotYourDepartment):
        _person().require_department("d2")


def test_an_authority_acts_in_its_region_and_below() -> None:
    authority = _person(Role.AUTHORITY, authority=True, region="450100")
    authority.require_authority("450100")
    authority.require_authority("450103")
    for region in ("450000", "450200"):
        with pytest.raises(NotYourDepartment):
            authority.require_authority(region)


def test_the_role_is_nothing_in_a_department_without_authority() -> None:
    with pytest.raises(NotYourDepartment):
        _person(Role.AUTHORITY).require_authority("450000")


@pytest.mark.parametrize(
    ("upper", "lower", "covered"),
    [
        ("450000", "450000", True),
        ("450000", "451425", True),
        ("450000", "440000", False),
        ("450100", "450103001", True),
        ("450103001000", "450103001001", True),
        ("450103", "450100", False),
        ("450110", "450110", True),
        # 横县 was 450127 until 2021, 宾阳县 452123 until 2002.
        ("450181", "450127", True),
        ("450127", "450181", True),
        ("450100", "452123", True),
        ("450200", "452123", False),
        ("100000", "450103", True),
        ("450000", "100000", False),
    ],
)
def test_a_division_covers_itself_and_what_lies_below(
    upper: str, lower: str, covered: bool
) -> None:
    assert covers(upper, lower) is covered
