"""The region as it follows from its files: who shares what with whom, by which mode; pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from auth.regions.codes import REGION, STATE
from deploy.region.files import (
    EVERY,
    OWN,
    DepartmentRow,
    ElementRow,
    Files,
    PairRow,
    ProfileItemRow,
    ProfileRow,
    ResourceRow,
    RuleRow,
    SystemRow,
)
from kernel.identifiers import make_uscc

CITY_DIGITS = 4
# What the name of a resource says of its kind, and not of its subject.
KINDS = ("开放数据集", "信息图层", "信息", "数据", "图层", "目录", "名录", "清单")
PROVIDES, CONSUMES = frozenset("PB"), frozenset("CB")
RECORDS = 1_000
POPULATION_RECORDS = 8_000
STANDARD = "数源场景〔2026〕1号"
CLEAR = "clear"
DIVISION = "division"
PRINT_DIGITS = 16
WHY_CLEAR = "统计与资格判断需要原值，且单独不足以识别个人"


@dataclass(frozen=True, slots=True)
class Department:
    """A department with its fictitious, check-digit-valid credit code."""

    row: DepartmentRow
    uscc: str

    @property
    def region_code(self) -> str:
        return self.row.region_code

    def username(self, post: str) -> str:
        """The name under which whoever holds the post signs in."""
        return f"region.{self.row.short}.{post}"


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a resource, with the element that it is bound to."""

    row: ProfileItemRow
    element: str
    element_name: str
    personal: bool
    sensitivity: int

    @property
    def name(self) -> str:
        return self.row.item

    @property
    def own(self) -> bool:
        """Whether the element is of this resource alone."""
        return self.row.element == OWN

    @property
    def mask(self) -> dict[str, Any] | None:
        if self.row.mask in {None, CLEAR}:
            return None
        start, end = str(self.row.mask).split("-")
        return {"kind": "partial", "keep_start": int(start), "keep_end": int(end)}


@dataclass(frozen=True, slots=True)
class Resource:
    """What a system provides; without `modes` it is listed in the catalogue and no more."""

    system: SystemRow
    department: Department
    profile: ProfileRow
    rule: RuleRow
    items: tuple[Item, ...]
    categories: tuple[str, ...]
    grade: int
    share_type: str
    open_type: str
    update_cycle: str
    class_code: str

    @property
    def name(self) -> str:
        return str(self.system.resource)

    @property
    def modes(self) -> tuple[str, ...]:
        """What the entry offers."""
        return self.system.modes

    @property
    def records(self) -> int:
        """How many records it holds; a listing has none."""
        if not self.system.modes:
            return 0
        return POPULATION_RECORDS if self.profile.profile == "population" else RECORDS

    @property
    def is_open(self) -> bool:
        """Whether anybody may download it without signing in."""
        return self.open_type == "open" and bool(self.records)

    @property
    def has_division(self) -> bool:
        return any(item.name == DIVISION for item in self.items)

    @property
    def entry_print(self) -> str:
        """Changes when the entry in the catalogue would be another one."""
        items = [(replace(item.row, line=0), item.element) for item in self.items]
        shared = (self.share_type, self.modes, self.open_type, self.grade, self.update_cycle)
        return _print((self.name, self.class_code, shared, items))

    @property
    def records_print(self) -> str:
        """Changes when other records would be made."""
        rule = (self.categories, self.rule.unit, self.rule.ages, self.records)
        return _print((self.entry_print, rule))


@dataclass(frozen=True, slots=True)
class Pair:
    """A system that uses the resource of another one, by a mode that the entry offers."""

    consumer: SystemRow
    department: Department
    resource: Resource
    mode: str
    basis: str
    scenario: str
    scope: str

    @property
    def id(self) -> str:
        return f"{self.consumer.id}<{self.resource.system.id}"

    @property
    def row_filter(self) -> list[dict[str, str]] | None:
        """A city gets the rows of its own area (Order 809 Art 24)."""
        code = self.department.region_code
        if code in {REGION, STATE} or not self.resource.has_division or self.mode == "api":
            return None
        return [{"item": DIVISION, "op": "prefix", "value": code[:CITY_DIGITS]}]


