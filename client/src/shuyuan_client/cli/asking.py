"""What a department asks for: resources by their ids or by search, items and filters by name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shuyuan_client.cli.words import MODES, SHARE_TYPES, word
from shuyuan_client.failures import Failure
from shuyuan_client.http import ExchangeClient, Json

FOUND_MAX: Final = 20
SIGNS: Final[Mapping[str, str]] = {
    "=": "eq", "!=": "ne", ">": "gt", ">=": "ge", "<": "lt", "<=": "le",
}  # fmt: skip
CONDITION: Final = re.compile(
    r"\s*(?P<item>[^\s=<>!]+)"
    r"(?:\s*(?P<sign>>=|<=|!=|=|>|<)\s*|\s+(?P<op>eq|ne|in|prefix|gt|ge|lt|le)\s+)"
    r"(?P<value>\S.*?)\s*"
)
YES, NO = frozenset({"true", "是"}), frozenset({"false", "否"})
WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of every resource that is asked for; items and filters as people say them."""

    items: Sequence[str]
    all_items: bool
    mode: str
    filters: Sequence[str]
    per_day: int | None


@dataclass(slots=True)
class Asked:
    """One resource and what is asked for of it."""

    resource: Json
    items: list[str]
    row_filter: list[Json] = field(default_factory=list)

    def line(self, wanted: Wanted, client_id: str) -> Json:
        """Return it as a line of a bundle, which is an application too."""
        body: Json = {
            "resource_id": self.resource["id"], "client_id": client_id, "items": self.items,
            "mode": wanted.mode,
        }  # fmt: skip
        if self.row_filter:
            body["row_filter"] = self.row_filter
        if wanted.per_day is not None:
            body["records_per_day"] = wanted.per_day
        return body


def resources_of(client: ExchangeClient, ids: Sequence[str], searches: Sequence[str]) -> list[Json]:
    """Return the entries that are named, or found as the only one; raises Failure."""
    chosen = [*ids, *(_only(client, words) for words in searches)]
    if not chosen:
        raise Failure(
            "请写明要申请的资源标识，或用 --find 检索。",
            "Name the ids of resources, or look for them with --find.",
        )
    return [client.ask("GET", f"/v1/resources/{each}") for each in dict.fromkeys(chosen)]


def _only(client: ExchangeClient, words: str) -> str:
    params = {"q": words, "status": "published", "limit": str(FOUND_MAX)}
    page = client.ask("GET", "/v1/resources", params=params)
    found = page["items"]
    exact = [each for each in found if each["name"] == words]
    if len(exact) == 1 or len(found) == 1:
        return str((exact or found)[0]["id"])
    if not found:
        raise Failure(
            f"没有找到“{words}”；可换用更短的检索词，或提出数据需求。",
            f"Nothing is found for {words}; try fewer words, or submit a demand.",
        )
    more = "…" if page["next_cursor"] else ""
    told = "\n".join(f"  {each['id']}  {each['name']}  {provider_of(each)}" for each in found)
    raise Failure(
        f"“{words}”找到多个资源，请改用标识：\n{told}{more}",
        f"{words} finds several resources; name one by its id:\n{told}{more}",
    )


def provider_of(resource: Json) -> str:
    return str(resource["department_name"] or resource["department"])


def asked_of(client: ExchangeClient, resource: Json, wanted: Wanted) -> Asked:
    """Return what is asked for of a resource; raises Failure where it has nothing of it."""
    if resource["share_type"] == "none":
        raise Failure(
            f"{resource['name']} 为{word(SHARE_TYPES, 'none')}类，不能申请。",
            f"{resource['name']} is not shared and cannot be applied for.",
        )
    offered = resource["offered_modes"]
    if wanted.mode not in offered:
        served = "、".join(f"{mode}（{word(MODES, mode)}）" for mode in offered) or "-"
        raise Failure(
            f"{resource['name']} 不以 {wanted.mode} 方式提供；可用的有 {served}。",
            f"{resource['name']} is not provided by {wanted.mode}; it is by {served}.",
        )
    names = [item["name"] for item in resource["items"]]
    known = {name: name for name in names} | _labels(resource)
    items = names if wanted.all_items else [known[each] for each in wanted.items if each in known]
    if not items:
        shown = "、".join(f"{item['name']}（{item['label']}）" for item in resource["items"])
        raise Failure(
            f"请用 --item 写明需要 {resource['name']} 的哪些信息项，或用 --all-items：{shown}。",
            f"Name the items of {resource['name']} by --item, or --all-items: {shown}.",
        )
    asked = Asked(resource, list(dict.fromkeys(items)))
    if wanted.filters:
        types = client.ask("GET", f"/v1/resources/{resource['id']}/schema")["properties"]
        asked.row_filter = [_condition(each, known, types, resource) for each in wanted.filters]
    return asked


