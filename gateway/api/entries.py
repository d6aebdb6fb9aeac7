"""Wire shapes of catalogue entries: what a clerk sends, what readers see."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import not_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StrictBool, StrictInt

from auth.directory import Member
from auth.principal import Principal, Role
from catalog import revisions
from catalog.entries import (
    Duplicate,
    Entry,
    Item,
    ItemRole,
    OpenType,
    Review,
    Reviews,
    ShareMode,
    ShareType,
    UpdateCycle,
)
from catalog.rules.compatibility import Kind
from catalog.states import ALLOWED_ROLES, Action, State
from catalog.versions import Comparison
from catalog.visibility import Shown
from exchange import modes
from gateway import names
from gateway.api import entry_clocks, entry_use
from gateway.api.entry_clocks import Clocks
from gateway.api.entry_use import Use
from gateway.api.registry import ElementCode, Line, Prose, Region
from gateway.names import Fields
from gateway.next_steps import NextStep, by_role
from kernel.database import ReadSession
from kernel.wire import Day, Wire

ITEMS_MAX, DERIVED_FROM_MAX, DUPLICATES_MAX = 300, 50, 100
ThingId = Annotated[str, Field(min_length=1, max_length=64)]
ROLES_OF_STEPS: Mapping[str, frozenset[Role]] = {
    **{str(action): roles for action, roles in ALLOWED_ROLES.items()},
    "create": frozenset({Role.CLERK}),
}
# 类 1 digit, 项 2, 目 3, 细目 any (发改高技〔2017〕1272号); an entry may stand at 项, 目 or 细目.
CLASS_PATTERN = r"^[1-3][0-9]{2}([0-9]{3}[0-9]{0,12})?$"
ClassCode = Annotated[str, Field(pattern=CLASS_PATTERN)]
ItemName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Kept = Annotated[StrictInt, Field(ge=0, le=1000)]
OFFERED, ANNOUNCED = "offered_modes", "announcement"
MOMENTS = ("created_at", "submitted_at", "approved_at", "published_at", "ended_at")
Wording = Prose | Annotated[list[Line], Field(min_length=1, max_length=200)]


class FullMask(Wire):
    kind: Literal["full"]


class PartialMask(Wire):
    """Characters kept at the start and at the end."""

    kind: Literal["partial"]
    keep_start: Kept
    keep_end: Kept


class HashMask(Wire):
    """A hash keyed per subscription."""

    kind: Literal["hash"]


class NullMask(Wire):
    kind: Literal["null"]


Mask = Annotated[FullMask | PartialMask | HashMask | NullMask, Field(discriminator="kind")]


Told = Annotated[
    str | None, Field(max_length=200, description="只读 / told, and passed over when sent")
]


class ItemWire(Wire):
    name: ItemName
    label: Line
    element: ElementCode
    required: StrictBool
    key: StrictBool
    role: ItemRole
    mask: Mask | None = None
    searchable: Annotated[
        StrictBool,
        Field(description="可按此信息项查询 / queries may look for records by it", exclude_if=not_),
    ] = False
    refers_to: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=64,
            description="引用项取自数源部门的哪个资源 / the source's resource a reference is of",
            exclude_if=not_,
        ),
    ] = None
    unmasked_reason: Annotated[
        Prose | None,
        Field(
            description="个人信息项不脱敏的理由 / why personal data is shown in clear",
            exclude_if=not_,
        ),
    ] = None
    element_name: Told = None
    refers_to_name: Annotated[Told, Field(exclude_if=not_)] = None

    def item(self) -> Item:
        mask = None if self.mask is None else self.mask.model_dump()
        told = {"mask", "element_name", "refers_to_name"}
        return Item(**self.model_dump(exclude=told), mask=mask)


class ReviewWire(Wire):
    passed: StrictBool
    by: Line
    date: Day
    document: Line | None = None


class ReviewsWire(Wire):
    """保密审查与个人信息保护影响评估 (Order 809 Art 12)."""

    secrecy: ReviewWire
    privacy: ReviewWire

    def reviews(self) -> Reviews:
        secrecy, privacy = self.secrecy.model_dump(), self.privacy.model_dump()
        return Reviews(secrecy=Review(**secrecy), privacy=Review(**privacy))


class DuplicateWire(Wire):
    """为何不能直接使用相似资源 / why a similar published resource does not suffice (Art 19)."""

    resource_id: ThingId
    reason: Prose
    resource_name: Told = None


class EntryFields(Wire):
    """What one version of an entry says, apart from its items and reviews."""

    name: Line
    abstract: Prose
    class_code: ClassCode
    region_code: Region
    format: Annotated[StrictInt, Field(ge=1, le=7)]
    update_cycle: UpdateCycle
    share_type: ShareType
    share_conditions: Wording | None = None
    share_scope: Wording | None = None
    share_purposes: Wording | None = None
    legal_basis: Prose | None = None
    open_type: OpenType
    grade: Annotated[StrictInt, Field(ge=1, le=4)]
    partitions: Annotated[StrictInt, Field(ge=1, le=64)] = 1


class EntryIn(EntryFields):
    share_modes: Annotated[list[ShareMode], Field(max_length=len(ShareMode))]
    items: Annotated[list[ItemWire], Field(min_length=1, max_length=ITEMS_MAX)]
    reviews: ReviewsWire
    derived_from: Annotated[list[ThingId], Field(max_length=DERIVED_FROM_MAX, default_factory=list)]
    duplicates: Annotated[
        list[DuplicateWire], Field(max_length=DUPLICATES_MAX, default_factory=list)
    ]

    def entry(self) -> Entry:
        apart = {"share_modes", "items", "reviews", "derived_from", "duplicates"}
        fields = self.model_dump(exclude=apart)
        return Entry(
            **fields,
            share_modes=tuple(dict.fromkeys(self.share_modes)),
            items=tuple(item.item() for item in self.items),
            reviews=self.reviews.reviews(),
            derived_from=tuple(dict.fromkeys(self.derived_from)),
            duplicates=tuple(
                Duplicate(resource_id=each.resource_id, reason=each.reason)
                for each in self.duplicates
            ),
        )


class Standing(Wire):
    """Where the resource stands, as the caller sees it.

    `version` is the version shown; `published_version` the one in force; `allowed` what the
    caller may do now; `next` what may be done, and by whom.
    """

    id: str
    resource_code: str | None
    department: str
    department_name: str | None
    status: State
    version: int
    published_version: int | None
    revision: int
    allowed: list[Action]
    next: list[NextStep]
    created_at: datetime
    updated_at: datetime
    submitted_at: datetime | None
    approved_at: datetime | None
    published_at: datetime | None
    ended_at: datetime | None


class ResourceSummary(Standing, EntryFields, Clocks, Use):
    """`offered_modes` are those of `share_modes` that the platform serves today."""

    share_modes: list[ShareMode]
    offered_modes: list[ShareMode]


class AnnouncementNote(Wire):
    """A version that is announced and still to come (公告)."""

    version: int
    announced_at: datetime
    effective_on: Day
    reason: str
    basis: str | None


class ResourceView(ResourceSummary):
    announcement: AnnouncementNote | None
    items: list[ItemWire]
    reviews: ReviewsWire
    derived_from: list[str]
    duplicates: list[DuplicateWire]
    leader_name: str | None
    signed_on: Day | None
    return_reason: str | None
    retire_reason: str | None


class VersionSummary(Wire):
    version: int
    status: State
    name: str
    created_at: datetime
    submitted_at: datetime | None
    approved_at: datetime | None
    published_at: datetime | None
    ended_at: datetime | None


class TransitionView(Wire):
    version: int
    action: str
    from_state: str | None
    to_state: str
    actor_id: str | None
    actor_name: str | None
    actor_role: str | None
    department: str
    department_name: str | None
    at: datetime
    note: dict[str, Any]


class ChangeView(Wire):
    """A change of the contract; `item` is empty for the key, which is of the whole record."""

    kind: Kind
    item: str
    rule: str
    breaking: bool


class DifferenceView(Wire):
    """A field of the entry that the two versions state differently."""

    field: str
    before: Any
    after: Any


class DiffView(Wire):
    """`compatible`: every record that passed still passes, and no item was lost."""

    from_version: Annotated[int, Field(serialization_alias="from")]
    to_version: Annotated[int, Field(serialization_alias="to")]
    compatible: bool
    changes: list[ChangeView]
    differences: list[DifferenceView]


class SignOff(Wire):
    """部门负责人's sign-off (Order 809 Art 12)."""

    leader_name: Line
    signed_on: Day


