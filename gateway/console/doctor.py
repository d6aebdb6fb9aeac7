"""运行 · 体检: what is wrong with the platform and what to do, for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import APIRouter

from gateway.api import findings as api
from gateway.api.findings import FindingView
from gateway.console.pages import page
from gateway.console.visit import Visit
from gateway.diagnosis import looking
from gateway.diagnosis.findings import Verdict

router = APIRouter()
ADDRESS: Final = "/console/status/doctor"


@dataclass(frozen=True, slots=True)
class Examination:
    """`wrong` is what is not good, the worst first; `good` the rest."""

    at: datetime
    node: str
    seconds: float
    bad: int
    doubtful: int
    wrong: Sequence[FindingView]
    good: Sequence[FindingView]


@page(router, ADDRESS, "doctor.html", unconfirmed=True)
async def examination(visit: Visit) -> Examination:
    """Look within seconds, whatever hangs: an operator whom nobody can confirm now is known yet."""
    look = await looking.look(visit.principal, visit.using)
    found = api.views(look.findings, english=visit.english)
    return Examination(
        at=look.at,
        node=look.node,
        seconds=look.seconds,
        bad=look.count(Verdict.BAD),
        doubtful=look.count(Verdict.DOUBTFUL),
        wrong=[each for each in found if each.verdict is not Verdict.GOOD],
        good=[each for each in found if each.verdict is Verdict.GOOD],
    )
