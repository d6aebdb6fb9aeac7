"""The room of disks and the days of certificates, told before they end."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.diagnosis import certificates, disk
from gateway.diagnosis.findings import Area, Finding, Verdict, plain, worst_first

NOW = datetime(2027, 3, 4, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("percent", "verdict"),
    [(50, Verdict.GOOD), (10, Verdict.GOOD), (9, Verdict.DOUBTFUL), (2, Verdict.BAD)],
)
def test_a_disk_is_told_before_it_is_full(percent: int, verdict: Verdict) -> None:
    found = disk.finding("TMPDIR", percent * disk.GIB, 100 * disk.GIB)
    assert (found.verdict, found.remedy is None) == (verdict, verdict is Verdict.GOOD)
    assert f"{percent}.0 GiB（{percent}%）" in found.told.zh


@pytest.mark.parametrize(
    ("days", "verdict"), [(31, Verdict.GOOD), (29, Verdict.DOUBTFUL), (-1, Verdict.BAD)]
)
def test_a_certificate_is_told_before_it_ends(days: int, verdict: Verdict) -> None:
    until = NOW + timedelta(days=days)
    found = certificates.finding(plain("SHUYUAN_SMTP_CA_FILE"), until, NOW, certificates.RENEW)
    assert (found.verdict, found.remedy is None) == (verdict, verdict is Verdict.GOOD)
    assert found.since == (until if days < 0 else None)


def test_the_worst_stands_first() -> None:
    def one(area: Area, verdict: Verdict) -> Finding:
        return Finding(area=area, part=plain("x"), told=plain("y"), verdict=verdict)

    good, bad = one(Area.SETTINGS, Verdict.GOOD), one(Area.WORK, Verdict.BAD)
    doubtful, other = one(Area.MAIL, Verdict.DOUBTFUL), one(Area.DISK, Verdict.BAD)
    assert worst_first([good, doubtful, bad, other]) == [other, bad, doubtful, good]
