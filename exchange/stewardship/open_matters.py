"""What of a department others still rely on or wait for (ADR 0053).

Whoever is abolished answers nobody any more: a running service would end without just cause
(Order 809 Art 27), an application or a correction would be late for ever (Art 21, 26), and data
that were received would be disposed of by nobody (Art 27).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from catalog import handover as catalogue
from exchange.applications.states import UNDECIDED
from exchange.applications.states import State as Application
from exchange.corrections.states import ANSWERABLE
from exchange.errors import DepartmentInUse
from exchange.subscriptions.states import LIVE
from kernel.database import ReadSession
from kernel.errors import Text


@dataclass(frozen=True, slots=True)
class Matter:
    """Rows of a table, counted by a condition on `:uscc`; its parts are constants of this module.

    `said` is what they are called.
    """

    said: Text
    table: str
    condition: str

    def count(self) -> str:
        return f"(SELECT count(*) FROM exchange.{self.table} WHERE {self.condition})"  # noqa: S608


def _in(states: Collection[str]) -> str:
    listed = ", ".join(f"'{each}'" for each in sorted(states))
    return f"IN ({listed})"


_PARTY: Final = ":uscc IN (consumer_department, provider_department)"
_UNREPORTED: Final = f"""consumer_department = :uscc AND status NOT {_in(LIVE)}
    AND NOT EXISTS (SELECT FROM exchange.disposal done WHERE done.id = subscription.id
        AND done.status IN ('reported', 'confirmed'))"""
_UNCONFIRMED: Final = """status = 'reported' AND EXISTS (SELECT FROM exchange.subscription own
    WHERE own.id = disposal.id AND own.provider_department = :uscc)"""

ENTRIES: Final = Text("在用或在审的目录 {count} 条", "{count} entries in use or in review")
MATTERS: Final[Mapping[str, Matter]] = {
    "subscriptions_as_provider": Matter(
        Text("作为提供方的共享授权 {count} 项", "{count} live subscriptions as provider"),
        "subscription",
        f"provider_department = :uscc AND status {_in(LIVE)}",
    ),
    "subscriptions_as_consumer": Matter(
        Text("作为需求方的共享授权 {count} 项", "{count} live subscriptions as consumer"),
        "subscription",
        f"consumer_department = :uscc AND status {_in(LIVE)}",
    ),
    "applications": Matter(
        Text("未办结的共享申请 {count} 件", "{count} undecided applications"),
        "application",
        f"{_PARTY} AND status {_in(UNDECIDED - {Application.DRAFT})}",
    ),
    "corrections": Matter(
        Text("未办结的校核申请 {count} 件", "{count} open corrections"),
        "correction",
        f"{_PARTY} AND status {_in(ANSWERABLE)}",
    ),
    "disposals": Matter(
        Text("未报告的数据处置 {count} 项", "{count} disposals to be reported"),
        "subscription",
        _UNREPORTED,
    ),
    "disposals_to_confirm": Matter(
        Text("未确认的数据处置 {count} 项", "{count} disposals to be confirmed"),
        "disposal",
        _UNCONFIRMED,
    ),
    "disputes": Matter(
        Text("未了结的异议 {count} 件", "{count} undecided disputes"),
        "dispute",
        ":uscc IN (claimant_department, respondent_department)"
        " AND status IN ('open', 'replied', 'escalated', 'appealed')",
    ),
    "demands": Matter(
        Text("未办结的数据需求 {count} 件", "{count} open demands"),
        "demand",
        ":uscc IN (department, assigned_department) AND ended_at IS NULL AND status <> 'draft'",
    ),
    "orders": Matter(
        Text("未关闭的督办单 {count} 件", "{count} supervision orders that are not closed"),
        "supervision_order",
        ":uscc IN (department, authority_department) AND closed_at IS NULL",
    ),
}
COUNTING: Final = text(
    "SELECT " + ", ".join(f"{each.count()} AS {name}" for name, each in MATTERS.items())
)


async def of(session: ReadSession, uscc: str) -> dict[str, int]:
    """Return how many there are of each kind, without those of which there is none."""
    entries = await catalogue.in_use(session, uscc)
    counted = (await session.execute(COUNTING.bindparams(uscc=uscc))).mappings().one()
    return {name: count for name, count in {"entries": entries, **counted}.items() if count}


async def require_none(session: ReadSession, uscc: str) -> None:
    """Raise DepartmentInUse where others rely on the department or wait for it."""
    found = await of(session, uscc)
    if found:
        still = told(found)
        raise DepartmentInUse(
            f"该部门尚有：{still.zh}。有承接部门的，请并入该部门；没有的，请先逐项办结",
            f"The department still has {still.en}."
            " Merge it into its successor; where there is none, conclude them first",
            open=found,
        )


def told(found: Mapping[str, int]) -> Text:
    """Say how many there are of each kind."""
    said = {"entries": ENTRIES} | {name: each.said for name, each in MATTERS.items()}
    lines = [said[name](count=count) for name, count in found.items()]
    return Text("、".join(line.zh for line in lines), ", ".join(line.en for line in lines))
