"""What `shuyuan doctor` makes of the platform's own answers: each fault with what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shuyuan_client.failures import EXIT_FAILED, EXIT_UNREACHABLE
from shuyuan_client.refusals import Json
from shuyuan_client.wording import say

# It works today, and somebody should look.
DOUBTFUL: Final = "doubtful"
# The parts of `/readyz` that keep a node from serving.
PARTS: Final = ("node", "database", "broker", "rules", "keys", "restore", "clock")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, and what to do where it is not as it should be.

    What is only `doubtful` fails no command.
    """

    told: str
    remedy: str | None = None
    exit_code: int = EXIT_FAILED
    doubtful: bool = False


def readiness(status: int, answer: Json) -> Finding:
    """Say why a node does not serve, by what its `/readyz` told."""
    reasons = [str(answer[part]) for part in PARTS if answer.get(part, "ok") != "ok"]
    reasons += [f"loop {loop}" for loop in _texts(answer.get("loops"))]
    why = f"{status}" + "".join(f"；{reason}" for reason in reasons)
    return Finding(
        say(f"平台未就绪（{why}）", f"it is not ready ({why.replace('；', '; ')})"),
        say("稍后再试；持续如此请联系平台运维", "retry later; else tell its operators"),
        EXIT_UNREACHABLE,
    )


def operations(answer: Json) -> Iterator[Finding]:
    """Yield what `GET /v1/status/findings` told; each that is not good with its remedy."""
    for each in answer["findings"]:
        told = f"{each['part']}{say('：', ': ')}{each['told']}"
        remedy = each.get("remedy")
        since = each.get("since")
        if remedy is not None and since:
            told += say(f"（{since} 起）", f" (since {since})")
        doubtful = each["verdict"] == DOUBTFUL
        yield Finding(told, remedy, 0 if doubtful else EXIT_FAILED, doubtful=doubtful)


def _texts(value: object) -> list[str]:
    """Return what a list says, or an object by its names."""
    if isinstance(value, dict):
        return [f"{name}: {each}" for name, each in value.items()]
    return [str(each) for each in value] if isinstance(value, list) else []
