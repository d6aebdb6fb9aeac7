"""What a campaign found: recovery by kind of fault, violations, and the books in numbers."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.campaign.plan import Kind
from tests.faults.campaign.probing import Recovery
from tests.support.steps import HOT_MS, Step


@dataclass(frozen=True, slots=True)
class Sample:
    """One fault that was carried out; `back` and `recovery` in seconds since its end or the kill.

    `back` is when the part itself was ready again, None where nothing was started anew.
    """

    kind: Kind
    lasted: float
    back: float | None
    recovery: Recovery


@dataclass(slots=True)
class Outcome:
    """Of one seed."""

    seed: int
    seconds: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    suspensions: list[float] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    events: str = ""


HEADINGS = (*("fault", "count", "lasted s", "part back s", "served again s", "through again s"),)
LONGEST_TOLD = 3
COUNTED = (
    "acknowledged records",
    "acknowledged batches",
    "acknowledged deletes",
    "tries",
    "unknown batches",
    "refused batches",
    "records in the log",
    "pages",
    "pages asked again",
    "records read",
    "connections lost",
)


def markdown(outcomes: Sequence[Outcome]) -> str:
    """Return the table of all seeds, with what it stands on."""
    samples = [sample for outcome in outcomes for sample in outcome.samples]
    lines = [
        f"| {' | '.join(HEADINGS)} |",
        f"|{'---|' * len(HEADINGS)}",
        *(_row(kind.value, [s for s in samples if s.kind is kind]) for kind in _kinds(samples)),
        _row("**all**", samples) if samples else "",
        "",
        *(f"- {fact}" for fact in facts(outcomes)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _kinds(samples: Sequence[Sample]) -> Sequence[Kind]:
    there = {sample.kind for sample in samples}
    return [kind for kind in Kind if kind in there]


def _row(name: str, samples: Sequence[Sample]) -> str:
    cells = [
        *(name, str(len(samples)), _spread([sample.lasted for sample in samples])),
        _spread([sample.back for sample in samples if sample.back is not None]),
        _spread([sample.recovery.served for sample in samples]),
        _spread([sample.recovery.through for sample in samples]),
    ]
    return f"| {' | '.join(cells)} |"


def _spread(seconds: Sequence[float]) -> str:
    """Say the median, and in brackets the greatest."""
    if not seconds:
        return "–"
    return f"{statistics.median(seconds):.2f} ({max(seconds):.2f})"


def facts(outcomes: Sequence[Outcome]) -> list[str]:
    """Say in numbers what was compared, and what was wrong."""
    seeds = ", ".join(str(outcome.seed) for outcome in outcomes)
    faults = sum(len(outcome.samples) for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    bans = [last for outcome in outcomes for last in outcome.suspensions]
    total = {name: sum(o.counts.get(name, 0) for o in outcomes) for name in COUNTED}
    suspended = sum(outcome.counts.get("suspensions", 0) for outcome in outcomes)
    left_out = sorted({each for outcome in outcomes for each in outcome.left_out})
    last = f", last record {max(bans) * 1000:.0f} ms after its acknowledgement" if bans else ""
    return [
        f"{faults} faults, seeds {seeds}, {seconds / 60:.0f} minutes",
        ", ".join(f"{count:,} {name}" for name, count in total.items()),
        f"{suspended} suspensions{last}",
        f"steps of the loops: {_steps(outcomes)}",
        f"refusals: {_refusals(outcomes)}",
        *(f"audit, seed {outcome.seed}: {outcome.events}" for outcome in outcomes),
        *(f"left out: {each}" for each in left_out),
        f"**{sum(len(outcome.violations) for outcome in outcomes)} violations**",
        *(f"seed {o.seed}: {violation}" for o in outcomes for violation in o.violations),
    ]


def _steps(outcomes: Sequence[Outcome]) -> str:
    """Say the longest steps of CPU time on the platform's event loops (P11)."""
    found = sorted((step for outcome in outcomes for step in outcome.steps), reverse=True)
    if not found:
        return "none of 10 ms"
    long = sum(step.ms > HOT_MS for step in found)
    longest = "; ".join(f"{step.ms:.0f} ms {step.what}" for step in found[:LONGEST_TOLD])
    return f"{len(found)} of 10 ms and more, {long} over {HOT_MS:.0f}; the longest {longest}"


def _refusals(outcomes: Sequence[Outcome]) -> str:
    names = sorted({name for outcome in outcomes for name in outcome.answers})
    total: Mapping[str, int] = {
        name: sum(outcome.answers.get(name, 0) for outcome in outcomes)
        for name in names
        if not name.startswith("2")
    }
    return ", ".join(f"{count:,} × {name}" for name, count in total.items()) or "none"