@dataclass(frozen=True)
class Region:
    """Everything that the files say, put together."""

    files: Files
    departments: Mapping[str, Department]
    resources: Mapping[str, Resource]
    pairs: Sequence[Pair]

    @cached_property
    def elements(self) -> Mapping[str, ElementRow]:
        return {row.code: row for row in self.files.elements}

    def only(self, groups: Collection[str]) -> "Region":
        """A part of the region: the systems of these groups, or of these ids, with what they use.

        What a consumer of the part uses comes along from outside, and what it refers to.
        """
        wanted = {row.id for row in self.files.systems if row.id in groups or row.group in groups}
        pairs = [pair for pair in self.pairs if pair.consumer.id in wanted]
        used = wanted | {pair.resource.system.id for pair in pairs}
        mine = [resource for name, resource in self.resources.items() if name in used]
        used |= {origin for resource in mine for origin in self._origins(resource)}
        kept = {name: each for name, each in self.resources.items() if name in used}
        return Region(self.files, self.departments, MappingProxyType(kept), pairs)

    @cached_property
    def sources_of_shared(self) -> set[str]:
        """The systems whose resources others refer to: the first ones to be published."""
        return {
            name
            for name, resource in self.resources.items()
            if any(self.is_source(resource, item) and not item.own for item in resource.items)
        }

    def _origins(self, resource: Resource) -> Iterator[str]:
        """The systems whose resources this one refers to, and theirs, if they do."""
        for item in resource.items:
            origin = self.origin(resource, item)
            if origin is not None:
                yield origin.system.id
                yield from self._origins(origin)

    def origin(self, resource: Resource, item: Item) -> Resource | None:
        """The resource in which another department, the source, publishes the item's element."""
        if self.is_source(resource, item):
            return None
        code = resource.department.region_code
        source = self.source_of(item.element, STATE if code == STATE else REGION)
        if source == resource.department:
            return None
        return next(
            (
                each
                for name, each in self.resources.items()
                if name in self.sources_of_shared
                and each.department == source
                and any(held.element == item.element for held in each.items)
            ),
            None,
        )

    def is_source(self, resource: Resource, item: Item) -> bool:
        """Whether the resource is the one in which the source of an element publishes it.

        Only the base libraries are: other entries of the same department refer to them.
        """
        if item.own:
            return True
        return (
            resource.system.group == "base-library"
            and self.source_of(item.element, resource.department.region_code) == resource.department
        )

    def source_of(self, element: str, region_code: str) -> Department:
        """The department that collects a shared element for the region, or for the state."""
        row = self.elements[element]
        return self.departments[row.national_source if region_code == STATE else row.source]


def _print(said: object) -> str:
    return sha256(repr(said).encode()).hexdigest()[:PRINT_DIGITS]


def put_together(files: Files) -> Region:
    """Return the region of files without contradictions (deploy/region/checking)."""
    departments = _departments(files.departments)
    resources = {row.system.id: row for row in _resources(files, departments)}
    pairs = tuple(_pairs(files, departments, resources))
    return Region(files, MappingProxyType(departments), MappingProxyType(resources), pairs)


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
            items=tuple(_item(row, system, elements) for row in rows),
            categories=said.categories or rule.categories,
            grade=said.grade or profile.grade,
            share_type=said.share_type or profile.share_type,
            open_type=said.open_type or profile.open_type,
            update_cycle=said.update_cycle or profile.update_cycle,
            class_code=said.class_code or profile.class_code,
        )


def _item(row: ProfileItemRow, system: SystemRow, elements: Mapping[str, ElementRow]) -> Item:
    if row.element == OWN:
        code = f"GX-{system.id.upper()}-{row.item.upper().replace('_', '-')}"
        return Item(row, code, topic(str(system.resource)) + row.label, False, 1)  # noqa: FBT003
    shared = elements[row.element]
    return Item(row, shared.code, shared.name, shared.personal is not None, shared.sensitivity)


def _pairs(
    files: Files, departments: Mapping[str, Department], resources: Mapping[str, Resource]
) -> Iterator[Pair]:
    overrides = {(row.consumer, row.provider): row for row in files.pairs}
    purposes = {row.group: row for row in files.purposes}
    for system in files.systems:
        for provider in system.consumes:
            resource = resources[provider]
            said = overrides.get((system.id, provider)) or PairRow(
                line=0, consumer=system.id, provider=provider
            )
            purpose, department = purposes[system.group], departments[system.department]
            words = {
                "system": system.name, "department": department.row.name, "resource": resource.name,
            }  # fmt: skip
            yield Pair(
                consumer=system,
                department=department,
                resource=resource,
                mode=said.mode or mode_of(system, resource),
                basis=purpose.basis,
                scenario=said.scenario or purpose.scenario.format(**words),
                scope=purpose.scope.format(**words),
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
