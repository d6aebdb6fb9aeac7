"""`docs/region.md`: one line for each named system, from what a run has noted."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from deploy.region.events import PENDING, Event, events
from deploy.region.files import SystemRow
from deploy.region.region import Pair, Region

SHOWN = 12
OPEN, NOT_YET = "open download", "尚未读取 / not yet read"
RETURN, NOT_HAPPENED = "return flow", "尚未发生 / not yet"
EVENT_COLUMNS = (
    "编号 / id", "事件 / event", "各方 / parties", "说明 / what", "结果 / state", "事实 / facts",
)  # fmt: skip
COLUMNS = (
    "系统 / system", "名称 / name", "文件 / document", "部门 / department", "角色 / role",
    "资源 / resource", "方式 / modes", "记录 / records", "使用 / uses, or why outside",
)  # fmt: skip
HEAD = """# 区域场景 / The region

五份政策文件点名的每个系统一行。由 `make region` 的一次运行生成（`python -m deploy.region --proof docs/region.md`），数据见 [deploy/region/data](../deploy/region/data/ORIGIN.md)；人员、企业、地址和信用代码均为虚构（[ADR 0048](adr/0048-a-region-of-nobody.md)）。

One line for each system that the five policy documents name, generated from a run of `make region`. People, enterprises, addresses and credit codes are fictitious. Roles: P provides, C consumes, B both, X outside. A use tells the provider's system, the mode, how many records were received, the beginning of the last cursor (mode pull) and of the digest: SHA-256 of the records with the items that are not masked, which the consumer made of what it received and the provider of what it published, and which are equal. A verification has no digest: so many answers were right, one of them to a wrong value. A use by table was landed by the client package's agent in a PostgreSQL table of the consumer's own, and its digest is that of the table's rows. A use by file is a snapshot of all records, by push what a receiver of the department took and verified, by api what its service answered through the platform. An open download is what anybody gets without signing in, compared in the same way. `ledger`: the consumer confirmed the day's delivery ledger by digests of its own. Services that departments mount stand beside the platform until `make down`; endpoints are paused after the run, because no receiver listens any more. An entry without modes is listed in the catalogue only: it is published, names `file` because an entry has to name a mode, and holds nothing. `return flow`: rows of a lower area that go back to it (Order 809 Art 24), of an entry that is derived from its own: each city, and the region from the state, gets its own rows by a filter on its division, asked for by `return_flow` and answered without conditions.

![数据流向：区域各部门之间 / flows between the departments of the region](images/console-region-flows.png)

![时限榜与地图 / the league of deadlines, on the map](images/console-region-league.png)

"""  # noqa: E501
EVENTS_HEAD = """
## 场景事件 / Events

日常共享之外发生的事，由有关人员通过公开接口经办（数据见 `deploy/region/data` 中各事件文件）。授权的截止日不得早于申请和同意之日，当日有效的授权因此在当日 24 时到期：首次运行时为 `active` 并已读取，此后再运行时为 `expired`，读取被拒绝（`subscription_expired`）。时钟从不拨动，本页只写所见。

What happens besides everyday sharing, done by the people concerned through the public API. No grant can end before the day on which it is asked for and agreed to, so that one of a single day is `active`, and was read, in the run that makes it; a run after midnight in Shanghai finds it `expired` and its system refused (`subscription_expired`). Nothing turns the clock, and this page tells what was seen.

