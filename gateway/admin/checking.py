"""`python -m gateway check`: the needs of a node, as lines of a terminal."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from gateway.diagnosis import needs
from gateway.diagnosis.findings import Finding, Verdict
from kernel.settings import load
from kernel.starting import faults_of
from shuyuan_client.failures import EXIT_FAILED, EXIT_UNREACHABLE
from shuyuan_client.wording import say

SECONDS: Final = 20.0
MARKS: Final = {Verdict.GOOD: "✓", Verdict.DOUBTFUL: "!", Verdict.BAD: "✗"}


def look() -> Sequence[Finding]:
    """Look at what settings are and name; those that cannot be read are findings, too."""
    # Each fault is told by its own line.
    logging.disable(logging.ERROR)
    try:
        settings = load()
    except ValidationError as error:
        return [needs.unusable(fault) for fault in faults_of(error)]
    return asyncio.run(needs.look(settings, SECONDS))


def line(found: Finding) -> str:
    mark, part = MARKS[found.verdict], say(found.part.zh, found.part.en)
    told = say(found.told.zh, found.told.en)
    if found.remedy is None:
        return f"{mark} {part}{say('：', ': ')}{told}"
    return f"{mark} {part}\n  {told}\n  → {say(found.remedy.zh, found.remedy.en)}"


def exit_code(found: Sequence[Finding]) -> int:
    """Return the worst: 3 where a service does not answer, 1 where anything else is bad."""
    bad = [each for each in found if each.verdict is Verdict.BAD]
    return max((EXIT_UNREACHABLE if each.away else EXIT_FAILED for each in bad), default=0)
