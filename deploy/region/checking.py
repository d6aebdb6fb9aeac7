"""What contradicts itself across the files of the region, each with its file and line; pure."""

from collections.abc import Collection, Iterator
from pathlib import Path

from auth.regions import checking as divisions
from deploy.region import story_checking, value_checking
from deploy.region.files import (
    EVERY,
    MODES,
    OWN,
    CodeListRow,
    ElementRow,
    Files,
    ProfileItemRow,
    SystemRow,
    load,
)
from deploy.region.putting_together import mode_of, put_together, rule_of
from deploy.region.reading import DATA, Invalid, Problem, twice
from deploy.region.records.values import GENERATORS
from deploy.region.region import CONSUMES, PROVIDES, Region

SYSTEMS, DEPARTMENTS, PEOPLE = "systems.csv", "departments.csv", "people.csv"
CODE_LISTS, ELEMENTS, ITEMS = "code_lists.csv", "elements.csv", "profile_items.csv"
RULES, RESOURCES, PAIRS = "rules.csv", "resources.csv", "pairs.csv"
NATIONAL = "national"


def region(folder: Path = DATA) -> Region:
    """Read, check and put together; raises Invalid with all that is wrong."""
    files = load(folder)
    problems = [*problems_of(files)]
    if problems:
        raise Invalid(problems)
    whole = put_together(files)
    problems = [*_of_grades(whole), *_of_pair_modes(whole)]
    problems += story_checking.problems_of_items(whole)
    if problems:
        raise Invalid(problems)
    return whole


def problems_of(files: Files) -> Iterator[Problem]:
    """Yield what keeps the files from being put together."""
    yield from _doubles(files)
    yield from _of_systems(files)
    yield from _of_consumers(files)
    yield from _of_departments(files)
    yield from _of_entries(files)
    yield from _of_people(files)
    yield from _of_code_lists(files)
    yield from _of_elements(files)
    yield from _of_profiles(files)
    yield from _of_rules(files)
    yield from _of_overrides(files)
    yield from value_checking.problems_of(files)
    yield from story_checking.problems_of(files)


def _doubles(files: Files) -> Iterator[Problem]:
    yield from twice(SYSTEMS, ((row.id, row.line) for row in files.systems))
    names = ((name, row.line) for row in files.systems for name in {row.name, *row.aliases})
    yield from twice(SYSTEMS, names)
    yield from twice(DEPARTMENTS, ((row.department, row.line) for row in files.departments))
    yield from twice(DEPARTMENTS, ((row.short, row.line) for row in files.departments))
    named = ((row.organisation, row.line) for row in files.departments if row.organisation)
    yield from twice(DEPARTMENTS, named)
    yield from twice("standards.csv", ((row.code, row.line) for row in files.standards))
    yield from twice(CODE_LISTS, ((row.code, row.line) for row in files.code_lists))
    yield from twice(ELEMENTS, ((row.code, row.line) for row in files.elements))
    yield from twice("profiles.csv", ((row.profile, row.line) for row in files.profiles))
    yield from twice(
        ITEMS, ((f"{row.profile}.{row.item}", row.line) for row in files.profile_items)
    )
    yield from twice(RULES, ((row.word, row.line) for row in files.rules))
    yield from twice(RESOURCES, ((row.system, row.line) for row in files.resources))
    yield from twice(PAIRS, ((f"{row.consumer}<{row.provider}", row.line) for row in files.pairs))
    yield from twice("purposes.csv", ((row.group, row.line) for row in files.purposes))


def _of_systems(files: Files) -> Iterator[Problem]:
    known = {row.department for row in files.departments}
    for row in files.systems:
        for chinese, english in _wrong_in(row):
            yield Problem(SYSTEMS, row.line, chinese, english)
        if row.role != "X" and row.department not in known:
            yield _unknown(SYSTEMS, row.line, row.department, DEPARTMENTS)
        if row.role in PROVIDES and rule_of(files, row) is None:
            yield Problem(
                SYSTEMS,
                row.line,
                f"rules.csv 中没有适用于“{row.resource}”的规则",
                f"no rule of rules.csv fits {row.resource!r}",
            )


def _wrong_in(row: SystemRow) -> Iterator[tuple[str, str]]:
    """Yield what the role of a system asks for and the line does not say."""
    if row.role in PROVIDES and not row.resource:
        yield f"{row.id} 提供数据，须写明 resource", f"{row.id} provides: name its resource"
    if row.role not in PROVIDES and row.resource:
        yield f"{row.id} 不提供数据，不应有 resource", f"{row.id} provides nothing: no resource"
    if row.role == "X" and not row.reason:
        yield f"{row.id} 不在范围内，须写明 reason", f"{row.id} is outside: give the reason"
    if row.role == "C" and not row.consumes:
        yield f"{row.id} 使用数据，须写明 consumes", f"{row.id} consumes: say what"
    if row.role not in CONSUMES and row.consumes:
        yield f"{row.id} 不使用数据，不应有 consumes", f"{row.id} consumes nothing: no consumes"
    for mode in row.modes:
        if mode not in MODES:
            yield f"没有共享方式 {mode}", f"there is no mode {mode}"


