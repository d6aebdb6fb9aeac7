"""What would go wrong, said before anything runs; nothing is changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from shuyuan_client.agent import contracts
from shuyuan_client.agent.config import Pull, Push
from shuyuan_client.agent.contracts import Contract
from shuyuan_client.agent.databases import Column
from shuyuan_client.agent.pulling import PullJob
from shuyuan_client.agent.running import Agent
from shuyuan_client.agent.values import GIVES, TAKES
from shuyuan_client.failures import Failure
from shuyuan_client.wording import say

Level = Literal["error", "warning"]
PULL_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
INCREMENTS = ("integer", "moment")


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence about a job; an error is what makes it fail."""

    level: Level
    job: str
    sentence: str


def check(agent: Agent) -> list[Finding]:
    """Return everything that is found wrong; raises Failure where exchange or database is away."""
    agent.client.token()
    found = [
        Finding(
            "warning",
            "-",
            say(
                f"代理自有表 {name} 尚未建立；运行 shuyuan agent init。",
                f"The agent's own table {name} is missing: shuyuan agent init.",
            ),
        )
        for name in agent.state.missing()
    ]
    for pull in agent.pulls:
        found += _guarded(pull.name, lambda pull=pull: _of_pull(agent, pull))  # type: ignore[misc]
    for push in agent.pushes:
        found += _guarded(push.name, lambda push=push: _of_push(agent, push.settings))  # type: ignore[misc]
    return found


def _guarded(job: str, checks: Callable[[], Iterator[tuple[Level, str]]]) -> list[Finding]:
    """Return what the checks of a job find; a failure of one of them is a finding itself."""
    found: list[Finding] = []
    try:
        found.extend(Finding(level, job, sentence) for level, sentence in checks())
    except Failure as failure:
        found.append(Finding("error", job, str(failure)))
    return found


def _of_pull(agent: Agent, pull: PullJob) -> Iterator[tuple[Level, str]]:
    job = pull.settings
    contract = contracts.of_pull(agent.client, job)
    if contract is None:
        yield "warning", _no_catalogue()
    columns = contracts.columns_of_pull(agent.client, job)
    known = agent.database.columns(job.table)
    if not known:
        yield "error", _no_table(job.table)
        return
    problems = list(_of_target(agent, job, columns, known, contract))
    yield from problems
    if not any(level == "error" for level, _ in problems):
        yield from _trial(pull)


def _of_target(
    agent: Agent,
    job: Pull,
    columns: dict[str, str],
    known: dict[str, Column],
    contract: Contract | None,
) -> Iterator[tuple[Level, str]]:
    extra = [name for name in (job.key_column, job.mark_column) if name is not None]
    named = [*columns.values(), *extra]
    for name in named:
        if name not in known:
            yield "error", _no_column(job.table, name)
        elif known[name].generated:
            yield _error(
                f"列 {name} 由数据库生成，不能写入。",
                f"The column {name} is generated and cannot be written.",
            )
    for name in known.keys() - {*named}:
        if known[name].required and not known[name].filled and not known[name].generated:
            yield _error(
                f"列 {name} 不可为空且无缺省值，而没有信息项写入它。",
                f"The column {name} must have a value, and no item gives one.",
            )
    if job.mark_column in known and known[job.mark_column].kind != "boolean":
        yield _error(
            f"标记列 {job.mark_column} 须为布尔型。",
            f"The column {job.mark_column} that marks deletions must be boolean.",
        )
    yield from _of_key(agent, job, columns)
    for right in agent.database.missing_rights(job.table, PULL_RIGHTS):
        yield "error", _no_right(right, job.table)
    if contract is not None:
        yield from _of_items(columns, known, contract)
        yield from _of_key_items(job, contract)


def _of_key(agent: Agent, job: Pull, columns: dict[str, str]) -> Iterator[tuple[Level, str]]:
    key = frozenset(
        [str(job.key_column)] if job.key_column else [columns.get(i, i) for i in job.key]
    )
    unique = agent.database.unique_keys(job.table)
    told = ", ".join(sorted(key))
    if key not in unique:
        yield _error(
            f"表 {job.table} 没有恰为（{told}）的主键或唯一约束。",
            f"{job.table} has no primary key or unique constraint of just ({told}).",
        )
    elif agent.config.database.kind == "mysql" and len({*unique}) > 1:
        yield _error(
            f"表 {job.table} 另有唯一约束，MySQL 会据其改写他行；请去除。",
            f"{job.table} has another unique constraint, by which MySQL would change "
            "other rows; remove it.",
        )


def _of_items(
    columns: dict[str, str], known: dict[str, Column], contract: Contract
) -> Iterator[tuple[Level, str]]:
    for item, name in columns.items():
        kind = contract.kinds.get(item)
        if kind is None:
            yield _error(f"信息项 {item} 未获授权。", f"The item {item} is not granted.")
        elif name in known:
            column = known[name]
            if kind not in TAKES[column.kind]:
                yield "error", _wrong_type(item, kind, column)
            if column.required and item not in contract.required:
                yield _error(
                    f"信息项 {item} 可以缺失，而列 {name} 不可为空。",
                    f"The item {item} may be absent, the column {name} may not.",
                )


