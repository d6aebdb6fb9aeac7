"""What a soak leaves behind: JSON, one Markdown table to paste, one HTML page with its curves."""

import html
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from deploy.local.files import write_private
from loadtests import report as reports
from loadtests import results as outcomes
from loadtests.results import READABLE, Results
from loadtests.soak.findings import Curve, Finding

NAME = "soak"
HEADINGS = ("row", "case", "measured", "target", "reached")
WIDTH, HEIGHT, MARGIN = 860, 220, 50
STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; color: #1b1f24 }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border-bottom: 1px solid #d0d7de; padding: .3rem .7rem; text-align: left }
td { vertical-align: top }
.bad { background: #ffebe9 }
svg { background: #f6f8fa; margin: .3rem 0 }
polyline { fill: none; stroke: #0969da; stroke-width: 1.5 }
text { font: 12px system-ui, sans-serif; fill: #57606a }
"""


class Soaked(Results, kw_only=True):
    """Results in the shape of every load test, with the findings and the curves of a soak."""

    findings: list[Finding]
    curves: Sequence[Curve] = ()

    @property
    def good(self) -> bool:
        return all(case.good for case in self.cases) and all(each.good for each in self.findings)


def markdown(soaked: Soaked) -> str:
    """Return the conditions and the table of findings, then whatever went wrong."""
    lines = [
        *(f"- {fact}" for fact in reports.facts(soaked)),
        "",
        f"| {' | '.join(HEADINGS)} |",
        f"|{'---|' * len(HEADINGS)}",
        *(f"| {' | '.join(_cells(finding))} |" for finding in soaked.findings),
        "",
        *(f"- {told}" for told in _complaints(soaked)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _cells(finding: Finding) -> Sequence[str]:
    verdict = {True: "yes", False: "**no**", None: ""}[finding.reached]
    return (finding.row, finding.case, finding.measured, finding.target, verdict)


def _complaints(soaked: Soaked) -> Iterator[str]:
    for case in soaked.cases:
        if not case.good:
            yield f"{case.name}: {case.failures} failures; {'; '.join(case.complaints)}"


def page(soaked: Soaked) -> str:
    """Return the HTML page; it needs nothing else."""
    facts = "<br>".join(html.escape(fact) for fact in reports.facts(soaked))
    head = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
    rows = "".join(
        f'<tr class="{"good" if finding.good else "bad"}">'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(finding))
        + "</tr>"
        for finding in soaked.findings
    )
    curves = "".join(_plot(curve) for curve in soaked.curves)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Shuyuan soak</title>'
        f"<style>{STYLE}</style><h1>Shuyuan soak</h1><p>{facts}</p>"
        f"<table><tr>{head}</tr>{rows}</table>{curves}</html>\n"
    )


def _plot(curve: Curve) -> str:
    """Draw one series from nought, so that a drift looks as large as it is."""
    last, most = max(curve.seconds[-1], 1.0), max(curve.megabytes) or 1.0
    points = " ".join(
        f"{MARGIN + at / last * (WIDTH - 2 * MARGIN):.1f},"
        f"{HEIGHT - MARGIN - value / most * (HEIGHT - 2 * MARGIN):.1f}"
        for at, value in zip(curve.seconds, curve.megabytes, strict=True)
    )
    return (
        f'<h2>{html.escape(curve.name)}</h2><svg width="{WIDTH}" height="{HEIGHT}">'
        f'<polyline points="{points}"/>'
        f'<text x="4" y="{MARGIN}">{most:,.0f} MB</text>'
        f'<text x="4" y="{HEIGHT - MARGIN}">0</text>'
        f'<text x="{WIDTH - MARGIN - 40}" y="{HEIGHT - MARGIN + 18}">{last / 60:.1f} min</text>'
        "</svg>"
    )


def write(soaked: Soaked, folder: Path) -> None:
    """Write soak.json, soak.md and soak.html, and latest.json as every load test does."""
    outcomes.write(soaked, folder)
    texts = {
        "json": msgspec.json.format(msgspec.json.encode(soaked), indent=1).decode() + "\n",
        "md": markdown(soaked),
        "html": page(soaked),
    }
    for ending, text in texts.items():
        path = folder / f"{NAME}.{ending}"
        write_private(path, text)
        path.chmod(READABLE)
