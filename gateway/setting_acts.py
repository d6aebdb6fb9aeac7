"""What is asked of what a department or an authority sets, before it does (gateway/acts.py)."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from auth import departments, duties
from auth.duties import DUTIES, Operation
from auth.principal import Principal, Role
from auth.regions.codes import REGION
from catalog import versions
from exchange.alarms import register as alarms
from exchange.delivery.push.states import BY_PLATFORM, HEAD, Action
from exchange.parties import authorize
from exchange.subscriptions import register as subscriptions
from gateway.standing import Act, Look, Standing, refusal_of
from kernel.database import ReadSession


async def _year(_session: ReadSession, _principal: Principal, _year: str) -> Standing:
    """Every year can be read, and which one was changed before is asked under its lock."""
    return Standing()


async def _overseen_year(_session: ReadSession, principal: Principal, _year: str) -> Standing:
    principal.require_authority(REGION)
    return Standing()


async def _alarm(session: ReadSession, principal: Principal, alarm_id: str) -> Standing:
    alarm = await alarms.find(session, principal, alarm_id)
    return Standing(None, refusal_of(lambda: alarms.require_open(alarm)))


async def _any_alarm(session: ReadSession, principal: Principal, alarm_id: str) -> Standing:
    await alarms.find(session, principal, alarm_id)
    return Standing()


THINGS: Final[Mapping[str, Look]] = MappingProxyType(
    {"/v1/calendar/{year}": _year, "/v1/alarms/{alarm_id}": _any_alarm}
)


async def _networks(session: ReadSession, principal: Principal, uscc: str) -> Standing:
    department = await departments.load(session, uscc)
    duties.require(principal, Operation.MANAGE_NETWORKS, department)
    return Standing()


async def _notices(session: ReadSession, principal: Principal, uscc: str) -> Standing:
    await departments.load(session, uscc)
    principal.require_department(uscc)
    return Standing()


async def _quality(session: ReadSession, principal: Principal, resource_id: str) -> Standing:
    shown = await versions.shown(session, principal, resource_id)
    principal.require_department(shown.resource.department)
    return Standing()


async def _received(session: ReadSession, principal: Principal, subscription_id: str) -> Standing:
    subscription = await subscriptions.find(session, principal, subscription_id)
    authorize(principal, subscription, HEAD)
    return Standing()


def acts() -> Iterator[tuple[str, Act]]:
    head = (Role.HEAD,)
    yield "PUT /v1/calendar/{year}", Act(_overseen_year, (Role.AUTHORITY,))
    yield "POST /v1/alarms/{alarm_id}/acknowledge", Act(_alarm, alarms.GUARDS)
    managing = tuple(sorted(DUTIES[Operation.MANAGE_NETWORKS].roles))
    yield "PUT /v1/departments/{uscc}/networks", Act(_networks, managing)
    yield "PUT /v1/departments/{uscc}/notices", Act(_notices, head)
    yield "PUT /v1/resources/{resource_id}/quality-rules", Act(_quality, (Role.CLERK,))
    endpoint = "/v1/subscriptions/{subscription_id}/endpoint"
    yield f"PUT {endpoint}", Act(_received, head)
    for action in (each for each in Action if each not in BY_PLATFORM):
        yield f"POST {endpoint}/{action}", Act(_received, head)
    for decision in ("retry", "skip"):
        path = f"POST /v1/subscriptions/{{subscription_id}}/deliveries/{{delivery_id}}/{decision}"
        yield path, Act(_received, head)
