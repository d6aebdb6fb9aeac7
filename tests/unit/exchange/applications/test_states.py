"""Every state × action × side × role of an application, against the regulation's own table."""

from dataclasses import dataclass
from itertools import product

import pytest

from auth.errors import NotYourDepartment, RoleRequired
from auth.principal import Principal, Role
from exchange.applications.states import ALLOWED_ROLES, NEXT, Action, State, actions, next_state
from exchange.parties import Side, authorize, may, require_visible, sides
from kernel.errors import IllegalTransition, NotFound

# api.md section 4, written a second time by hand.
TABLE = """
sign draft submitted
request-supplement submitted supplement_requested
supplement supplement_requested submitted
extend submitted extension_requested
consent-extension extension_requested submitted
deny-extension extension_requested submitted
agree submitted agreed
refuse submitted refused
reroute submitted rerouted
withdraw draft,submitted,supplement_requested,extension_requested withdrawn
"""
WHO = {
    "sign": ("consumer", {"head"}),
    "request-supplement": ("provider", {"clerk", "head"}),
    "supplement": ("consumer", {"clerk"}),
    "extend": ("provider", {"head"}),
    "consent-extension": ("authority", {"authority"}),
    "deny-extension": ("authority", {"authority"}),
    "agree": ("provider", {"head"}),
    "refuse": ("provider", {"head"}),
    "reroute": ("authority", {"authority"}),
    "withdraw": ("consumer", {"clerk", "head"}),
}
EXPECTED = {
    (start, action): end
    for action, starts, end in (line.split() for line in TABLE.strip().splitlines())
    for start in starts.split(",")
}

CONSUMER, PROVIDER, AUTHORITY, OUTSIDER = "consumer", "provider", "authority", "outsider"


@dataclass(frozen=True)
class Between:
    consumer_department: str = CONSUMER
    provider_department: str = PROVIDER
    region_code: str = "450100"
    is_unsigned: bool = False


def person(department: str, role: Role, *, region: str = "450000") -> Principal:
    return Principal(
        kind="person",
        id="p",
        department=department,
        region_code=region,
        is_authority=department == AUTHORITY,
        roles=frozenset({role}),
        scopes=frozenset(),
        token_id="t",
        expires_at=0,
    )


@pytest.mark.parametrize(("state", "action"), list(product(State, Action)))
def test_every_action_leads_where_the_contract_says_or_is_refused(
    state: State, action: Action
) -> None:
    if (state, action) in EXPECTED:
        assert next_state(state, action) == EXPECTED[state, action]
        return
    with pytest.raises(IllegalTransition) as refused:
        next_state(state, action)
    assert refused.value.facts == {
        "state": state,
        "allowed": [a for a in Action if (state, a) in EXPECTED],
    }


def test_the_table_holds_nothing_else() -> None:
    assert dict(NEXT) == EXPECTED
    assert set(ALLOWED_ROLES) == set(Action)


@pytest.mark.parametrize(
    ("action", "department", "role"),
    list(product(Action, (CONSUMER, PROVIDER, AUTHORITY, OUTSIDER), Role)),
)
def test_only_the_named_side_and_role_may_act(action: Action, department: str, role: Role) -> None:
    side, roles = WHO[action]
    principal = person(department, role)
    permitted = ALLOWED_ROLES[action]
    party = department in (CONSUMER, PROVIDER) or (department, role) == (AUTHORITY, "authority")
    if department == side and role in roles:
        assert authorize(principal, Between(), permitted) == Side(side)
        assert may(principal, Between(), permitted)
        return
    assert not may(principal, Between(), permitted)
    expected = (RoleRequired, NotYourDepartment) if party or role == "auditor" else (NotFound,)
    with pytest.raises(expected):
        authorize(principal, Between(), permitted)


@pytest.mark.parametrize("action", [a for a in Action if "authority" in WHO[a][0]])
def test_an_authority_elsewhere_does_not_even_know_of_it(action: Action) -> None:
    elsewhere = person(AUTHORITY, Role.AUTHORITY, region="450200")
    with pytest.raises(NotFound):
        authorize(elsewhere, Between(), ALLOWED_ROLES[action])


def test_a_department_may_be_its_own_provider() -> None:
    own = Between(consumer_department=PROVIDER)
    head = person(PROVIDER, Role.HEAD)
    assert authorize(head, own, ALLOWED_ROLES[Action.SIGN]) == Side.CONSUMER
    assert authorize(head, own, ALLOWED_ROLES[Action.AGREE]) == Side.PROVIDER


def test_everything_missing_is_told_once_only() -> None:
    assert Action.REQUEST_SUPPLEMENT in actions(State.SUBMITTED)
    assert Action.REQUEST_SUPPLEMENT not in actions(State.SUBMITTED, supplement_used=True)
    with pytest.raises(IllegalTransition):
        next_state(State.SUBMITTED, Action.REQUEST_SUPPLEMENT, supplement_used=True)


def test_what_is_decided_stays_decided() -> None:
    for state in (State.AGREED, State.REFUSED, State.REROUTED, State.WITHDRAWN):
        assert actions(state) == ()


def test_an_unsigned_application_is_nobody_elses_yet() -> None:
    """The provider read by its id what the consumer's head had not signed (D20)."""
    unsigned = Between(is_unsigned=True)
    assert sides(person(CONSUMER, Role.CLERK), unsigned) == {Side.CONSUMER}
    for outsider in (
        person(PROVIDER, Role.HEAD),
        person(AUTHORITY, Role.AUTHORITY),
        person(AUTHORITY, Role.AUDITOR),
    ):
        with pytest.raises(NotFound):
            require_visible(outsider, unsigned)
        require_visible(outsider, Between())


def test_an_auditor_reads_what_lies_in_the_own_division() -> None:
    """An auditor of any region read everything of every other one (D5)."""
    require_visible(person("elsewhere", Role.AUDITOR, region="450000"), Between())
    for region in ("450200", "440000"):
        with pytest.raises(NotFound):
            require_visible(person("elsewhere", Role.AUDITOR, region=region), Between())
