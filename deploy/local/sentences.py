"""An overview in sentences: what runs, what is behind, what waits; what is wrong stands first."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from deploy.local.overview import Overview, Stored
from deploy.local.wording import say
from exchange.backlog import Backlog
from exchange.log.census import Census
from kernel.presence import MISSED_SECONDS
from kernel.tables import ProcessRow

NAMED_MAX = 5
GATEWAY, WORKER = "gateway", "worker"


class Sentence(NamedTuple):
    text: str
    wrong: bool = False


def sentences(seen: Overview) -> list[Sentence]:
    """Return what is wrong, then the rest, in the reader's language."""
    told = [*_database(seen.stored), *_brokers(seen.brokers)]
    return sorted(told, key=lambda sentence: not sentence.wrong)


def _database(stored: Stored | None) -> Iterator[Sentence]:
    if stored is None:
        yield _wrong("数据库没有应答", "the database does not answer")
        return
    yield from _processes(stored)
    yield from _behind(stored.waiting)
    yield from _waiting(stored.waiting)


def _processes(stored: Stored) -> Iterator[Sentence]:
    silent = {row.id: (stored.at - row.seen_at).total_seconds() for row in stored.processes}
    living = [row for row in stored.processes if silent[row.id] <= MISSED_SECONDS]
    kinds = Counter(row.kind for row in living)
    yield _fine(
        f"网关进程 {kinds[GATEWAY]} 个，后台进程 {kinds[WORKER]} 个；代号 {stored.generation}",
        f"{kinds[GATEWAY]} gateway and {kinds[WORKER]} background processes tell of themselves; "
        f"generation {stored.generation}",
    )
    if not kinds[WORKER]:
        yield _wrong(
            "没有后台进程：时限、推送、最新状态和消息都停着",
            "no background process: deadlines, pushes, latest states and messages stand still",
        )
    lost = [row for row in stored.processes if silent[row.id] > MISSED_SECONDS]
    for row in sorted(lost, key=lambda each: silent[each.id])[:NAMED_MAX]:
        yield _wrong(
            f"{_name(row)} 未正常结束，{silent[row.id]:.0f} 秒没有消息",
            f"{_name(row)} did not end as it should and was last heard of {silent[row.id]:.0f} s "
            "ago",
        )
    for row in living:
        yield from _troubles(row)


def _troubles(row: ProcessRow) -> Iterator[Sentence]:
    for loop, reason in dict(row.told.get("dead_loops") or {}).items():
        yield _wrong(
            f"{_name(row)} 的循环 {loop} 已停止：{reason}",
            f"the loop {loop} of {_name(row)} has died: {reason}",
        )
    for warning in row.told.get("warnings") or ():
        yield Sentence(f"{_name(row)}: {warning}", wrong=True)


def _name(row: ProcessRow) -> str:
    return f"{row.kind} {row.node}/{row.pid}"


def _brokers(brokers: Census | None) -> Iterator[Sentence]:
    if brokers is None:
        yield _wrong("没有 Kafka 节点应答", "no Kafka broker answers")
        return
    if brokers.without_leader:
        named = ", ".join(brokers.named[:NAMED_MAX])
        yield _wrong(
            f"{brokers.without_leader} 个分区没有 leader：{named}",
            f"{brokers.without_leader} partitions have no leader: {named}",
        )
    yield _fine(
        f"Kafka 节点 {brokers.brokers} 个，分区 {brokers.partitions} 个",
        f"{brokers.brokers} Kafka brokers, {brokers.partitions} partitions",
    )


def _behind(waiting: Backlog) -> Iterator[Sentence]:
    folding, pushing = waiting.folding, waiting.pushing
    if folding.unheld:
        yield _wrong(
            f"{folding.unheld} 个分区的最新状态无进程维护",
            f"nobody keeps the latest state of {folding.unheld} partitions",
        )
    yield _fine(
        f"最新状态：{folding.partitions} 个分区，最慢的落后 {folding.lag_seconds:.1f} 秒",
        f"latest state: {folding.partitions} partitions, the slowest {folding.lag_seconds:.1f} s "
        "behind",
    )
    chinese = f"推送：{pushing.active} 个端点启用，{pushing.paused} 个暂停"
    english = f"pushes: {pushing.active} endpoints active, {pushing.paused} paused"
    if pushing.retrying:
        chinese += f"；{pushing.retrying} 批待重发，最久 {pushing.oldest_seconds:.0f} 秒"
        english += f"; {pushing.retrying} batches not taken, for {pushing.oldest_seconds:.0f} s"
    yield Sentence(say(chinese, english), wrong=bool(pushing.retrying))


def _waiting(waiting: Backlog) -> Iterator[Sentence]:
    yield _fine(
        f"待发消息 {waiting.messages} 条，最久 {waiting.oldest_seconds:.0f} 秒",
        f"{waiting.messages} messages wait, the oldest for {waiting.oldest_seconds:.0f} s",
    )
    yield _fine(
        f"任务：{waiting.jobs.queued} 个排队，{waiting.jobs.running} 个执行中",
        f"jobs: {waiting.jobs.queued} queued, {waiting.jobs.running} running",
    )
    late = {kind: number for kind, number in waiting.overdue.items() if number}
    if late:
        told = say("，", ", ").join(f"{kind} {number}" for kind, number in sorted(late.items()))
        yield _wrong(f"超过法定时限：{told}", f"beyond their legal day: {told}")
    else:
        yield _fine("没有超过法定时限的事项", "nothing is beyond its legal day")


def _fine(chinese: str, english: str) -> Sentence:
    return Sentence(say(chinese, english))


def _wrong(chinese: str, english: str) -> Sentence:
    return Sentence(say(chinese, english), wrong=True)
