"""What contradicts itself in the files of events, each with its file and line; pure."""

from collections.abc import Iterable, Iterator

from deploy.region.files import Files, SystemRow
from deploy.region.reading import Problem, twice
from deploy.region.region import CONSUMES, PROVIDES, Region, Resource
from deploy.region.story_files import BundleRow, DecisionRow, FateRow, Story

DERIVED, CONTESTS, DECISIONS = "derived.csv", "contests.csv", "decisions.csv"
FATES, BUNDLES, CORRECTIONS = "fates.csv", "bundles.csv", "corrections.csv"
MERGERS, ANNOUNCEMENTS, BREACHES = "mergers.csv", "announcements.csv", "breaches.csv"


def problems_of(files: Files) -> Iterator[Problem]:
    """Yield what keeps an event from happening as it is written."""
    story = files.story
    systems = {row.id: row for row in files.systems}
    yield from _doubles(story)
    yield from _of_derived(story, systems)
    yield from _of_departments(files)
    yield from _of_contests(files)
    yield from _of_asking(DECISIONS, story.decisions, systems)
    yield from _of_decisions(story, systems)
    yield from _of_asking(FATES, story.fates, systems)
    yield from _of_bundles(story, systems)
    yield from _of_corrections(story)
    for file, rows in ((ANNOUNCEMENTS, story.announcements), (BREACHES, story.breaches)):
        for row in rows:
            if not _provides(systems.get(row.provider)):
                yield _nothing(file, row.line, row.provider)


def problems_of_items(whole: Region) -> Iterator[Problem]:
    """Yield the items that events name and their resources do not have as they should."""
    resources = whole.resources
    for decision in whole.story.decisions:
        for name in {decision.provider, decision.to if decision.outcome == "rerouted" else None}:
            yield from _items(DECISIONS, decision.line, resources.get(str(name)), decision.items)
    bundles = {row.id: row.provider for row in whole.story.bundles}
    for row in whole.story.corrections:
        yield from _items(
            CORRECTIONS, row.line, resources[bundles[row.bundle]], [row.item], plain=True
        )
    for announced in whole.story.announcements:
        resource = resources[announced.provider]
        yield from _items(ANNOUNCEMENTS, announced.line, resource, [announced.item], plain=True)


def _items(
    file: str, line: int, resource: Resource | None, names: Iterable[str], *, plain: bool = False
) -> Iterator[Problem]:
    """`plain` ones are neither of the key nor masked."""
    if resource is None:
        return
    known = {item.name: item for item in resource.items}
    for name in names:
        item = known.get(name)
        if item is None or (plain and (item.row.key or item.mask is not None)):
            yield Problem(
                file,
                line,
                f"{resource.name} 没有可用的信息项 {name}",
                f"{resource.name} has no such item {name}",
            )


def _doubles(story: Story) -> Iterator[Problem]:
    for file, rows in (
        (CONTESTS, story.contests),
        (DECISIONS, story.decisions),
        (FATES, story.fates),
        (BUNDLES, story.bundles),
        (CORRECTIONS, story.corrections),
        (MERGERS, story.mergers),
        (ANNOUNCEMENTS, story.announcements),
        (BREACHES, story.breaches),
    ):
        yield from twice(file, ((row.id, row.line) for row in rows))
    yield from twice(DERIVED, ((row.system, row.line) for row in story.derived))


def _of_derived(story: Story, systems: dict[str, SystemRow]) -> Iterator[Problem]:
    """An entry is made from entries, and in no circle."""
    made_from = {row.system: row.derived_from for row in story.derived}
    for row in story.derived:
        for name in (row.system, *row.derived_from):
            if not _provides(systems.get(name)):
                yield _nothing(DERIVED, row.line, name)
        above, seen = [*row.derived_from], set[str]()
        while above:
            name = above.pop()
            if name == row.system:
                yield Problem(
                    DERIVED, row.line, f"{name} 由自身加工而来", f"{name} is derived from itself"
                )
                break
            if name not in seen:
                seen.add(name)
                above += made_from.get(name, ())


