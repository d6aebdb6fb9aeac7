"""Who may do what to whom: every set of roles, in every place, for every operation."""

from dataclasses import dataclass
from itertools import chain, combinations

import pytest

from auth.duties import (
    DUTIES,
    Operation,
    divisions,
    may,
    require,
    require_known,
    require_other_eyes,
)
from auth.errors import FourEyes, NotYourDepartment, RoleRequired
from auth.principal import Principal, Role
from auth.rules import SEPARATED
from kernel.errors import NotFound
from tests.support.registry import acting


@dataclass(frozen=True)
class Place:
    uscc: str
    region_code: str


OWN = Place("own", "450100")
PLACES = {
    "own": OWN,
    "same division": Place("other", "450100"),
    "below": Place("other", "450103"),
    "above": Place("other", "450000"),
    "beside": Place("other", "450200"),
    "another region": Place("other", "440000"),
    "the state": Place("other", "100000"),
}
NEAR = {"own", "same division", "below"}
POWER_SET = [
    frozenset(roles)
    for roles in chain.from_iterable(combinations(Role, count) for count in range(len(Role) + 1))
]
# The whole law, in other words than the code's: role, operation, and where.
ALLOWED = {
    (Role.HEAD, Operation.MANAGE_CLIENT): {"own"},
    (Role.HEAD, Operation.CONSENT): {"own"},
    (Role.SECURITY, Operation.SEE_CLIENT): NEAR,
    (Role.SECURITY, Operation.MANAGE_CLIENT): NEAR,
    (Role.SECURITY, Operation.MANAGE_PERSON): NEAR,
    (Role.SECURITY, Operation.SEE_NETWORKS): NEAR,
    (Role.SECURITY, Operation.MANAGE_NETWORKS): NEAR,
    (Role.OPERATOR, Operation.SEE_NETWORKS): NEAR,
    (Role.OPERATOR, Operation.SEE_CLIENT): NEAR,
    (Role.OPERATOR, Operation.LIMIT_CLIENT): NEAR,
    (Role.OPERATOR, Operation.MANAGE_DEPARTMENT): NEAR,
}


def _caller(roles: frozenset[Role], region_code: str = OWN.region_code) -> Principal:
    return acting(*roles, department=OWN.uscc, region_code=region_code)


def _single(role: Role | None, operation: Operation, where: str) -> bool:
    member = operation in (Operation.SEE_CLIENT, Operation.SEE_NETWORKS) and where == "own"
    return member or (role is not None and where in ALLOWED.get((role, operation), set()))


@pytest.mark.parametrize("roles", POWER_SET, ids=lambda roles: "+".join(sorted(roles)) or "none")
def test_roles_together_allow_what_one_of_them_allows_and_nothing_more(
    roles: frozenset[Role],
) -> None:
    """The operator's sight and the head's role once added up to any department's clients (D1)."""
    principal = _caller(roles)
    for operation in Operation:
        for where, place in PLACES.items():
            expected = any(_single(role, operation, where) for role in roles or [None])
            assert may(principal, operation, place) is expected, (operation, where)


@pytest.mark.parametrize("roles", POWER_SET, ids=lambda roles: "+".join(sorted(roles)) or "none")
def test_what_separated_roles_do_is_in_different_hands(roles: frozenset[Role]) -> None:
    """Beside the separated one, no set of roles gives another department's duties (GB/T 39477)."""
    for separated in SEPARATED:
        if roles & SEPARATED != {separated}:
            continue
        reached = {
            operation
            for operation in Operation
            for where, place in PLACES.items()
            if where != "own" and may(_caller(roles), operation, place)
        }
        alone = {each for role, each in ALLOWED if role is separated}
        assert reached == alone


@pytest.mark.parametrize("operation", [each for each in Operation if DUTIES[each].roles])
def test_a_refusal_says_whether_the_role_or_the_place_is_wrong(operation: Operation) -> None:
    roles = DUTIES[operation].roles
    with pytest.raises(RoleRequired) as refused:
        require(_caller(frozenset(Role) - roles), operation, OWN)
    assert refused.value.facts == {"required": sorted(roles)}
    with pytest.raises(NotYourDepartment):
        require(_caller(roles), operation, PLACES["another region"])
    with pytest.raises(NotFound):
        require_known(_caller(roles), operation, PLACES["another region"])
    require(_caller(roles), operation, OWN)


def test_the_state_is_administered_by_the_region_and_by_no_city() -> None:
    state = PLACES["the state"]
    for operation in (Operation.MANAGE_PERSON, Operation.MANAGE_DEPARTMENT):
        roles = DUTIES[operation].roles
        assert may(_caller(roles, "450000"), operation, state)
        assert not may(_caller(roles, "450100"), operation, state)
        assert not may(_caller(roles, "100000"), operation, PLACES["above"])
    assert divisions("450000") == ("45", "100000")
    assert divisions("450103") == ("450103",)


def test_who_has_no_role_sees_the_clients_of_the_own_department() -> None:
    require_known(_caller(frozenset()), Operation.SEE_CLIENT, OWN)
    with pytest.raises(NotFound):
        require_known(_caller(frozenset()), Operation.SEE_CLIENT, PLACES["same division"])


def test_who_drafted_does_not_sign() -> None:
    """Clerk and head, and so both signatures of an entry, could be one person (D8)."""
    with pytest.raises(FourEyes):
        require_other_eyes(acting(Role.HEAD, person_id="a"), {"a", "b"})
    require_other_eyes(acting(Role.HEAD, person_id="c"), {"a", "b"})
