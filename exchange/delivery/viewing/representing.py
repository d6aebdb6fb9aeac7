"""People of the consumer, who look at what their subscription's client is handed on."""

from dataclasses import replace
from typing import Final

from auth.principal import Principal, Role, Scope
from exchange.delivery.admission import RECORDS_READ, Caller, check
from exchange.delivery.grant_plans import GrantPlan
from exchange.subscriptions import grants
from exchange.subscriptions.grants import Grant
from kernel.database import ReadSession
from kernel.errors import NotFound

ROLES: Final = (Role.CLERK, Role.HEAD)
PERSON: Final = "person"


class Representative:
    """A person in the place of the grant's client: `admission.Caller` over who really asks.

    Whatever the client is refused the person is refused, too; role and department are asked again
    whenever the token is.
    """

    def __init__(self, caller: Caller, plan: GrantPlan) -> None:
        self._caller = caller
        self._grant = plan.grant
        self._person: Principal | None = None
        self._client: Principal | None = None

    async def confirm(self) -> Principal:
        """Return the stand-in; raises 401 errors, RoleRequired, and NotFound to outsiders."""
        return self._in_place_of(await self._caller.confirm())

    def known(self) -> Principal | None:
        person = self._caller.known()
        return None if person is None else self._in_place_of(person)

    def _in_place_of(self, person: Principal) -> Principal:
        if self._client is None or person is not self._person:
            self._client = in_place_of(person, self._grant)
            self._person = person
        return self._client


def in_place_of(principal: Principal, grant: Grant) -> Principal:
    """Return a person of the consumer as the grant's client, and a client as it is.

    Raises NotFound to other departments, InsufficientScope and RoleRequired.
    """
    if principal.kind != PERSON:
        return principal
    require_consumer(principal, grant.consumer_department)
    scopes = frozenset({*principal.scopes, RECORDS_READ})
    return replace(principal, id=grant.client_id, scopes=scopes)


def require_consumer(person: Principal, department: str) -> None:
    """Raise unless a person is clerk or head of the consuming department.

    Raises NotFound to other departments, InsufficientScope and RoleRequired.
    """
    if person.kind != PERSON or person.department != department:
        raise NotFound
    person.require_scope(Scope.CATALOG_READ)
    person.require_role(*ROLES)


async def require_party(session: ReadSession, principal: Principal, subscription_id: str) -> None:
    """Raise what keeps a subscription's client, or people in its place, from what it shows now.

    Raises NotFound to all others, 403 errors.
    """
    grant = (await grants.load_several(session, [subscription_id])).get(subscription_id)
    if grant is None:
        raise NotFound
    check(in_place_of(principal, grant), grant, grant.mode)
