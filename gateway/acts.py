"""What is asked of a request before its own content: role, thing, revision, state.

A request without fault passes these in its use case, which alone decides. They are asked here of
a request that is refused for something later in the order of checks (docs/api.md section 1), so
that the first refusal is told.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from auth import authors, clients, departments, duties, people, positions
from auth import states as client_states
from auth.duties import DUTIES
from auth.duties import Operation as Duty
from auth.principal import Principal, Role, Scope
from auth.regions import directory as regions
from catalog import (
    code_lists,
    elements,
    lifecycle,
    resources,
    sources,
    standards,
    versions,
    visibility,
)
from catalog import states as catalog_states
from exchange.applications import apply, moves, register
from exchange.applications import states as application_states
from exchange.bundles import register as bundles
from exchange.bundles import states as bundle_states
from exchange.delivery.files import providing
from exchange.delivery.pull import MODE
from exchange.delivery.viewing import representing
from exchange.disputes import moves as dispute_moves
from exchange.disputes import register as disputes
from exchange.disputes import states as dispute_states
from exchange.parties import Permitted, authorize
from exchange.publishing import quarantine_entries
from exchange.subscriptions import grants, ledger
from exchange.subscriptions import register as subscriptions
from exchange.subscriptions import states as subscription_states
from exchange.subscriptions.states import FILING_ROLES
from gateway import correcting, explaining, oversight_acts, setting_acts, sided_acts
from gateway.standing import Act, Look, Standing, refusal_of
from kernel import clock
from kernel.database import ReadSession
from kernel.errors import NotFound


@cache  # by the application's routes, of which there are some hundreds
def act_of(operation: str) -> Act | None:
    """Return the act of a method and a template; None where no thing is named."""
    act = ACTS.get(operation)
    if act is not None:
        return act
    template = operation.partition(" ")[2]
    return next((Act(look) for start, look in THINGS.items() if _below(template, start)), None)


def _below(template: str, start: str) -> bool:
    return template == start or template.startswith(start + "/")


async def _resource(session: ReadSession, principal: Principal, resource_id: str) -> Standing:
    entry = await resources.get(session, principal, resource_id)
    return Standing(entry.resource.revision)


async def _draft(session: ReadSession, principal: Principal, resource_id: str) -> Standing:
    resource = await resources.rewritable(session, principal, resource_id)
    return Standing(resource.revision, refusal_of(lambda: resources.require_draft(resource)))


async def _headed(session: ReadSession, principal: Principal, resource_id: str) -> Standing:
    entry = await versions.shown(session, principal, resource_id)
    principal.require_department(entry.resource.department)
    return Standing(entry.resource.revision)


async def _overseen(session: ReadSession, principal: Principal, resource_id: str) -> Standing:
    entry = await versions.shown(session, principal, resource_id)
    principal.require_authority(entry.resource.region_code)
    return Standing(entry.resource.revision)


async def _application(session: ReadSession, principal: Principal, thing_id: str) -> Standing:
    return Standing((await register.find(session, principal, thing_id)).revision)


async def _bundle(session: ReadSession, principal: Principal, bundle_id: str) -> Standing:
    await bundles.find(session, principal, bundle_id)
    return Standing()


async def _subscription(session: ReadSession, principal: Principal, thing_id: str) -> Standing:
    return Standing((await subscriptions.find(session, principal, thing_id)).revision)


async def _client(session: ReadSession, principal: Principal, client_id: str) -> Standing:
    return Standing((await clients.get(session, principal, client_id)).revision)


async def _person(session: ReadSession, principal: Principal, person_id: str) -> Standing:
    return Standing((await people.get(session, principal, person_id)).revision)


async def _department(session: ReadSession, _principal: Principal, uscc: str) -> Standing:
    return Standing((await departments.load(session, uscc)).revision)


async def _region(_session: ReadSession, _principal: Principal, code: str) -> Standing:
    regions.get(code)
    return Standing()


async def _standard(session: ReadSession, _principal: Principal, code: str) -> Standing:
    await standards.get(session, code)
    return Standing()


async def _code_list(session: ReadSession, _principal: Principal, code: str) -> Standing:
    await code_lists.get(session, code)
    return Standing()


async def _element(session: ReadSession, _principal: Principal, code: str) -> Standing:
    await elements.get(session, code)
    return Standing()


async def _own_element(session: ReadSession, principal: Principal, code: str) -> Standing:
    element = await elements.own(session, principal, code)
    return Standing(element.revision, refusal_of(lambda: elements.require_in_use(element)))


async def _own_code_list(session: ReadSession, principal: Principal, code: str) -> Standing:
    await code_lists.own(session, principal, code)
    return Standing()


async def _source(session: ReadSession, _principal: Principal, source_id: str) -> Standing:
    await sources.get(session, source_id)
    return Standing()


async def _job(session: ReadSession, principal: Principal, job_id: str) -> Standing:
    await authors.job_of(session, principal, job_id)
    return Standing()


async def _dispute(session: ReadSession, principal: Principal, dispute_id: str) -> Standing:
    return Standing((await disputes.find(session, principal, dispute_id)).revision)


async def _refused(session: ReadSession, principal: Principal, correlation_id: str) -> Standing:
    await explaining.load(session, principal, correlation_id)
    return Standing()


async def _quarantine(session: ReadSession, principal: Principal, resource_id: str) -> Standing:
    await quarantine_entries.require_own(session, principal, resource_id, Scope.CATALOG_READ)
    return Standing()


async def _own_resource(session: ReadSession, principal: Principal, resource_id: str) -> Standing:
    if await versions.department_of(session, resource_id) != principal.department:
        raise NotFound
    return Standing()


async def _ledger(session: ReadSession, principal: Principal, subscription_id: str) -> Standing:
    await ledger.require_readable(session, principal, subscription_id)
    return Standing()


async def _own_subscription(
    session: ReadSession, principal: Principal, subscription_id: str
) -> Standing:
    await grants.require_own(session, principal, subscription_id, MODE)
    return Standing()


async def _received(session: ReadSession, principal: Principal, subscription_id: str) -> Standing:
    await representing.require_party(session, principal, subscription_id)
    return Standing()


async def _provided(session: ReadSession, principal: Principal, resource_id: str) -> Standing:
    await providing.require_provider(session, principal, resource_id, reading=True)
    return Standing()


# By the beginning of a template, the longer ones first; what follows is asked by its use case.
THINGS: Final[Mapping[str, Look]] = MappingProxyType(
    {
        "/v1/resources/{id}/quarantine": _quarantine,
        "/v1/resources/{id}/records": _quarantine,
        "/v1/resources/{id}/uploads": _headed,
        "/v1/resources/{id}/files": _provided,
        "/v1/resources/{id}/replacements": _quarantine,
        "/v1/resources/{id}/service": _own_resource,
        "/v1/subscriptions/{id}/ledger": _ledger,
        "/v1/resources/{resource_id}": _resource,
        "/v1/applications/{application_id}": _application,
        "/v1/bundles/{bundle_id}": _bundle,
        "/v1/subscriptions/{id}/preview": _received,
        "/v1/subscriptions/{id}/snapshots": _received,
        "/v1/subscriptions/{id}/files": _received,
        "/v1/subscriptions/{id}": _own_subscription,
        "/v1/subscriptions/{subscription_id}": _subscription,
        "/v1/clients/{client_id}": _client,
        "/v1/people/{person_id}": _person,
        "/v1/departments/{uscc}": _department,
        "/v1/regions/{code}": _region,
        "/v1/standards/{code:path}": _standard,
        "/v1/code-lists/{code:path}": _code_list,
        "/v1/elements/{code}": _element,
        "/v1/sources/{source_id}": _source,
        "/v1/disputes/{dispute_id}": _dispute,
        **oversight_acts.THINGS,
        **correcting.THINGS,
        **setting_acts.THINGS,
        "/v1/refusals/{correlation_id}": _refused,
        "/v1/jobs/{job_id}": _job,
    }
)


def _of_resource(action: catalog_states.Action) -> Act:
    async def look(session: ReadSession, principal: Principal, resource_id: str) -> Standing:
        entry = await versions.shown(session, principal, resource_id)
        visibility.require(principal, action, entry.resource)
        refusal = refusal_of(lambda: lifecycle.next_state(entry.resource, action))
        return Standing(entry.resource.revision, refusal)

    return Act(look, tuple(sorted(catalog_states.ALLOWED_ROLES[action])))


def _of_application(action: application_states.Action) -> Act:
    permitted = application_states.ALLOWED_ROLES[action]

    async def look(session: ReadSession, principal: Principal, application_id: str) -> Standing:
        application = await register.find(session, principal, application_id)
        authorize(principal, application, permitted)
        refusal = refusal_of(lambda: moves.target(application, action))
        return Standing(application.revision, refusal)

    return Act(look, positions.roles_of(permitted))


def _of_subscription(action: subscription_states.Action, permitted: Permitted | None = None) -> Act:
    allowed = subscription_states.ALLOWED_ROLES[action] if permitted is None else permitted

    async def look(session: ReadSession, principal: Principal, subscription_id: str) -> Standing:
        subscription = await subscriptions.find(session, principal, subscription_id)
        authorize(principal, subscription, allowed)
        state = subscriptions.status_at(subscription, clock.now())
        refusal = refusal_of(lambda: subscription_states.next_state(state, action))
        return Standing(subscription.revision, refusal)

    return Act(look, positions.roles_of(allowed))


def _of_dispute(action: dispute_states.Action) -> Act:
    permitted = dispute_states.ALLOWED_ROLES[action]

    async def look(session: ReadSession, principal: Principal, dispute_id: str) -> Standing:
        dispute = await disputes.find(session, principal, dispute_id)
        dispute_moves.authorize(principal, dispute, action)
        state = disputes.status_at(dispute, clock.now())
        refusal = refusal_of(lambda: dispute_states.next_state(state, action))
        return Standing(dispute.revision, refusal)

    return Act(look, positions.roles_of(permitted))


def _of_source(decision: catalog_states.Decision) -> Act:
    async def look(session: ReadSession, principal: Principal, source_id: str) -> Standing:
        source = await sources.get(session, source_id)
        sources.require(principal, decision, source)
        state = catalog_states.SourceStatus(source.status)
        refusal = refusal_of(
            lambda: catalog_states.step(catalog_states.SOURCE_NEXT, state, decision)
        )
        return Standing(None, refusal)

    return Act(look, tuple(sorted(catalog_states.SOURCE_ROLES[decision])))


def _of_client(action: client_states.Action) -> Act:
    async def look(session: ReadSession, principal: Principal, client_id: str) -> Standing:
        client = await clients.controlled(session, principal, client_id)
        state = client_states.State(client.status)
        return Standing(client.revision, refusal_of(lambda: client_states.after(state, action)))

    return Act(look, _roles(Duty.MANAGE_CLIENT))


def _of_bundle(action: bundle_states.Action) -> Act:
    async def look(session: ReadSession, principal: Principal, bundle_id: str) -> Standing:
        bundle = await bundles.find(session, principal, bundle_id)
        principal.require_role(*bundle_states.ALLOWED_ROLES[action])
        summary = (await bundles.summaries(session, principal, [bundle]))[bundle_id]
        return Standing(
            None, refusal_of(lambda: bundle_states.require(action, list(summary.lines)))
        )

    return Act(look, tuple(sorted(bundle_states.ALLOWED_ROLES[action])))


async def _drafted(session: ReadSession, principal: Principal, application_id: str) -> Standing:
    application = await register.find(session, principal, application_id)
    authorize(principal, application, apply.CLERK_OF_CONSUMER)
    return Standing(application.revision, refusal_of(lambda: apply.require_draft(application)))


def _of_department(duty: Duty) -> Act:
    async def look(session: ReadSession, principal: Principal, uscc: str) -> Standing:
        department = await departments.load(session, uscc)
        duties.require(principal, duty, department)
        return Standing(department.revision)

    return Act(look, _roles(duty))


def _roles(*wanted: Duty) -> tuple[Role, ...]:
    return tuple(sorted(frozenset[Role]().union(*(DUTIES[duty].roles for duty in wanted))))


def _acts() -> Iterator[tuple[str, Act]]:
    for resource in catalog_states.Action:
        yield f"POST /v1/resources/{{resource_id}}/{resource}", _of_resource(resource)
    for application in application_states.Action:
        yield (
            f"POST /v1/applications/{{application_id}}/{application}",
            _of_application(application),
        )
    for subscription in (each for each in subscription_states.Action if each != "expire"):
        act = _of_subscription(subscription)
        yield f"POST /v1/subscriptions/{{subscription_id}}/{subscription}", act
    for bundle in bundle_states.Action:
        yield f"POST /v1/bundles/{{bundle_id}}/{bundle}", _of_bundle(bundle)
    for decision in catalog_states.Decision:
        yield f"POST /v1/sources/{{source_id}}/{decision}", _of_source(decision)
    for client in client_states.Action:
        yield f"POST /v1/clients/{{client_id}}/{client}", _of_client(client)
    yield from sided_acts.acts()
    for step in (each for each in dispute_states.Action if dispute_states.ALLOWED_ROLES[each]):
        yield f"POST /v1/disputes/{{dispute_id}}/{step}", _of_dispute(step)
    yield from oversight_acts.acts()
    yield from correcting.acts()
    yield from setting_acts.acts()
    yield "POST /v1/resources/{resource_id}/file-change", Act(_overseen, (Role.AUTHORITY,))
    filing = _of_subscription(subscription_states.Action.TERMINATE, FILING_ROLES)
    yield "POST /v1/subscriptions/{subscription_id}/file-termination", filing
    authority = (Role.AUTHORITY,)
    yield "PATCH /v1/elements/{code}", Act(_own_element, authority)
    yield "POST /v1/elements/{code}/retire", Act(_own_element, authority)
    withdrawing = "POST /v1/code-lists/{code:path}/editions/{edition}/withdraw"
    yield withdrawing, Act(_own_code_list, authority)
    yield "PUT /v1/resources/{id}/service", Act(_own_resource, (Role.HEAD,))
    yield "PUT /v1/resources/{resource_id}", Act(_draft, (Role.CLERK,))
    notice = "POST /v1/resources/{resource_id}/change-notice"
    yield notice, Act(_headed, (Role.HEAD,))
    yearly = "POST /v1/resources/{resource_id}/yearly-review"
    yield yearly, Act(_headed, (Role.HEAD,))
    yield f"{notice}/extend", Act(_headed, (Role.HEAD,))
    yield f"{notice}/consent", Act(_overseen, (Role.AUTHORITY,))
    yield "PATCH /v1/applications/{application_id}", Act(_drafted, (Role.CLERK,))
    yield "PATCH /v1/people/{person_id}", Act(_person, _roles(Duty.MANAGE_PERSON))
    limits = _roles(Duty.MANAGE_CLIENT, Duty.LIMIT_CLIENT)
    yield "PATCH /v1/clients/{client_id}", Act(_client, limits)
    yield "PATCH /v1/departments/{uscc}", _of_department(Duty.MANAGE_DEPARTMENT)
    for change in ("merge-into", "move", "changes/{change_id}/cancel"):
        act = _of_department(Duty.MANAGE_DEPARTMENT)
        yield f"POST /v1/departments/{{uscc}}/{change}", act
    yield "PUT /v1/departments/{uscc}/standing-consent", _of_department(Duty.CONSENT)


ACTS: Final[Mapping[str, Act]] = MappingProxyType(dict(_acts()))
"""By method and template: every act on a thing that wants a role."""