def require_used(wanted: Wanted, resources: Sequence[Json]) -> None:
    """Raise Failure for an item that no resource has: it is misspelt."""
    known = {name for each in resources for item in each["items"] for name in _called(item)}
    strange = [each for each in wanted.items if each not in known]
    if strange:
        told = "、".join(strange)
        raise Failure(
            f"所申请的资源都没有信息项 {told}；请核对名称。",
            f"None of the resources has an item {told}; check the name.",
        )


def _called(item: Json) -> tuple[str, str]:
    return item["name"], item["label"]


def _labels(resource: Json) -> dict[str, str]:
    """Return names by labels, but for labels that stand twice."""
    labels = [item["label"] for item in resource["items"]]
    return {
        item["label"]: item["name"]
        for item in resource["items"]
        if labels.count(item["label"]) == 1
    }


def _condition(
    text: str, known: Mapping[str, str], types: Mapping[str, Any], resource: Json
) -> Json:
    """Read a filter such as `unit prefix 4501`, `金额>=100` or `status in 1,2`; raises Failure."""
    read = CONDITION.fullmatch(text)
    if read is None:
        raise Failure(
            f"过滤条件应如 '区划 prefix 4501'、'金额>=100'、'状态 in 1,2'：{text}",
            f"A filter is like 'division prefix 4501', 'amount>=100', 'status in 1,2': {text}",
        )
    name = known.get(read["item"])
    if name is None:
        raise Failure(
            f"{resource['name']} 没有信息项 {read['item']}：{text}",
            f"{resource['name']} has no item {read['item']}: {text}",
        )
    op = SIGNS.get(read["sign"] or "", read["op"])
    schema = types.get(name, {})
    if op == "in":
        values = [_value(each.strip(), schema, text) for each in read["value"].split(",")]
        return {"item": name, "op": op, "value": values}
    return {"item": name, "op": op, "value": _value(read["value"], schema, text)}


def _value(text: str, schema: Mapping[str, Any], condition: str) -> str | int | bool:
    """Return a value as its item has it; a decimal stays a text, which loses no digit."""
    types = schema.get("type", ())
    kinds = ({types} if isinstance(types, str) else set(types)) - {"null"}
    if kinds == {"integer"}:
        if WHOLE.fullmatch(text) is None:
            raise Failure(f"{condition}：{text} 不是整数。", f"{condition}: {text} is no integer.")
        return int(text)
    if kinds == {"boolean"}:
        if text.lower() not in YES | NO:
            raise Failure(f"{condition}：应为 是 或 否。", f"{condition}: it is true or false.")
        return text.lower() in YES
    return text


def client_of(client: ExchangeClient, client_id: str | None) -> Json:
    """Return the system that is to receive; the only one of the department, where none is named."""
    if client_id is not None:
        return client.ask("GET", f"/v1/clients/{client_id}")
    found = client.ask("GET", "/v1/clients", params={"limit": "200"})["items"]
    able = [
        each for each in found if each["status"] == "active" and "records:read" in each["scopes"]
    ]
    if len(able) == 1:
        only: Json = able[0]
        return only
    told = "\n".join(f"  {each['client_id']}  {each['name']}" for each in able)
    if told:
        raise Failure(
            f"请用 --client 写明由哪个应用系统接收：\n{told}",
            f"Name the system that is to receive by --client:\n{told}",
        )
    raise Failure(
        "本部门没有可接收数据的应用系统；请负责人先登记一个（权限范围 records:read）。",
        "The department has no system that may receive: the head registers one with records:read.",
    )
