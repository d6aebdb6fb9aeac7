"""What `shuyuan doctor` makes of the platform's own answers: each fault with what to do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shuyuan_client.failures import EXIT_FAILED, EXIT_UNREACHABLE
from shuyuan_client.refusals import Json
from shuyuan_client.wording import say

# Longer than what waits its turn: somebody should look (docs/metrics.md).
OUTBOX_SECONDS: Final = 60.0
FOLDING_SECONDS: Final = 60.0
JOBS_SECONDS: Final = 300.0
PUSHES_SECONDS: Final = 3_600.0
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "gateway": ("网关", "gateway"),
    "worker": ("后台进程", "worker"),
}
# The parts of `/readyz` that keep a node from serving.
PARTS: Final = ("node", "database", "broker", "rules", "keys", "restore", "clock")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, and what to do where it is not as it should be."""

    told: str
    remedy: str | None = None
    exit_code: int = EXIT_FAILED


def readiness(status: int, answer: Json) -> Finding:
    """Say why a node does not serve, by what its `/readyz` told."""
    reasons = [str(answer[part]) for part in PARTS if answer.get(part, "ok") != "ok"]
    reasons += [f"loop {loop}" for loop in _texts(answer.get("loops"))]
    why = f"{status}" + "".join(f"；{reason}" for reason in reasons)
    return Finding(
        say(f"平台未就绪（{why}）", f"it is not ready ({why.replace('；', '; ')})"),
        say("稍后再试；持续如此请联系平台运维", "retry later; else tell its operators"),
        EXIT_UNREACHABLE,
    )


def operations(status: Json) -> Iterator[Finding]:
    """Yield what an operator should know of `GET /v1/status`, faults with their remedies."""
    told = say("平台版本", "the platform is"), say("世代", "generation")
    yield Finding(f"{told[0]} {status['version']}, {told[1]} {status['generation']}")
    yield from _processes(status["processes"], str(status["version"]))
    yield from _brokers(status["brokers"])
    yield from _backlogs(status)
    if status["overdue"]:
        late = ", ".join(f"{clock} {count}" for clock, count in sorted(status["overdue"].items()))
        yield Finding(say(f"法定期限逾期：{late}", f"beyond their legal day: {late}"))


def _processes(found: Sequence[Json], version: str) -> Iterator[Finding]:
    for kind, words in KINDS.items():
        seen = [each for each in found if each["kind"] == kind]
        living = [each for each in seen if not each["missed"]]
        name = say(*words)
        if not living:
            yield Finding(
                say(f"没有运行中的{name}", f"no {name} runs"),
                say("在节点上启动它，并看其日志", "start it on its node, and read its log"),
            )
        else:
            yield Finding(
                say(f"运行中的{name}：{len(living)} 个", f"{name}: {len(living)} running")
            )
        for each in seen:
            yield from _process(each, name, version)


def _process(found: Json, name: str, version: str) -> Iterator[Finding]:
    place = f"{name} {found['node']}/{found['pid']}"
    if found["missed"]:
        yield Finding(
            say(f"{place} 自 {found['seen_at']} 起没有音讯", f"{place}: silent since "
                f"{found['seen_at']}"),
            say("看该节点是否停机或断网；进程已停止的，一天后不再列出",
                "see whether the node is down or cut off; what has ended is listed for a day"),
        )  # fmt: skip
        return
    if found["version"] != version:
        yield Finding(
            say(f"{place} 的版本是 {found['version']}", f"{place} is version {found['version']}"),
            say("逐个节点升级到同一版本", "bring the nodes to one version, one after the other"),
        )
    told = found["told"]
    for loop in _texts(told.get("dead_loops")):
        yield Finding(
            say(f"{place} 的任务 {loop} 已停止", f"{place}: the loop {loop} has ended"),
            say("看其日志中的错误，然后重新启动该进程", "read the error in its log, restart it"),
        )
    for warning in _texts(told.get("warnings")):
        yield Finding(
            f"{place}: {warning}",
            say("按提示更正设置或依赖的服务", "correct the setting or the service that it names"),
        )


def _brokers(found: Json) -> Iterator[Finding]:
    if not found["answers"]:
        yield Finding(
            say("Kafka 没有应答", "Kafka does not answer"),
            say("检查 SHUYUAN_KAFKA_BOOTSTRAP 和各 broker 的日志",
                "check SHUYUAN_KAFKA_BOOTSTRAP, and the logs of the brokers"),
        )  # fmt: skip
        return
    count = f"{found['brokers']} / {found['partitions']}"
    yield Finding(say(f"Kafka：broker / 分区 {count}", f"Kafka: brokers / partitions {count}"))
    if found["without_leader"]:
        named = ", ".join(found["named"])
        yield Finding(
            say(f"{found['without_leader']} 个分区没有首领：{named}",
                f"{found['without_leader']} partitions have no leader: {named}"),
            say("启动保存其副本的 broker；此间这些资源不能读写",
                "start the brokers that hold their copies; these resources rest meanwhile"),
        )  # fmt: skip
    for warning in found["warnings"]:
        yield Finding(
            f"Kafka: {warning}",
            say("按提示更正该主题或集群的设置", "correct that setting of the topic or cluster"),
        )


def _backlogs(status: Json) -> Iterator[Finding]:
    kept = [
        (status["outbox"]["oldest_seconds"], OUTBOX_SECONDS,
         ("事件外发", "events to be sent"), ("后台进程或 Kafka", "a worker, or Kafka")),
        (status["latest"]["lag_seconds"], FOLDING_SECONDS,
         ("最新状态归并", "folding of latest states"), ("后台进程", "a worker")),
        (status["jobs"]["oldest_seconds"], JOBS_SECONDS,
         ("任务队列", "jobs"), ("后台进程", "a worker")),
        (status["pushes"]["oldest_seconds"], PUSHES_SECONDS,
         ("推送", "pushes"), ("接收方的端点", "the receivers' endpoints")),
    ]  # fmt: skip
    for seconds, most, what, who in kept:
        name = say(*what)
        if seconds <= most:
            yield Finding(say(f"{name}没有积压", f"{name}: nothing waits too long"))
        else:
            yield Finding(
                say(f"{name}已等待 {seconds:,.0f} 秒", f"{name} have waited {seconds:,.0f} s"),
                say(f"检查{who[0]}", f"look at {who[1]}"),
            )
    if status["latest"]["unheld"]:
        count = status["latest"]["unheld"]
        yield Finding(
            say(f"{count} 个分区的最新状态无人归并", f"nobody folds {count} partitions"),
            say("启动后台进程", "start a worker"),
        )


def _texts(value: object) -> list[str]:
    """Return what a list says, or an object by its names."""
    if isinstance(value, dict):
        return [f"{name}: {each}" for name, each in value.items()]
    return [str(each) for each in value] if isinstance(value, list) else []
