"""What the running platform tells of itself (`GET /v1/status`), as findings with remedies; pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gateway.diagnosis.findings import Area, Finding, Verdict, plain
from kernel.errors import Text
from kernel.skew import MAX_SECONDS, WARNING_SECONDS

if TYPE_CHECKING:
    from gateway.api.status import BrokersView, ProcessView, StatusView

# Longer than what waits its turn: somebody should look (docs/metrics.md).
OUTBOX_SECONDS: Final = 60.0
FOLDING_SECONDS: Final = 60.0
JOBS_SECONDS: Final = 300.0
PUSHES_SECONDS: Final = 3_600.0
KINDS: Final[Mapping[str, Text]] = {
    "gateway": Text("网关", "gateway"),
    "worker": Text("后台进程", "worker"),
}
BROKER: Final = Text("消息集群（Kafka）", "Kafka")
CLOCK: Final = Text("各进程的时钟", "clocks of the processes")
SKEWED: Final = "the clock of this machine"


def findings(status: "StatusView") -> Iterator[Finding]:
    """Yield what an operator should know; each fault comes with its remedy."""
    yield _good(
        Area.PROCESSES,
        Text("平台", "platform"),
        Text(
            f"版本 {status.version}，世代 {status.generation}",
            f"version {status.version}, generation {status.generation}",
        ),
    )
    yield from _processes(status.processes, status.version)
    yield from _clocks(status.processes)
    yield from _brokers(status.brokers)
    yield from _backlogs(status)
    yield from _leases(status)
    overdue = {clock: count for clock, count in sorted(status.overdue.items()) if count}
    if overdue:
        late = ", ".join(f"{clock} {count}" for clock, count in overdue.items())
        # The departments' own, not the platform's: nothing for an operator to mend.
        part = Text("法定期限", "legal days")
        yield _good(Area.WORK, part, Text(f"逾期未办：{late}", f"open beyond their day: {late}"))


def _good(area: Area, part: Text, told: Text) -> Finding:
    return Finding(area=area, part=part, told=told)


def _processes(found: Sequence["ProcessView"], version: str) -> Iterator[Finding]:
    for kind, name in KINDS.items():
        seen = [each for each in found if each.kind == kind]
        living = sum(not each.missed for each in seen)
        if living:
            told = Text(f"运行中 {living} 个", f"{living} running")
            yield _good(Area.PROCESSES, name, told)
        else:
            yield Finding(
                area=Area.PROCESSES,
                part=name,
                told=Text(f"没有运行中的{name.zh}", f"no {name.en} runs"),
                verdict=Verdict.BAD,
                remedy=Text("在节点上启动它，并看其日志", "start it on its node, and read its log"),
            )
        for each in seen:
            yield from _process(each, name, version)


def _process(found: "ProcessView", name: Text, version: str) -> Iterator[Finding]:
    place = f"{found.node}/{found.pid}"
    part = Text(f"{name.zh} {place}", f"{name.en} {place}")
    if found.missed:
        yield Finding(
            area=Area.PROCESSES,
            part=part,
            told=Text("没有音讯", "silent"),
            verdict=Verdict.DOUBTFUL,
            since=found.seen_at,
            remedy=Text(
                "看该节点是否停机或断网；进程已停止的，一天后不再列出",
                "see whether the node is down or cut off; what has ended is listed for a day",
            ),
        )
        return
    if found.version != version:
        yield Finding(
            area=Area.PROCESSES,
            part=part,
            told=Text(f"版本是 {found.version}", f"is version {found.version}"),
            verdict=Verdict.DOUBTFUL,
            since=found.started_at,
            remedy=Text(
                "逐个节点升级到同一版本", "bring the nodes to one version, one after the other"
            ),
        )
    for loop in _texts(found.told.get("dead_loops")):
        yield Finding(
            area=Area.PROCESSES,
            part=part,
            told=Text(f"任务 {loop} 已停止", f"the loop {loop} has ended"),
            verdict=Verdict.BAD,
            remedy=Text(
                "看其日志中的错误，然后重新启动该进程", "read the error in its log, restart it"
            ),
        )
    for warning in _texts(found.told.get("warnings")):
        if not warning.startswith(SKEWED):  # its clock is told for itself
            yield _warned(Area.PROCESSES, part, warning)


def _warned(area: Area, part: Text, warning: str) -> Finding:
    return Finding(
        area=area,
        part=part,
        told=plain(warning),
        verdict=Verdict.DOUBTFUL,
        remedy=Text(
            "按提示更正设置或依赖的服务", "correct the setting or the service that it names"
        ),
    )


def _clocks(found: Sequence["ProcessView"]) -> Iterator[Finding]:
    """Yield whose clock is off from the database's, by which all are compared."""
    told = [(each, each.told.get("clock_ahead_seconds")) for each in found if not each.missed]
    known = [(each, float(ahead)) for each, ahead in told if isinstance(ahead, int | float)]
    off = [(each, ahead) for each, ahead in known if abs(ahead) > WARNING_SECONDS]
    for each, ahead in off:
        place = f"{each.node}/{each.pid}"
        yield Finding(
            area=Area.CLOCK,
            part=Text(f"时钟 {place}", f"clock of {place}"),
            told=Text(f"与数据库相差 {ahead:+.1f} 秒", f"is {ahead:+.1f} s from the database's"),
            verdict=Verdict.BAD if abs(ahead) > MAX_SECONDS else Verdict.DOUBTFUL,
            remedy=Text(
                "将该节点与数据库主机同步到同一时间服务器（NTP）",
                "set the node and the database's machine by the same time server (NTP)",
            ),
        )
    if known and not off:
        most = max(abs(ahead) for _, ahead in known)
        yield _good(
            Area.CLOCK,
            CLOCK,
            Text(
                f"{len(known)} 个进程与数据库相差不超过 {most:.1f} 秒",
                f"{len(known)} processes, at most {most:.1f} s from the database's",
            ),
        )