def _of_key_items(job: Pull, contract: Contract) -> Iterator[tuple[Level, str]]:
    told = ", ".join(contract.key)
    if job.key and (
        contract.masked & {*contract.key} or not {*contract.key} <= contract.kinds.keys()
    ):
        yield _error(
            f"主键项（{told}）未获授权或已脱敏，请改用 key_column。",
            f"The key items ({told}) are not granted, or masked; use key_column.",
        )
    elif job.key and tuple(job.key) != contract.key:
        yield _error(
            f"主键项依次为（{told}），key 须与其相同。",
            f"The key items are ({told}), in this order; key must be the same.",
        )


def _trial(pull: PullJob) -> Iterator[tuple[Level, str]]:
    """Write the next records and take them back: triggers and constraints have their say."""
    lines = pull.lines()
    if lines:
        pull.target.trial(lines)
    else:
        yield _warning("尚无可提取的记录，未能试写。", "There is no record yet to try with.")


def _of_push(agent: Agent, job: Push) -> Iterator[tuple[Level, str]]:
    known = agent.database.columns(job.table)
    if not known:
        yield "error", _no_table(job.table)
        return
    contract = contracts.of_push(agent.client, job)
    if contract is None:
        yield "warning", _no_catalogue()
    columns = contracts.columns_of_push(job, contract, agent.database)
    for name in columns.values():
        if name not in known:
            yield "error", _no_column(job.table, name)
    for right in agent.database.missing_rights(job.table, ["SELECT"]):
        yield "error", _no_right(right, job.table)
    key = frozenset(columns.get(item, item) for item in job.key)
    if key not in agent.database.unique_keys(job.table):
        told = ", ".join(sorted(key))
        yield _error(
            f"表 {job.table} 没有恰为（{told}）的主键或唯一约束。",
            f"{job.table} has no primary key or unique constraint of just ({told}).",
        )
    if contract is not None:
        yield from _of_source(job, columns, known, contract)
    yield from _of_method(agent, job, known)


def _of_source(
    job: Push, columns: dict[str, str], known: dict[str, Column], contract: Contract
) -> Iterator[tuple[Level, str]]:
    if {*job.key} != {*contract.key}:
        told = ", ".join(contract.key)
        yield _error(
            f"主键项为（{told}），key 须与其相同。",
            f"The key items are ({told}); key must be the same.",
        )
    for item in contract.required - columns.keys():
        yield _error(
            f"必填信息项 {item} 没有对应的列。", f"The item {item} is required and has no column."
        )
    for item, name in columns.items():
        kind = contract.kinds.get(item)
        if kind is None:
            yield _error(f"资源没有信息项 {item}。", f"The resource has no item {item}.")
        elif name in known and kind not in GIVES[known[name].kind]:
            yield "error", _wrong_type(item, kind, known[name])
        elif name in known and item in contract.required and not known[name].required:
            yield _warning(
                f"列 {name} 可为空，而信息项 {item} 必填：空值的行将进入隔离区。",
                f"The column {name} may be empty, the item {item} may not: such "
                "rows will be in quarantine.",
            )


def _of_method(agent: Agent, job: Push, known: dict[str, Column]) -> Iterator[tuple[Level, str]]:
    if job.method == "increment":
        column = known.get(str(job.increment))
        if column is None:
            yield "error", _no_column(job.table, str(job.increment))
        elif column.kind not in INCREMENTS:
            yield _error(
                f"增量列 {column.name} 须为整数或时间，实为 {column.type}。",
                f"The increment {column.name} must be a number or a moment, is {column.type}.",
            )
        elif not column.required:
            yield _warning(
                f"增量列 {column.name} 可为空：空值的行不会提交。",
                f"The increment {column.name} may be empty: such rows are not published.",
            )
    if job.method == "outbox":
        name = f"shuyuan_agent_{job.name}".replace("-", "_")
        if not any(each.startswith(name) for each in agent.database.triggers(job.table)):
            yield _error(
                f"表 {job.table} 没有触发器 {name}；shuyuan agent init 会打印脚本。",
                f"{job.table} has no trigger {name}; shuyuan agent init prints it.",
            )


def _error(chinese: str, english: str) -> tuple[Level, str]:
    return "error", say(chinese, english)


def _warning(chinese: str, english: str) -> tuple[Level, str]:
    return "warning", say(chinese, english)


def _no_table(table: str) -> str:
    return say(
        f"表 {table} 不存在，或无权查看。", f"There is no table {table}, or no right to see it."
    )


def _no_column(table: str, name: str) -> str:
    return say(f"表 {table} 没有列 {name}。", f"{table} has no column {name}.")


def _no_right(right: str, table: str) -> str:
    return say(f"没有对表 {table} 的 {right} 权限。", f"There is no right to {right} on {table}.")


def _wrong_type(item: str, kind: str, column: Column) -> str:
    return say(
        f"信息项 {item}（{kind}）与列 {column.name}（{column.type}）类型不符。",
        f"The item {item} ({kind}) does not fit the column {column.name} ({column.type}).",
    )


def _no_catalogue() -> str:
    return say(
        "应用系统没有 catalog:read 权限，未比对数据契约。",
        "The client has no catalog:read: nothing was compared with the contract.",
    )