class Reason(Wire):
    reason: Prose


async def summaries(session: ReadSession, several: Sequence[Shown]) -> list[ResourceSummary]:
    facts = await _facts(session, several)
    views = [
        _standing(shown) | _fields(shown, ResourceSummary) | more
        for shown, more in zip(several, facts, strict=True)
    ]
    await names.add(session, views)
    return [ResourceSummary.model_validate(view) for view in views]


async def view(session: ReadSession, shown: Shown) -> ResourceView:
    [facts] = await _facts(session, [shown])
    fields = _standing(shown) | _fields(shown, ResourceView) | facts
    fields[ANNOUNCED] = await revisions.announced(session, shown.resource.id)
    for listed in ("items", "duplicates"):
        fields[listed] = [dict(each) for each in fields[listed]]
    await names.add(session, [fields, *fields["items"], *fields["duplicates"]])
    return ResourceView.model_validate(fields)


async def item_views(session: ReadSession, shown: Shown) -> list[ItemWire]:
    """Return the items alone: what `view` tells of an entry counts all who use it."""
    fields = [dict(each) for each in shown.version.items]
    await names.add(session, fields)
    return [ItemWire.model_validate(each) for each in fields]


async def _facts(session: ReadSession, several: Sequence[Shown]) -> list[dict[str, Any]]:
    """Return what is told beside the entry itself: deadlines, records, replies."""
    clocks, used = await entry_clocks.of(session, several), await entry_use.of(session, several)
    return [running | use for running, use in zip(clocks, used, strict=True)]


