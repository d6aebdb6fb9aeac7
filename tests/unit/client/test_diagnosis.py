"""`shuyuan doctor`: what the platform tells of itself, as lines of a terminal."""

from datetime import UTC, datetime

from gateway.api.findings import FindingsView, FindingView
from gateway.api.operations import Readiness
from gateway.diagnosis.findings import Area, Verdict
from shuyuan_client.cli import diagnosis
from shuyuan_client.failures import EXIT_FAILED

NOW = datetime(2027, 3, 4, 2, tzinfo=UTC)


def view(verdict: Verdict, remedy: str | None) -> FindingView:
    since = None if remedy is None else NOW
    return FindingView(
        area=Area.MAIL, part="邮件", verdict=verdict, told="不通", remedy=remedy, since=since
    )


def test_operators_are_told_what_the_platform_found() -> None:
    """The terminal once judged by rules of its own, beside those of the platform."""
    found = [
        view(Verdict.BAD, "检查端口"), view(Verdict.DOUBTFUL, "看一看"), view(Verdict.GOOD, None)
    ]  # fmt: skip
    answer = FindingsView(at=NOW, node="n1", findings=found).model_dump(mode="json")
    bad, doubtful, good = diagnosis.operations(answer)
    assert (bad.remedy, bad.exit_code, bad.doubtful) == ("检查端口", EXIT_FAILED, False)
    assert bad.told.startswith("邮件：不通（2027-03-04T")
    assert (doubtful.remedy, doubtful.exit_code, doubtful.doubtful) == ("看一看", 0, True)
    assert (good.told, good.remedy) == ("邮件：不通", None)


def test_a_node_that_does_not_serve_says_why() -> None:
    told = Readiness(
        status="not_ready", node="ok", database="PostgreSQL does not answer", broker="ok",
        rules="ok", keys="ok", restore="ok", clock="ok", loops={"relay": "KeyError"}, warnings=[],
    )  # fmt: skip
    found = diagnosis.readiness(503, told.model_dump(mode="json"))
    assert "PostgreSQL does not answer" in found.told
    assert "relay" in found.told