def _brokers(found: "BrokersView") -> Iterator[Finding]:
    if not found.answers:
        yield Finding(
            area=Area.BROKER,
            part=BROKER,
            told=Text("没有应答", "does not answer"),
            verdict=Verdict.BAD,
            away=True,
            remedy=Text(
                "检查 SHUYUAN_KAFKA_BOOTSTRAP 和各 broker 的日志",
                "check SHUYUAN_KAFKA_BOOTSTRAP, and the logs of the brokers",
            ),
        )
        return
    yield _good(
        Area.BROKER,
        BROKER,
        Text(
            f"{found.brokers} 个 broker，{found.partitions} 个分区",
            f"{found.brokers} brokers, {found.partitions} partitions",
        ),
    )
    if found.without_leader:
        named = ", ".join(found.named)
        yield Finding(
            area=Area.BROKER,
            part=BROKER,
            told=Text(
                f"{found.without_leader} 个分区没有首领：{named}",
                f"{found.without_leader} partitions have no leader: {named}",
            ),
            verdict=Verdict.BAD,
            remedy=Text(
                "启动保存其副本的 broker；此间这些资源不能读写",
                "start the brokers that hold their copies; these resources rest meanwhile",
            ),
        )
    for warning in found.warnings:
        yield _warned(Area.BROKER, BROKER, warning)


def _backlogs(status: "StatusView") -> Iterator[Finding]:
    kept = [
        (status.outbox.oldest_seconds, OUTBOX_SECONDS,
         Text("事件外发", "events to be sent"), Text("后台进程或 Kafka", "a worker, or Kafka")),
        (status.latest.lag_seconds, FOLDING_SECONDS,
         Text("最新状态归并", "folding of latest states"), Text("后台进程", "a worker")),
        (status.jobs.oldest_seconds, JOBS_SECONDS,
         Text("任务队列", "jobs"), Text("后台进程", "a worker")),
        (status.pushes.oldest_seconds, PUSHES_SECONDS,
         Text("推送", "pushes"), Text("接收方的端点", "the receivers' endpoints")),
    ]  # fmt: skip
    for seconds, most, part, who in kept:
        if seconds <= most:
            yield _good(Area.WORK, part, Text("没有积压", "nothing waits too long"))
        else:
            yield Finding(
                area=Area.WORK,
                part=part,
                told=Text(f"已等待 {seconds:,.0f} 秒", f"have waited {seconds:,.0f} s"),
                verdict=Verdict.DOUBTFUL,
                since=_before(status.at, seconds),
                remedy=Text(f"检查{who.zh}", f"look at {who.en}"),
            )


def _before(at: datetime, seconds: float) -> datetime:
    return (at - timedelta(seconds=seconds)).replace(microsecond=0)


def _leases(status: "StatusView") -> Iterator[Finding]:
    """Yield who holds what work, and what nobody does."""
    latest, pushes, jobs = status.latest, status.pushes, status.jobs
    yield from _held(
        Text("租约：最新状态归并", "leases of folding"),
        latest.partitions,
        latest.unheld,
        latest.holders,
    )
    yield from _held(
        Text("租约：推送端点", "leases of pushing"), pushes.active, pushes.unheld, pushes.holders
    )
    yield from _held(
        Text("租约：运行中的任务", "leases of running jobs"), jobs.running, jobs.unheld, None
    )


def _held(part: Text, things: int, unheld: int, holders: int | None) -> Iterator[Finding]:
    if unheld:
        yield Finding(
            area=Area.WORK,
            part=part,
            told=Text(f"{things} 项中有 {unheld} 项无人承担", f"nobody holds {unheld} of {things}"),
            verdict=Verdict.DOUBTFUL,
            remedy=Text(
                "启动后台进程；已在运行的，一分钟内会接手",
                "start a worker; one that runs takes them within a minute",
            ),
        )
    elif things:
        who = Text("", "") if holders is None else Text(f"由 {holders} 个进程", f"{holders} hold ")
        yield _good(
            Area.WORK, part, Text(f"{who.zh}承担 {things} 项", f"{who.en}{things}, all held")
        )


def _texts(value: Any) -> list[str]:  # noqa: ANN401 - what a process told, in JSON
    """Return what a list says, or an object by its names."""
    if isinstance(value, dict):
        return [f"{name}: {each}" for name, each in value.items()]
    return [str(each) for each in value] if isinstance(value, list) else []
