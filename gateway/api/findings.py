"""`GET /v1/status/findings`: what is wrong with the platform, and what to do, for operators."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import Field

from gateway.diagnosis import looking
from gateway.diagnosis.findings import Area, Finding, Verdict
from gateway.principal import Admin
from gateway.problems import in_english
from gateway.services import Using
from kernel.wire import Wire

router = APIRouter(tags=["operations"])


class FindingView(Wire):
    """One thing that was looked at; a `remedy` where it is not good."""

    area: Area
    part: Annotated[str, Field(description="所检查的事项 / what was looked at")]
    verdict: Annotated[Verdict, Field(description="结论 / bad, doubtful or good")]
    told: Annotated[str, Field(description="情况 / how it is")]
    remedy: Annotated[str | None, Field(description="处理办法 / what to do")]
    since: Annotated[datetime | None, Field(description="何时起 / since when it is known")]


class FindingsView(Wire):
    """The worst first; what did not answer in time is told as bad. `node` is where one looked."""

    at: datetime
    node: str
    findings: list[FindingView]


@router.get("/v1/status/findings")
async def find(
    principal: Admin,
    using: Using,
    *,
    accept_language: Annotated[str, Header(include_in_schema=False)] = "",
) -> FindingsView:
    """Look at settings, database, Kafka, files, mail, disk, certificates, clocks and work.

    It takes some seconds at most; whoever asks within ten seconds is told the same again.
    """
    found = await looking.look(principal, using)
    items = views(found.findings, english=in_english(accept_language))
    return FindingsView(at=found.at, node=found.node, findings=items)


def views(found: Sequence[Finding], *, english: bool) -> list[FindingView]:
    """Return findings in a language."""
    language = "en" if english else "zh"
    return [
        FindingView(
            area=each.area,
            part=getattr(each.part, language),
            verdict=each.verdict,
            told=getattr(each.told, language),
            remedy=None if each.remedy is None else getattr(each.remedy, language),
            since=each.since,
        )
        for each in found
    ]
