"""The region as it follows from its files: who shares what with whom, by which mode; pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from auth.regions.codes import REGION, STATE, significant
from deploy.region.files import (
    OWN,
    DepartmentRow,
    ElementRow,
    Files,
    ProfileItemRow,
    ProfileRow,
    RuleRow,
    SystemRow,
)
from deploy.region.records.cast import ENTERPRISES, PEOPLE
from deploy.region.records.drawing import SEED
from deploy.region.story_files import Story

PROVIDES, CONSUMES = frozenset("PB"), frozenset("CB")
RECORDS = 1_000
ALL = {"people": PEOPLE, "enterprises": ENTERPRISES}
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
    # The mask that an announced version gives it.
    announced: str | None = None

    @property
    def name(self) -> str:
        return self.row.item

    @property
    def own(self) -> bool:
        """Whether the element is of this resource alone."""
        return self.row.element == OWN

    @property
    def mask(self) -> dict[str, Any] | None:
        return None if self.row.mask in {None, CLEAR} else mask_of(str(self.row.mask))

    @property
    def shown(self) -> bool:
        """Whether both sides see it alike, in every version."""
        return self.mask is None and self.announced is None


def mask_of(said: str) -> dict[str, Any]:
    """The mask that a file writes as kept-start-kept-end."""
    start, end = said.split("-")
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
    # The systems whose entries this one is made from.
    derived_from: tuple[str, ...] = ()
    # Those of them that hold the same kind of record: its rows are theirs.
    origins: "tuple[Resource, ...]" = ()

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
        if self.origins:
            return sum(each.records for each in self.origins)
        return RECORDS if self.profile.holds is None else ALL[self.profile.holds]

    @property
    def is_open(self) -> bool:
        """Whether anybody may download it without signing in."""
        return self.open_type == "open" and bool(self.records)

    @property
    def key(self) -> Item:
        """The one item by which its records are told apart."""
        (key,) = (item for item in self.items if item.row.key)
        return key

    @property
    def has_division(self) -> bool:
        return any(item.name == DIVISION for item in self.items)

    @property
    def entry_print(self) -> str:
        """Changes when the entry in the catalogue would be another one."""
        items = [(replace(item.row, line=0), item.element) for item in self.items]
        shared = (self.share_type, self.modes, self.open_type, self.grade, self.update_cycle)
        return _print((self.name, self.class_code, shared, self.derived_from, items))

    @property
    def records_print(self) -> str:
        """Changes when other records would be made."""
        rule = (self.categories, self.rule.unit, self.rule.ages, self.records)
        above = [each.records_print for each in self.origins]
        return _print((self.entry_print, rule, above, SEED))


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
    # The lower area's own rows of what is derived from its entries (Order 809 Art 24).
    return_flow: bool = False

    @property
    def id(self) -> str:
        return f"{self.consumer.id}<{self.resource.system.id}"

    @property
    def row_filter(self) -> list[dict[str, str]] | None:
        """A city gets the rows of its own area (Order 809 Art 24)."""
        code = self.department.region_code
        whole = code in {REGION, STATE} or not self.resource.has_division or self.mode == "api"
        if whole and not self.return_flow:
            return None
        return [{"item": DIVISION, "op": "prefix", "value": significant(code)}]


@dataclass(frozen=True)
class Region:
    """Everything that the files say, put together."""

    files: Files
    departments: Mapping[str, Department]
    resources: Mapping[str, Resource]
    pairs: Sequence[Pair]
    story: Story

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
        systems = {*kept, *(pair.consumer.id for pair in pairs)}
        story = self.story.only(systems)
        return Region(self.files, self.departments, MappingProxyType(kept), pairs, story)

    @cached_property
    def sources_of_shared(self) -> set[str]:
        """The systems whose resources others refer to: the first ones to be published."""
        return {
            name
            for name, resource in self.resources.items()
            if any(self.is_source(resource, item) and not item.own for item in resource.items)
        }

    def _origins(self, resource: Resource) -> Iterator[str]:
        """The systems whose resources this one refers to or derives from, and theirs."""
        for name in resource.derived_from:
            yield name
            yield from self._origins(self.resources[name])
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
