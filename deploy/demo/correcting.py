"""A bundle of three systems of one department, and a correction that reaches two of three."""

import json
import time
from collections.abc import Mapping, Sequence

from deploy.demo import registry
from deploy.demo.cast import APPLICATION, CIVIL_AFFAIRS, NARROWER, PROVIDER, STATISTICS, System
from deploy.demo.divisions import Division
from deploy.demo.proof import require
from deploy.demo.sharing import YEAR_DAYS, day_after
from deploy.demo.stage import Json, Stage, find_in
from kernel.ids import new_id

SCOPES = ("catalog:read", "records:read")
SYSTEMS = tuple(
    System(name, CIVIL_AFFAIRS, SCOPES, profile)
    for name, profile in (
        ("地名管理系统", "place-names"),
        ("社会救助系统", "relief"),
        ("养老服务系统", "elder-care"),
    )
)
READERS, STRANGER = SYSTEMS[:2], SYSTEMS[2]
SAID = ("basis", "scenario", "scope", "commitment")
MARK_SECONDS = 30.0

# Of each system, the id of its subscription.
Granted = Mapping[str, str]


def bundle(stage: Stage, resource_id: str) -> Granted:
    """Apply for all three at once, sign once, have each decided; what is granted stays."""
    clients = {system.name: registry.register_system(stage, system) for system in SYSTEMS}
    granted = _granted(stage, resource_id, clients)
    if len(granted) < len(SYSTEMS):
        _apply(stage, resource_id, [clients[each] for each in clients if each not in granted])
        granted = _granted(stage, resource_id, clients)
    require(
        len(granted) == len(SYSTEMS),
        f"三个系统都应获得授权，实有 {len(granted)} 个",
        f"three systems should have a grant, {len(granted)} do",
    )
    return granted


def _granted(stage: Stage, resource_id: str, clients: Mapping[str, str]) -> dict[str, str]:
    clerk, found = stage.as_(CIVIL_AFFAIRS.clerk), dict[str, str]()
    for name, client_id in clients.items():
        filters = {"resource_id": resource_id, "client_id": client_id, "status": "active"}
        known = find_in(clerk, "/v1/subscriptions", {"mode": "pull"}, **filters)
        if known is not None:
            found[name] = known["id"]
    return found


def _apply(stage: Stage, resource_id: str, clients: Sequence[str]) -> None:
    clerk, head = stage.as_(CIVIL_AFFAIRS.clerk), stage.as_(CIVIL_AFFAIRS.head)
    line = {"resource_id": resource_id, "items": list(NARROWER), "mode": "pull"}
    body = {name: APPLICATION[name] for name in SAID} | {
        "title": "民政业务系统使用统计用区划代码",
        "valid_until": day_after(YEAR_DAYS),
        "lines": [{**line, "client_id": client_id} for client_id in clients],
    }
    path = f"/v1/bundles/{clerk.ask('POST', '/v1/bundles', body)['id']}"
    for signed in head.ask("POST", f"{path}/sign")["lines"]:
        agree = f"/v1/applications/{signed['application_id']}/agree"
        stage.as_(STATISTICS.head).ask("POST", agree, {})


def correct(stage: Stage, resource_id: str, granted: Granted, row: Division) -> str:
    """Let two of three receive a wrong name, dispute it, fix it; return the correction's id.

    Proves that those two see the right record marked, and the third the same without a mark.
    """
    cursors = {each.name: _latest(stage, each, granted) for each in READERS}
    _publish(stage, resource_id, row | {"name": row["name"] + "（误）"})
    for system in READERS:
        _line, cursors[system.name] = _next(stage, system, granted, cursors[system.name])
    cursors[STRANGER.name] = _latest(stage, STRANGER, granted)
    correction = _dispute(stage, granted[READERS[0].name], row)
    receipt = _publish(stage, resource_id, row)
    fix = {"receipt_id": receipt["receipt_id"]}
    head, path = stage.as_(STATISTICS.head), f"/v1/corrections/{correction}"
    head.ask("POST", f"{path}/fix", fix)
    _await_two(stage, path)
    for system in SYSTEMS:
        line, _cursor = _next(stage, system, granted, cursors[system.name])
        mark = None if system is STRANGER else correction
        require(
            (line["data"]["name"], line.get("correction")) == (row["name"], mark),
            f"{system.name}收到的更正不对：{line}",
            f"{system.profile} received a wrong correction: {line}",
        )
    stage.as_(CIVIL_AFFAIRS.clerk).ask("POST", f"{path}/confirm")
    return correction


def _dispute(stage: Stage, subscription_id: str, row: Division) -> str:
    body = {
        "key": row["code"],
        "problem": "wrong",
        "items": [{"item": "name", "expected": row["name"]}],
        "description": "与民政部门的地名档案不符（演示）",
    }
    clerk, head = stage.as_(CIVIL_AFFAIRS.clerk), stage.as_(STATISTICS.head)
    raised = clerk.ask("POST", f"/v1/subscriptions/{subscription_id}/corrections", body)
    head.ask("POST", f"/v1/corrections/{raised['id']}/accept")
    return str(raised["id"])


def _await_two(stage: Stage, path: str) -> None:
    """Wait until every worker has told what it handed on: two received the value, no more."""
    deadline = time.monotonic() + MARK_SECONDS
    while True:
        affected = stage.as_(STATISTICS.head).ask("GET", path)["affected_count"]
        if affected == len(READERS):
            return
        require(
            time.monotonic() < deadline and affected < len(READERS),
            f"应有 2 个授权收到过错误值，平台认定 {affected} 个",
            f"two received the wrong value, the exchange says {affected}",
        )
        time.sleep(0.5)


def _latest(stage: Stage, system: System, granted: Granted) -> str:
    return str(stage.as_(system.name).rewind(granted[system.name], "latest"))


def _next(stage: Stage, system: System, granted: Granted, cursor: str) -> tuple[Json, str]:
    """Return the one line that follows the cursor, and the cursor after it."""
    page = stage.as_(system.name).page(granted[system.name], cursor, wait_seconds=10)
    require(
        len(page.lines) == 1,
        f"{system.name}应收到 1 条，实为 {len(page.lines)} 条",
        f"{system.profile} should receive one record, has {len(page.lines)}",
    )
    return json.loads(page.lines[0]), page.next_cursor


def _publish(stage: Stage, resource_id: str, row: Division) -> Json:
    body = json.dumps(row, ensure_ascii=False).encode()
    receipt, _again = stage.as_(PROVIDER.name).publish(resource_id, body, key=new_id())
    return receipt
