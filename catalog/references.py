"""Whether the items of an entry are of their source, or refer to it (Order 809 Art 19, P1)."""

from collections.abc import Collection, Mapping, Sequence

from catalog import sources
from catalog.entries import Item, ItemRole
from catalog.rules.references import origin_errors, role_errors
from catalog.store import bindings
from catalog.tables import Resource
from kernel.database import ReadSession
from kernel.errors import FieldError


async def errors(
    session: ReadSession, resource: Resource, region_code: str, items: Sequence[Item]
) -> list[FieldError]:
    """Return what is wrong with the roles and origins of the items, as sources are now."""
    found = await sources.sources_of(session, {item.element for item in items}, region_code)
    departments = {element: source.department for element, source in found.items()}
    offered = await _offered(session, items, departments)
    return [
        *role_errors(items, departments, resource.department),
        *origin_errors(items, departments, offered, resource.department),
    ]


async def origins(
    session: ReadSession, department: str, region_code: str, referred: Collection[str]
) -> Mapping[str, Sequence[str]]:
    """Return the published resources that an item of the department may refer to, by element."""
    if not referred:
        return {}
    found = await sources.sources_of(session, referred, region_code)
    others = {
        code: each.department for code, each in found.items() if each.department != department
    }
    return await _published(session, set(referred), others)


async def _offered(
    session: ReadSession, items: Collection[Item], departments: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return the published resources in which the source of each referred element holds it."""
    referred = {item.element for item in items if item.role is ItemRole.REFERENCE}
    return await _published(session, referred, departments)


async def _published(
    session: ReadSession, referred: Collection[str], departments: Mapping[str, str]
) -> dict[str, list[str]]:
    wanted = {element: departments[element] for element in set(referred) & departments.keys()}
    found: dict[str, list[str]] = {}
    for resource_id, department, element in await bindings.published_by(session, wanted):
        if wanted[element] == department:
            found.setdefault(element, []).append(resource_id)
    return found
