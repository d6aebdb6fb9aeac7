"""What stands in each file of the region: one kind of thing a file, one thing a line."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from deploy.region import story_files
from deploy.region.reading import DATA, Invalid, Problem, Row, read

Text = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Item = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Division = Annotated[str, Meta(pattern=r"^[1-9][0-9]{5}$")]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Class = Annotated[str, Meta(pattern=r"^[1-3][0-9]{2}([0-9]{3}[0-9]{0,12})?$")]
Grade = Annotated[int, Meta(ge=1, le=4)]
Yes = Literal["yes"] | None
Kind = Literal["string", "integer", "decimal", "date", "datetime", "code"]
ShareType = Literal["unconditional", "conditional"]
OpenType = Literal["open", "conditional", "closed"]
Cycle = Literal[
    "realtime", "daily", "weekly", "monthly", "quarterly", "half_yearly", "yearly", "irregular"
]
Role = Literal["clerk", "head", "authority", "auditor", "security", "operator"]
Mask = Annotated[str, Meta(pattern=r"^([0-9]+-[0-9]+|clear)$")]
MODES = ("pull", "push", "query", "verify", "file", "api", "table")
Mode = Literal["pull", "push", "query", "verify", "file", "table", "api"]
EVERY = "*"
OWN = "own"


class SystemRow(Row, frozen=True, kw_only=True):
    """A named system of the policy documents (data/ORIGIN.md)."""

    id: Name
    group: Text
    name: Text
    aliases: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    role: Literal["P", "C", "B", "X"]
    department: Text
    modes: tuple[str, ...] = ()
    resource: Text | None = None
    consumes: tuple[str, ...] = ()
    reason: Text | None = None


class DepartmentRow(Row, frozen=True, kw_only=True):
    """`organisation` are the eight characters that a fictitious credit code is made of."""

    department: Text
    short: Name
    name: Text
    kind: Literal["11", "12"]
    organisation: Annotated[str, Meta(pattern=r"^(RGN|DEM)[0-9]{5}$|^MB000001$")] | None = None
    region_code: Division
    authority: Yes = None
    represented_by: Text | None = None
    note: Text | None = None


class PersonRow(Row, frozen=True, kw_only=True):
    """A post that every department has (`*`), or the ones that are named."""

    departments: tuple[str, ...]
    role: Role
    suffix: Name
    name: Text


class StandardRow(Row, frozen=True, kw_only=True):
    code: Text
    title: Text
    edition: Text
    effective_from: Day


class CodeListRow(Row, frozen=True, kw_only=True):
    """`items` are value=name; `national` are those that ship with the platform."""

    code: Text
    name: Text
    standard: Text
    edition: Text | None = None
    effective_from: Day | None = None
    items: tuple[str, ...] = ()


class ElementRow(Row, frozen=True, kw_only=True):
    """An element that several resources share; `source` is its one source in the region."""

    code: Text
    name: Text
    definition: Text
    data_type: Kind
    min_length: int | None = None
    max_length: int | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    precision: int | None = None
    scale: int | None = None
    code_list: Text | None = None
    checker: Literal["resident_id", "uscc", "division_code", "mobile"] | None = None
    standard: Text
    sensitivity: Grade
    personal: Yes = None
    source: Text
    national_source: Text


class ProfileRow(Row, frozen=True, kw_only=True):
    """What kind of record a resource holds, and how such resources are usually shared.

    One that `holds` people or enterprises has a record of each, as base libraries do.
    """

    profile: Name
    title: Text
    class_code: Class
    format: Annotated[int, Meta(ge=1, le=7)]
    grade: Grade
    share_type: ShareType
    open_type: OpenType
    update_cycle: Cycle
    holds: Literal["people", "enterprises"] | None = None


class ProfileItemRow(Row, frozen=True, kw_only=True):
    """An item of a profile, of a shared element or, as `own`, of one that each resource has.

    `value` names the generator (deploy/region/records); `mask` is kept-start-kept-end.
    """

    profile: Name
    item: Item
    label: Text
    element: Text
    data_type: Kind | None = None
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None
    code_list: Text | None = None
    key: Yes = None
    required: Yes = None
    mask: Mask | None = None
    value: Text


class RuleRow(Row, frozen=True, kw_only=True):
    """Resources whose name holds the word have this profile; the first line that fits counts."""

    word: Text
    profile: Name
    categories: tuple[str, ...]
    unit: Text | None = None
    ages: Annotated[str, Meta(pattern=r"^[0-9]{1,2}-[0-9]{2}$")] | None = None


class ResourceRow(Row, frozen=True, kw_only=True):
    """What differs for the resource of one system from what the rules say."""

    system: Name
    profile: Name | None = None
    grade: Grade | None = None
    share_type: ShareType | None = None
    open_type: OpenType | None = None
    update_cycle: Cycle | None = None
    class_code: Class | None = None
    categories: tuple[str, ...] = ()
    why: Text | None = None


class PurposeRow(Row, frozen=True, kw_only=True):
    """Why systems of a group ask: {system}, {department} and {resource} are filled in."""

    group: Text
    basis: Text
    scenario: Text
    scope: Text


class PairRow(Row, frozen=True, kw_only=True):
    """What differs for one consumer of one resource from what the rules say."""

    consumer: Name
    provider: Name
    mode: Mode | None = None
    scenario: Text | None = None


class CityRow(Row, frozen=True, kw_only=True):
    """Where a city lies, about: degrees east and north."""

    code: Division
    longitude: float
    latitude: float


class WordsRow(Row, frozen=True, kw_only=True):
    """Words that fictitious names are put together from."""

    kind: Name
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Files:
    """Every file, read; `problems` are the lines that could not be."""

    systems: list[SystemRow]
    departments: list[DepartmentRow]
    people: list[PersonRow]
    standards: list[StandardRow]
    code_lists: list[CodeListRow]
    elements: list[ElementRow]
    profiles: list[ProfileRow]
    profile_items: list[ProfileItemRow]
    rules: list[RuleRow]
    resources: list[ResourceRow]
    purposes: list[PurposeRow]
    pairs: list[PairRow]
    words: list[WordsRow]
    cities: list[CityRow]
    story: story_files.Story


def load(folder: Path = DATA) -> Files:
    """Read all files; raises Invalid with every line that breaks its schema."""
    wrong: list[Problem] = []
    files = Files(
        systems=read(folder, "systems.csv", SystemRow, wrong),
        departments=read(folder, "departments.csv", DepartmentRow, wrong),
        people=read(folder, "people.csv", PersonRow, wrong),
        standards=read(folder, "standards.csv", StandardRow, wrong),
        code_lists=read(folder, "code_lists.csv", CodeListRow, wrong),
        elements=read(folder, "elements.csv", ElementRow, wrong),
        profiles=read(folder, "profiles.csv", ProfileRow, wrong),
        profile_items=read(folder, "profile_items.csv", ProfileItemRow, wrong),
        rules=read(folder, "rules.csv", RuleRow, wrong),
        resources=read(folder, "resources.csv", ResourceRow, wrong),
        purposes=read(folder, "purposes.csv", PurposeRow, wrong),
        pairs=read(folder, "pairs.csv", PairRow, wrong),
        words=read(folder, "words.csv", WordsRow, wrong),
        cities=read(folder, "cities.csv", CityRow, wrong),
        story=story_files.load(folder, wrong),
    )
    if wrong:
        raise Invalid(wrong)
    return files