async def transition_views(
    session: ReadSession, principal: Principal, steps: Iterable[BaseModel]
) -> list[TransitionView]:
    taken = set(TransitionView.model_fields)
    views: list[Fields] = [step.model_dump(include=taken) for step in steps]
    await names.add(session, views)

    def role(view: Fields, _field: str, member: Member) -> str | None:
        permitted = ROLES_OF_STEPS.get(view["action"], frozenset())
        held = sorted(member.roles & set(map(str, permitted)))
        return next(iter(held or sorted(map(str, permitted))), None)

    await names.add_people(session, principal, views, ["actor_id"], role)
    return [
        TransitionView.model_validate({name: view[name] for name in TransitionView.model_fields})
        for view in views
    ]


def version_summary(shown: Shown) -> VersionSummary:
    facts = {name: getattr(shown.version, name) for name in ("name", *MOMENTS)}
    return VersionSummary(version=shown.version.number, status=shown.status, **facts)


def diff_view(old: int, new: int, found: Comparison) -> DiffView:
    return DiffView(
        from_version=old,
        to_version=new,
        compatible=found.verdict.backward_compatible,
        changes=[ChangeView.model_validate(change) for change in found.verdict.changes],
        differences=[DifferenceView.model_validate(item) for item in found.differences],
    )


def _standing(shown: Shown) -> dict[str, Any]:
    resource = shown.resource
    return {
        "id": resource.id,
        "resource_code": resource.resource_code,
        "department": resource.department,
        "status": shown.status,
        "version": shown.version.number,
        "published_version": resource.published_version,
        "revision": resource.revision,
        "allowed": list(shown.allowed),
        "next": by_role(shown.possible, ALLOWED_ROLES),
        "created_at": resource.created_at,
        "updated_at": resource.updated_at,
    }


def _fields(shown: Shown, model: type[Wire]) -> dict[str, Any]:
    taken = {
        *Standing.model_fields, *Clocks.model_fields, *Use.model_fields, OFFERED, ANNOUNCED,
    } - set(MOMENTS[1:])  # fmt: skip
    fields = {name: getattr(shown.version, name) for name in model.model_fields.keys() - taken}
    return {**fields, OFFERED: modes.offered(shown.version.share_modes)}
