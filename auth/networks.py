"""Networks of a department: the only ones in which the platform calls its receivers and services.

Named by the security administrator of its division. A department without any is never called.
"""

from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_network
from typing import Final

from auth import departments, duties, restoration
from auth.duties import Operation
from auth.events import AuthEvent
from auth.principal import Principal
from auth.store import networks as store
from auth.tables import Networks
from kernel import audit, changes
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldErrors, Stale
from kernel.outbound.addresses import WIDEST, Network, Rule
from kernel.preconditions import Precondition

__all__ = ["KIND", "Networks", "allowed", "get", "put"]

KIND: Final = "networks"
"""What a change is announced as; the key is the department."""
SUBJECT: Final = "department"
NETWORKS_MAX: Final = 64


async def put(
    session: WriteSession,
    principal: Principal,
    uscc: str,
    precondition: Precondition,
    *,
    cidrs: Sequence[str],
    rule: Rule,
    now: datetime,
) -> Networks:
    """Name the networks, in the place of those before.

    Raises RoleRequired, NotYourDepartment, NotFound, PreconditionRequired and Stale where there
    are some already, Invalid.
    """
    duties.require_role(principal, Operation.MANAGE_NETWORKS)
    department = await departments.load(session, uscc)
    duties.require(principal, Operation.MANAGE_NETWORKS, department)
    present = await store.get(session, uscc)
    precondition.check(None if present is None else present.revision)
    wanted = Networks(department=uscc, cidrs=_checked(cidrs, rule), changed_at=now)
    written = await _written(session, present, wanted)
    audit.record(
        session, principal.actor, AuthEvent.NETWORKS_CHANGED, SUBJECT, uscc, cidrs=written.cidrs
    )
    restoration.tell(session, AuthEvent.NETWORKS_CHANGED, uscc)
    await changes.announce(session, KIND, uscc)
    return written


async def _written(session: WriteSession, present: Networks | None, wanted: Networks) -> Networks:
    """Store the row; raises Stale where another was first."""
    if present is not None:
        return await store.change(session, present.revision, wanted)
    if not await store.add(session, wanted):
        raise Stale
    return wanted


async def get(session: ReadSession, principal: Principal, uscc: str) -> Networks | None:
    """Return what is named, None where nothing is; raises NotFound to who may not know."""
    department = await departments.load(session, uscc)
    duties.require_known(principal, Operation.SEE_NETWORKS, department)
    return await store.get(session, uscc)


async def allowed(session: ReadSession, uscc: str) -> tuple[Network, ...]:
    """Return the networks in which the department may be called now."""
    row = await store.get(session, uscc)
    return () if row is None else tuple(ip_network(each) for each in row.cidrs)


def _checked(cidrs: Sequence[str], rule: Rule) -> list[str]:
    """Return the networks in the one spelling, each once."""
    errors = FieldErrors()
    networks = [_network(f"cidrs[{index}]", text, rule, errors) for index, text in enumerate(cidrs)]
    errors.raise_if_any()
    return list(dict.fromkeys(str(network) for network in networks if network is not None))


def _network(path: str, text: str, rule: Rule, errors: FieldErrors) -> Network | None:
    try:
        network = ip_network(text)
    except ValueError:
        errors.add(
            path,
            "pattern",
            "应为网段，如 10.1.2.0/24",
            "should be a network like 10.1.2.0/24, without bits of a host",
        )
        return None
    if network.prefixlen < WIDEST[network.version]:
        errors.add(path, "out_of_range", "网段过大", "is too wide")
    elif all(rule.is_never_called(end) for end in (network[0], network[-1])):
        errors.add(
            path,
            "out_of_range",
            "该网段为本机、链路本地、组播等保留地址，或属于平台自身",
            "is never called: this machine, link local, multicast, reserved, or the platform's own",
        )
    return network