def _of_consumers(files: Files) -> Iterator[Problem]:
    systems = {row.id: row for row in files.systems}
    groups = {row.group for row in files.purposes}
    for row in files.systems:
        for used in row.consumes:
            provider = systems.get(used)
            if provider is None:
                yield _unknown(SYSTEMS, row.line, used, SYSTEMS)
            elif provider.role not in PROVIDES or not provider.modes or used == row.id:
                yield Problem(
                    SYSTEMS,
                    row.line,
                    f"{row.id} 使用 {used}，而 {used} 不提供可用的数据",
                    f"{row.id} consumes {used}, which does not provide data to it",
                )
        yield from twice(SYSTEMS, ((used, row.line) for used in row.consumes))
        if row.consumes and row.group not in groups:
            yield _unknown(SYSTEMS, row.line, row.group, "purposes.csv")


def _of_departments(files: Files) -> Iterator[Problem]:
    by_name = {row.department: row for row in files.departments}
    for row in files.departments:
        if divisions.fault(row.region_code) is not None:
            yield Problem(
                DEPARTMENTS,
                row.line,
                f"{row.region_code} 不是现行的行政区划",
                f"{row.region_code} is no division in force",
            )
        if row.represented_by is None and row.organisation is None:
            yield Problem(
                DEPARTMENTS,
                row.line,
                "须有 organisation，或由 represented_by 指明代表部门",
                "needs an organisation, or whom it is represented by",
            )
        standing = by_name.get(row.represented_by or row.department)
        if standing is None or standing.represented_by is not None:
            yield _unknown(DEPARTMENTS, row.line, str(row.represented_by), DEPARTMENTS)


def _of_entries(files: Files) -> Iterator[Problem]:
    """In the catalogue of one division a name is one entry, whoever stands for its department."""
    by_name = {row.department: row for row in files.departments}
    divisions = {
        row.department: by_name.get(row.represented_by or row.department, row).region_code
        for row in files.departments
    }
    entries = [
        (f"{divisions.get(row.department)} {row.resource}", row.line)
        for row in files.systems
        if row.resource
    ]
    yield from twice(SYSTEMS, entries)
    known = dict(entries)
    for row in files.story.mergers:
        line = known.get(f"{divisions.get(row.department)} {row.entry}")
        if line is not None:
            yield Problem(
                "mergers.csv",
                row.line,
                f"“{row.entry}”已是 {SYSTEMS} 第 {line} 行的资源",
                f"{row.entry!r} is the resource of line {line} of {SYSTEMS}",
            )


def _of_people(files: Files) -> Iterator[Problem]:
    """A post is one person's: whoever has it of all departments has it of the named ones too."""
    acting = [row.department for row in files.departments if row.represented_by is None]
    known = {row.department for row in files.departments}
    posts: list[tuple[str, int]] = []
    for row in files.people:
        for name in row.departments:
            if name != EVERY and name not in known:
                yield _unknown(PEOPLE, row.line, name, DEPARTMENTS)
            elif name != EVERY and name not in acting:
                yield Problem(
                    PEOPLE,
                    row.line,
                    f"“{name}”由其他部门代表，没有自己的人员",
                    f"{name!r} is represented by another department, and has nobody of its own",
                )
            posts += [
                (f"{each} {row.suffix}", row.line) for each in (acting if name == EVERY else [name])
            ]
    # A line that doubles many posts is told once.
    told: set[int] = set()
    for problem in twice(PEOPLE, posts):
        if problem.line not in told:
            told.add(problem.line)
            yield problem


def _of_code_lists(files: Files) -> Iterator[Problem]:
    standards = {row.code for row in files.standards}
    for row in files.code_lists:
        if row.standard not in standards:
            yield _unknown(CODE_LISTS, row.line, row.standard, "standards.csv")
        if row.edition is None or row.effective_from is None:
            yield Problem(
                CODE_LISTS,
                row.line,
                f"代码集 {row.code} 没有版本：须写明 edition 和 effective_from",
                f"the code list {row.code} has no edition: give edition and effective_from",
            )
        yield from _of_codes(row)


def _of_codes(row: CodeListRow) -> Iterator[Problem]:
    if row.items == (NATIONAL,):
        return
    values = [item.partition("=") for item in row.items]
    if not values or not all(value and name for value, _, name in values):
        yield Problem(CODE_LISTS, row.line, "items 应为 值=名称;…", "items are value=name;…")
    yield from twice(CODE_LISTS, ((value, row.line) for value, _, _ in values))


