"""Applications with the consent of both heads (Order 809 Art 20): one for each use.

Those of a system are one bundle; a return flow (Art 24) is an application of its own.
"""

from collections.abc import Mapping, Sequence

from auth.regions.codes import STATE
from deploy.demo.sharing import YEAR_DAYS, day_after
from deploy.demo.stage import Json, listed
from deploy.region.building.asking import Asked, agreed, granted
from deploy.region.building.crowd import Crowd
from deploy.region.building.stage import Stage
from deploy.region.region import Pair
from shuyuan_client.http import ExchangeClient

LIVE = frozenset({"active", "suspended"})


def subscribe(stage: Stage, crowd: Crowd) -> int:
    """Give every pair a subscription; return how many there are."""
    live = _live(stage)
    by_consumer: dict[str, list[Pair]] = {}
    for pair in stage.region.pairs:
        known = live.get((stage.client_id(pair.consumer.id), _resource(stage, pair), pair.mode))
        if known is None:
            by_consumer.setdefault(pair.consumer.id, []).append(pair)
        elif stage.notes.get(f"subscription {pair.id}") != known:
            stage.notes.note(f"subscription {pair.id}", known)
    crowd.each(by_consumer.values(), lambda pairs: _subscribe(stage, pairs))
    return len(stage.region.pairs)


def _subscribe(stage: Stage, pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        if pair.return_flow:
            _flow_back(stage, pair)
    asked = [pair for pair in pairs if not pair.return_flow]
    if asked:
        _ask(stage, asked)


def _flow_back(stage: Stage, pair: Pair) -> None:
    """Ask for the lower area's own rows: owed in time, whole and without conditions."""
    asked = Asked(
        pair.consumer, pair.resource, pair.mode, pair.scenario,
        row_filter=pair.row_filter, return_flow=True,
    )  # fmt: skip
    stage.notes.note(f"subscription {pair.id}", granted(stage, pair.id, asked))


def _resource(stage: Stage, pair: Pair) -> str:
    return stage.resource_id(pair.resource.system.id)


def _live(stage: Stage) -> Mapping[tuple[str, str, str], str]:
    """Return every live subscription by client, resource and mode, as the highest authority sees.

    Asked of each department's own clerk, a second run would sign in threescore people for it.
    """
    rows = listed(stage.authority(STATE), "/v1/subscriptions", role="authority")
    return {
        (row["client_id"], row["resource_id"], row["mode"]): row["id"]
        for row in rows
        if row["status"] in LIVE
    }


def _ask(stage: Stage, pairs: Sequence[Pair]) -> None:
    """One form for all that a system asks for: clerk writes, head signs, providers agree."""
    pair = pairs[0]
    clerk, head = stage.clerk(pair.department), stage.head(pair.department)
    name = f"bundle {pair.consumer.id}"
    bundle = _sent(stage, clerk, pairs) or clerk.ask("POST", "/v1/bundles", _form(stage, pairs))
    stage.notes.note(name, bundle["id"])
    path = f"/v1/bundles/{bundle['id']}"
    if any(line["status"] in {"draft", "not_signed"} for line in bundle["lines"]):
        head.ask("POST", f"{path}/sign")
        bundle = clerk.ask("GET", path)
    applied = {line["resource_id"]: line["application_id"] for line in bundle["lines"]}
    for each in pairs:
        head = stage.head(each.resource.department)
        shown = head.ask("GET", f"/v1/applications/{applied[_resource(stage, each)]}")
        subscription = agreed(stage, shown, each.resource, each.mode)
        stage.notes.note(f"subscription {each.id}", subscription)
    stage.notes.forget(name)


def _sent(stage: Stage, clerk: ExchangeClient, pairs: Sequence[Pair]) -> Json | None:
    """Return the form of all these that a run has sent which broke off, noted or not.

    An earlier form of the system does not hold what it uses since.
    """
    noted = stage.notes.get(f"bundle {pairs[0].consumer.id}")
    open_ones = listed(clerk, "/v1/bundles", status="open")
    titled = [row["id"] for row in open_ones if row["title"] == _title(pairs[0])]
    for bundle_id in [*([noted] if noted else []), *titled]:
        bundle = clerk.ask("GET", f"/v1/bundles/{bundle_id}")
        held = {(line["resource_id"], line["client_id"]) for line in bundle["lines"]}
        if held >= {(_resource(stage, it), stage.client_id(it.consumer.id)) for it in pairs}:
            return bundle
    return None


def _title(pair: Pair) -> str:
    return f"{pair.consumer.name}数据共享申请"


def _form(stage: Stage, pairs: Sequence[Pair]) -> Json:
    pair = pairs[0]
    return {
        "title": _title(pair),
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