"""  # noqa: E501


class Notes(Protocol):
    def get(self, name: str, /) -> Any: ...  # noqa: ANN401 - whatever was noted


def page(region: Region, notes: Notes) -> str:
    """Return the whole page in Markdown."""
    rows = [_row(region, notes, system) for system in region.files.systems]
    ruled = " | ".join("---" for _ in COLUMNS)
    table = [" | ".join(COLUMNS), ruled, *(" | ".join(row) for row in rows)]
    listed = "\n".join(f"| {line} |" for line in table) + "\n"
    return HEAD + _sums(region, notes) + listed + EVENTS_HEAD + _events(region, notes)


def _events(region: Region, notes: Notes) -> str:
    ruled = " | ".join("---" for _ in EVENT_COLUMNS)
    rows = [" | ".join(_event(notes, event)) for event in events(region)]
    return "".join(f"| {line} |\n" for line in [" | ".join(EVENT_COLUMNS), ruled, *rows])


def _event(notes: Notes, event: Event) -> tuple[str, ...]:
    told = dict(notes.get(f"event {event.id}") or {"state": NOT_HAPPENED})
    state = str(told.pop("state"))
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told.items())
    return event.id, event.kind, event.parties, event.said, state, facts


def _sums(region: Region, notes: Notes) -> str:
    used = [pair for pair in region.pairs if _use(notes, pair)]
    records = sum(_published(notes, name) for name in region.resources)
    outside = sum(row.role == "X" for row in region.files.systems)
    listed = sum(not each.records for each in region.resources.values())
    received = sum(_use(notes, pair)["received"] for pair in used)
    back = sum(pair.return_flow for pair in used)
    states = [(notes.get(f"event {each.id}") or {}).get("state") for each in events(region)]
    ended = sum(state == each.state for state, each in zip(states, events(region), strict=True))
    return (
        f"- 系统 / systems: {len(region.files.systems)}, 不在范围 / outside: {outside}\n"
        f"- 资源 / resources: {len(region.resources)}, 只列目录 / listed only: {listed}\n"
        f"- 记录 / records published: {records:,}\n"
        f"- 使用 / uses: {len(used)} / {len(region.pairs)}, 收到 / received: {received:,}\n"
        f"- 回流 / return flows: {back}\n"
        f"- 事件 / events: {ended} / {len(states)}, 待当日 24 时到期 / end at midnight: "
        f"{states.count(PENDING)}\n\n"
    )


def _row(region: Region, notes: Notes, system: SystemRow) -> tuple[str, ...]:
    resource = region.resources.get(system.id)
    published = f"{_published(notes, system.id):,}" if resource and resource.records else ""
    uses = "<br>".join([*_opened(region, notes, system), *_uses(region, notes, system)])
    return (
        system.id, system.name, ", ".join(system.documents), system.department, system.role,
        system.resource or "", ", ".join(resource.modes) if resource else "", published,
        system.reason or uses,
    )  # fmt: skip


def _opened(region: Region, notes: Notes, system: SystemRow) -> Iterator[str]:
    resource = region.resources.get(system.id)
    if resource is not None and resource.is_open:
        told = notes.get(f"open {system.id}")
        rows = f"{told['rows']:,}, digest {told['digest'][:SHOWN]}…" if told else NOT_YET
        yield f"{OPEN}: {rows}"


def _uses(region: Region, notes: Notes, system: SystemRow) -> Iterator[str]:
    for pair in region.pairs:
        if pair.consumer.id != system.id:
            continue
        name, use = pair.resource.system.id, _use(notes, pair)
        if not use:
            yield f"{name}: {pair.mode}, {NOT_YET}"
            continue
        parts = [f"{name}: {pair.mode}", *([RETURN] if pair.return_flow else [])]
        parts += [f"{use['received']:,}"]
        parts += [f"cursor {use['cursor'][:SHOWN]}…"] if use["cursor"] else []
        parts += [f"digest {use['digest'][:SHOWN]}…"] if use["digest"] else ["answers right"]
        parts += ["ledger"] if use["ledger"] and pair.mode != "file" else []
        yield ", ".join(parts)


def _use(notes: Notes, pair: Pair) -> Mapping[str, Any]:
    return notes.get(f"use {pair.id}") or {}


def _published(notes: Notes, system_id: str) -> int:
    return int((notes.get(f"published {system_id}") or {}).get("records", 0))