def _of_elements(files: Files) -> Iterator[Problem]:
    standards = {row.code for row in files.standards}
    departments = {row.department for row in files.departments}
    lists = {row.code for row in files.code_lists}
    for row in files.elements:
        if row.standard not in standards:
            yield _unknown(ELEMENTS, row.line, row.standard, "standards.csv")
        for name in (row.source, row.national_source):
            if name not in departments:
                yield _unknown(ELEMENTS, row.line, name, DEPARTMENTS)
        yield from _of_code(ELEMENTS, row, lists)


def _of_code(
    file: str, row: ElementRow | ProfileItemRow, lists: Collection[str]
) -> Iterator[Problem]:
    if (row.data_type == "code") != (row.code_list is not None):
        yield Problem(
            file, row.line, "code 类型须且仅它须指明代码集", "a code, and nothing else, has a list"
        )
    if row.code_list is not None and row.code_list not in lists:
        yield _unknown(file, row.line, row.code_list, CODE_LISTS)


def _of_profiles(files: Files) -> Iterator[Problem]:
    profiles = {row.profile for row in files.profiles}
    elements = {row.code for row in files.elements}
    lists = {row.code for row in files.code_lists}
    for row in files.profile_items:
        if row.profile not in profiles:
            yield _unknown(ITEMS, row.line, row.profile, "profiles.csv")
        if row.value not in GENERATORS:
            yield Problem(
                ITEMS,
                row.line,
                f"没有生成器 {row.value}；可用的有 {'、'.join(sorted(GENERATORS))}",
                f"there is no generator {row.value}; there are {', '.join(sorted(GENERATORS))}",
            )
        if row.element == OWN:
            yield from _of_code(ITEMS, row, lists)
        elif row.element not in elements:
            yield _unknown(ITEMS, row.line, row.element, ELEMENTS)
    keyed = {row.profile for row in files.profile_items if row.key and row.required}
    for profile in files.profiles:
        if profile.profile not in keyed:
            yield Problem(
                "profiles.csv",
                profile.line,
                f"{profile.profile} 没有必填的主键项",
                f"{profile.profile} has no required key item",
            )


def _of_rules(files: Files) -> Iterator[Problem]:
    profiles = {row.profile for row in files.profiles}
    for row in files.rules:
        if row.profile not in profiles:
            yield _unknown(RULES, row.line, row.profile, "profiles.csv")


def _of_overrides(files: Files) -> Iterator[Problem]:
    systems = {row.id: row for row in files.systems}
    profiles = {row.profile for row in files.profiles}
    for row in files.resources:
        system = systems.get(row.system)
        if system is None or system.role not in PROVIDES:
            yield _unknown(RESOURCES, row.line, row.system, SYSTEMS)
        if row.profile is not None and row.profile not in profiles:
            yield _unknown(RESOURCES, row.line, row.profile, "profiles.csv")
    for pair in files.pairs:
        consumer = systems.get(pair.consumer)
        if consumer is None or pair.provider not in consumer.consumes:
            yield _unknown(PAIRS, pair.line, f"{pair.consumer}<{pair.provider}", SYSTEMS)


def _of_grades(whole: Region) -> Iterator[Problem]:
    """A grade lies not below its most sensitive item, and what is open shows no person."""
    for resource in whole.resources.values():
        line = resource.system.line
        floor = max(item.sensitivity for item in resource.items)
        if resource.grade < floor:
            yield Problem(
                SYSTEMS,
                line,
                f"{resource.name} 定为 {resource.grade} 级，低于信息项的 {floor} 级",
                f"{resource.name} has grade {resource.grade}, below {floor} of its items",
            )
        if resource.open_type == "open" and any(item.personal for item in resource.items):
            yield Problem(
                SYSTEMS,
                line,
                f"{resource.name} 含个人信息，不能开放",
                f"{resource.name} holds personal data and cannot be open",
            )


def _of_pair_modes(whole: Region) -> Iterator[Problem]:
    said = {(row.consumer, row.provider): row for row in whole.files.pairs}
    for pair in whole.pairs:
        row = said.get((pair.consumer.id, pair.resource.system.id))
        if row is not None and row.mode is not None and row.mode not in pair.resource.modes:
            usual = mode_of(pair.consumer, pair.resource)
            yield Problem(
                PAIRS,
                row.line,
                f"{row.provider} 不提供 {row.mode}；可用的有 {usual}",
                f"{row.provider} does not offer {row.mode}; {usual} is offered",
            )


def _unknown(file: str, line: int, name: str, where: str) -> Problem:
    return Problem(file, line, f"“{name}”不在 {where} 中", f"{name!r} is not in {where}")