def _of_departments(files: Files) -> Iterator[Problem]:
    known = {row.department for row in files.departments}
    for contest in files.story.contests:
        yield from _unknown(CONTESTS, contest.line, (contest.first, contest.rival), known)
    for merger in files.story.mergers:
        yield from _unknown(MERGERS, merger.line, (merger.department, merger.into), known)
        if merger.department == merger.into:
            yield Problem(
                MERGERS, merger.line, "部门不能并入自身", "a department is not merged into itself"
            )
        busy = [row.id for row in files.systems if row.department == merger.department]
        if busy:
            yield Problem(
                MERGERS,
                merger.line,
                f"{merger.department} 还有系统 {busy[0]}",
                f"{merger.department} still has the system {busy[0]}",
            )
    for announced in files.story.announcements:
        yield from _unknown(ANNOUNCEMENTS, announced.line, announced.unanswered, known)


def _of_contests(files: Files) -> Iterator[Problem]:
    """The file of elements names the source that the authority decides for."""
    sources = {row.code: row.source for row in files.elements}
    for row in files.story.contests:
        won = row.first if row.outcome == "kept" else row.rival
        if sources.get(row.element) != won:
            yield Problem(
                CONTESTS,
                row.line,
                f"{row.element} 在 elements.csv 中的数源不是 {won}",
                f"{won} is not the source of {row.element} in elements.csv",
            )


def _of_asking(
    file: str, rows: Iterable[DecisionRow | FateRow | BundleRow], systems: dict[str, SystemRow]
) -> Iterator[Problem]:
    """Who asks consumes, is offered the mode, and has no everyday use of the resource."""
    for row in rows:
        provider = systems.get(row.provider)
        if provider is None or not _provides(provider) or row.mode not in provider.modes:
            yield _nothing(file, row.line, f"{row.provider} {row.mode}")
        names = row.consumers if isinstance(row, BundleRow) else (row.consumer,)
        for name in names:
            consumer = systems.get(name)
            if consumer is None or consumer.role not in CONSUMES:
                yield Problem(file, row.line, f"{name} 不使用数据", f"{name} consumes nothing")
            elif row.provider in consumer.consumes:
                yield Problem(
                    file,
                    row.line,
                    f"{name} 已在 systems.csv 中使用 {row.provider}",
                    f"{name} consumes {row.provider} in systems.csv already",
                )


def _of_decisions(story: Story, systems: dict[str, SystemRow]) -> Iterator[Problem]:
    for row in story.decisions:
        right = systems.get(row.to) if row.to else None
        if row.to is not None and not _provides(right):
            yield _nothing(DECISIONS, row.line, row.to)
        if row.outcome == "rerouted" and (right is None or row.mode not in right.modes):
            yield _nothing(DECISIONS, row.line, f"{row.to} {row.mode}")
        if (row.outcome == "refused") != (row.code is not None):
            yield Problem(
                DECISIONS,
                row.line,
                "拒绝须且仅它须有 code",
                "a refusal, and nothing else, has a code",
            )
        if row.code == 3 and row.basis is None:  # noqa: PLR2004 - Order 809 Art 21
            yield Problem(
                DECISIONS, row.line, "不具备共享条件须引用条件", "code 3 names the conditions"
            )


def _of_bundles(story: Story, systems: dict[str, SystemRow]) -> Iterator[Problem]:
    yield from _of_asking(BUNDLES, story.bundles, systems)
    for row in story.bundles:
        known = [systems[name].department for name in row.consumers if name in systems]
        if len({*known}) > 1:
            yield Problem(
                BUNDLES, row.line, "一份申请只属于一个部门", "a bundle is of one department"
            )


def _of_corrections(story: Story) -> Iterator[Problem]:
    bundles = {row.id: row for row in story.bundles}
    for row in story.corrections:
        bundle = bundles.get(row.bundle)
        if bundle is None or not {*row.readers} < {*bundle.consumers}:
            yield Problem(
                CORRECTIONS,
                row.line,
                f"{row.bundle} 中须有 readers，且另有未收到错误值的系统",
                f"readers are some of the systems of {row.bundle}, and not all",
            )


def _provides(system: SystemRow | None) -> bool:
    return system is not None and system.role in PROVIDES and bool(system.modes)


def _nothing(file: str, line: int, name: str) -> Problem:
    return Problem(file, line, f"{name} 不提供数据", f"{name} does not provide data")


def _unknown(file: str, line: int, names: Iterable[str], known: set[str]) -> Iterator[Problem]:
    for name in names:
        if name not in known:
            said = f"“{name}”不在 departments.csv 中", f"{name!r} is not in departments.csv"
            yield Problem(file, line, *said)
