"""The files of the region put together: departments, resources, and who uses what; pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from auth.regions.tree import covers
from deploy.region.files import (
    EVERY,
    OWN,
    DepartmentRow,
    ElementRow,
    Files,
    PairRow,
    ProfileItemRow,
    ResourceRow,
    RuleRow,
    SystemRow,
)
from deploy.region.region import PROVIDES, Department, Item, Pair, Region, Resource
from deploy.region.story_files import DerivedRow
from kernel.identifiers import make_uscc

# What the name of a resource says of its kind, and not of its subject.
KINDS = ("开放数据集", "信息图层", "信息", "数据", "图层", "目录", "名录", "清单")


def put_together(files: Files) -> Region:
    """Return the region of files without contradictions (deploy/region/checking)."""
    departments = _departments(files.departments)
    resources = _with_origins({row.system.id: row for row in _resources(files, departments)})
    pairs = tuple(_pairs(files, departments, resources))
    return Region(
        files, MappingProxyType(departments), MappingProxyType(resources), pairs, files.story
    )


def _departments(rows: Sequence[DepartmentRow]) -> dict[str, Department]:
    by_name = {row.department: row for row in rows}
    acting = {row.department: by_name[row.represented_by or row.department] for row in rows}
    return {name: Department(row, uscc_of(row)) for name, row in acting.items()}


def uscc_of(row: DepartmentRow) -> str:
    """A fictitious code with right check digits: no real organisation has such eight characters."""
    return make_uscc("1", row.kind[1], row.region_code, str(row.organisation))


def rule_of(files: Files, system: SystemRow) -> RuleRow | None:
    """Return the first rule whose word the name of the system's resource holds."""
    return next((rule for rule in files.rules if rule.word in str(system.resource)), None)


def topic(resource: str) -> str:
    """What a resource is about: its name without the kind of thing that it is."""
    for kind in KINDS:
        if resource.endswith(kind) and resource != kind:
            return resource.removesuffix(kind)
    return resource


def _resources(files: Files, departments: Mapping[str, Department]) -> Iterator[Resource]:
    overrides = {row.system: row for row in files.resources}
    profiles = {row.profile: row for row in files.profiles}
    elements = {row.code: row for row in files.elements}
    derived = {row.system: row.derived_from for row in files.story.derived}
    announced = {(row.provider, row.item): row.mask for row in files.story.announcements}
    for system in files.systems:
        if system.role not in PROVIDES:
            continue
        rule = rule_of(files, system)
        if rule is None:
            continue
        said = overrides.get(system.id) or ResourceRow(line=0, system=system.id)
        profile = profiles[said.profile or rule.profile]
        rows = [row for row in files.profile_items if row.profile == profile.profile]
        yield Resource(
            system=system,
            department=departments[system.department],
            profile=profile,
            rule=rule,
            items=tuple(
                replace(
                    _item(row, system, elements), announced=announced.get((system.id, row.item))
                )
                for row in rows
            ),
            categories=said.categories or rule.categories,
            grade=said.grade or profile.grade,
            share_type=said.share_type or profile.share_type,
            open_type=said.open_type or profile.open_type,
            update_cycle=said.update_cycle or profile.update_cycle,
            class_code=said.class_code or profile.class_code,
            derived_from=derived.get(system.id, ()),
        )


def _with_origins(resources: Mapping[str, Resource]) -> dict[str, Resource]:
    """Let what is derived from entries of its own kind have their rows, and theirs."""

    def whole(resource: Resource) -> Resource:
        origins = [resources[name] for name in resource.derived_from]
        alike = [each for each in origins if each.profile == resource.profile]
        return replace(resource, origins=tuple(map(whole, alike)))

    return {name: whole(resource) for name, resource in resources.items()}


def _item(row: ProfileItemRow, system: SystemRow, elements: Mapping[str, ElementRow]) -> Item:
    if row.element == OWN:
        code = f"GX-{system.id.upper()}-{row.item.upper().replace('_', '-')}"
        return Item(row, code, topic(str(system.resource)) + row.label, False, 1)  # noqa: FBT003
    shared = elements[row.element]
    return Item(row, shared.code, shared.name, shared.personal is not None, shared.sensitivity)


def _pairs(
    files: Files, departments: Mapping[str, Department], resources: Mapping[str, Resource]
) -> Iterator[Pair]:
    """What the systems consume, and what of regional entries flows back to where it came from."""
    systems = {row.id: row for row in files.systems}
    making = _PairMaking(files, departments, resources)
    consumed = [(row, used) for row in files.systems for used in row.consumes]
    back = [*_flowing_back(files.story.derived, consumed, systems, resources)]
    flows = {(row.id, provider) for row, provider in back}
    known = {(row.id, provider) for row, provider in consumed}
    for row, provider in [*consumed, *(it for it in back if (it[0].id, it[1]) not in known)]:
        yield making.pair(row, provider, return_flow=(row.id, provider) in flows)


def _flowing_back(
    derived: Sequence[DerivedRow],
    consumed: Sequence[tuple[SystemRow, str]],
    systems: Mapping[str, SystemRow],
    resources: Mapping[str, Resource],
) -> Iterator[tuple[SystemRow, str]]:
    """Who of each lower department takes its own rows: who consumes the entry, else its origin."""
    for row in derived:
        upper = resources[row.system].department.region_code
        for name in row.derived_from:
            origin = systems[name]
            code = resources[name].department.region_code
            if code == upper or not covers(upper, code):
                continue
            same = [
                each
                for each, used in consumed
                if used == row.system and each.department == origin.department
            ]
            yield from ((each, row.system) for each in same or [origin])


@dataclass(frozen=True, slots=True)
class _PairMaking:
    files: Files
    departments: Mapping[str, Department]
    resources: Mapping[str, Resource]

    def pair(self, system: SystemRow, provider: str, *, return_flow: bool) -> Pair:
        rows = (row for row in self.files.pairs if row.consumer == system.id)
        said = next((row for row in rows if row.provider == provider), None) or PairRow(
            line=0, consumer=system.id, provider=provider
        )
        purpose = next(row for row in self.files.purposes if row.group == system.group)
        resource, department = self.resources[provider], self.departments[system.department]
        words = {
            "system": system.name, "department": department.row.name, "resource": resource.name,
        }  # fmt: skip
        return Pair(
            consumer=system,
            department=department,
            resource=resource,
            mode=said.mode or mode_of(system, resource),
            basis=purpose.basis,
            scenario=said.scenario or purpose.scenario.format(**words),
            scope=purpose.scope.format(**words),
            return_flow=return_flow,
        )


def mode_of(consumer: SystemRow, resource: Resource) -> str:
    """Return the first mode of the consumer that is offered, else the first one offered."""
    offered = (mode for mode in consumer.modes if mode in resource.modes)
    return next(offered, resource.modes[0])


def posts(files: Files, department: str) -> list[tuple[str, str, str]]:
    """Return role, suffix and name of each post of a department."""
    return [
        (row.role, row.suffix, row.name)
        for row in files.people
        if EVERY in row.departments or department in row.departments
    ]
