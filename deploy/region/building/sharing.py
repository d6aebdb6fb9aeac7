"""Applications in bundles, with the consent of both heads (Order 809 Art 20): one for each use."""

from collections.abc import Iterable, Mapping, Sequence

from deploy.demo.sharing import YEAR_DAYS, agree, day_after
from deploy.demo.stage import Json, listed
from deploy.region.building.crowd import Crowd
from deploy.region.building.stage import Stage
from deploy.region.region import Pair

FOLDING_SECONDS = 120.0
LEDGERED = frozenset({"pull", "table", "query"})
LIVE = frozenset({"active", "suspended"})


def subscribe(stage: Stage, crowd: Crowd) -> int:
    """Give every pair a subscription; return how many there are."""
    consumers = {pair.consumer.id: pair for pair in stage.region.pairs}
    live = _live(stage, consumers.values(), crowd)
    by_consumer: dict[str, list[Pair]] = {}
    for pair in stage.region.pairs:
        known = live.get((stage.client_id(pair.consumer.id), _resource(stage, pair), pair.mode))
        if known is None:
            by_consumer.setdefault(pair.consumer.id, []).append(pair)
        elif stage.notes.get(f"subscription {pair.id}") != known:
            stage.notes.note(f"subscription {pair.id}", known)
    crowd.each(by_consumer.values(), lambda pairs: _subscribe(stage, pairs))
    return len(stage.region.pairs)


def _resource(stage: Stage, pair: Pair) -> str:
    return stage.resource_id(pair.resource.system.id)


def _live(stage: Stage, pairs: Iterable[Pair], crowd: Crowd) -> Mapping[tuple[str, str, str], str]:
    """Return the live subscriptions of the departments that consume, by client, resource, mode."""
    departments = {pair.department.uscc: pair.department for pair in pairs}
    rows = crowd.each(
        departments.values(), lambda it: [*listed(stage.clerk(it), "/v1/subscriptions")]
    )
    return {
        (row["client_id"], row["resource_id"], row["mode"]): row["id"]
        for each in rows
        for row in each
        if row["status"] in LIVE
    }


def _subscribe(stage: Stage, pairs: Sequence[Pair]) -> None:
    """One form for all that a system asks for: clerk writes, head signs, providers agree."""
    pair = pairs[0]
    clerk, head = stage.clerk(pair.department), stage.head(pair.department)
    name = f"bundle {pair.consumer.id}"
    bundle_id = stage.notes.get(name)
    if bundle_id is None:
        bundle_id = clerk.ask("POST", "/v1/bundles", _form(stage, pairs))["id"]
        stage.notes.note(name, bundle_id)
    path = f"/v1/bundles/{bundle_id}"
    bundle = clerk.ask("GET", path)
    if any(line["status"] in {"draft", "not_signed"} for line in bundle["lines"]):
        head.ask("POST", f"{path}/sign")
        bundle = clerk.ask("GET", path)
    applied = {line["resource_id"]: line["application_id"] for line in bundle["lines"]}
    for each in pairs:
        agreed = _agree(stage, each, applied[_resource(stage, each)])
        stage.notes.note(f"subscription {each.id}", agreed)
    stage.notes.forget(name)


def _form(stage: Stage, pairs: Sequence[Pair]) -> Json:
    pair = pairs[0]
    return {
        "title": f"{pair.consumer.name}数据共享申请",
        "basis": pair.basis,
        "scenario": "；".join(each.scenario for each in pairs),
        "scope": pair.scope,
        "valid_until": day_after(YEAR_DAYS),
        "commitment": True,
        "lines": [_line(stage, each) for each in pairs],
    }


def _line(stage: Stage, pair: Pair) -> Json:
    line: Json = {
        "resource_id": _resource(stage, pair),
        "client_id": stage.client_id(pair.consumer.id),
        "items": [item.name for item in pair.resource.items],
        "mode": pair.mode,
    }
    return line if pair.row_filter is None else line | {"row_filter": pair.row_filter}


def _agree(stage: Stage, pair: Pair, application_id: str) -> str:
    """Return the subscription, once the latest state is folded where the mode needs it."""
    head, path = stage.head(pair.resource.department), f"/v1/applications/{application_id}"
    shown = head.ask("GET", path)
    if shown["status"] == "agreed":
        return str(shown["subscription_id"])
    body = {"ledger": True} if pair.mode in LEDGERED else {}
    return str(agree(head, path, body, within_seconds=FOLDING_SECONDS)["subscription_id"])
