"""What a notice says to programs and to people, and when it is sent."""

import json
from datetime import UTC, datetime

import pytest

from exchange.events import ExchangeEvent
from exchange.notices.wishes import next_digest
from exchange.notices.wording import STEPS, THINGS, Event, body, mail

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SIGNED = Event("1-7", "application.signed", NOW, "a" * 32, {"due_on": "2026-03-16"}, "企业登记信息")
OTHER = Event("1-8", "something.else", NOW, "b" * 32, {})


def test_a_mail_names_what_happened_and_until_when() -> None:
    message = mail(
        "no-reply@x.example", ["a@y.example"], "msg_1", "民政厅", [SIGNED], "https://x", NOW
    )
    assert message["Subject"] == "【数源】共享申请待答复"
    assert message["Message-ID"] == "<msg_1@x.example>"
    text = message.get_content()
    assert "2026-03-02 17:00  共享申请待答复《企业登记信息》，期限 2026-03-16" in text
    assert "https://x/console" in text


def test_what_has_no_words_yet_is_told_by_its_name() -> None:
    message = mail("a@x.example", ["b@y.example"], "m", "厅", [SIGNED, OTHER], "https://x", NOW)
    assert message["Subject"] == "【数源】2 条通知 / 2 notices"
    assert "something.else" in message.get_content()


def test_a_name_cannot_add_a_header() -> None:
    wrong = Event("1", "application.signed", NOW, "a", {}, "x\r\nBcc: c@z.example")
    message = mail("a@x.example", ["b@y.example"], "m", "厅", [wrong], "https://x", NOW)
    assert message["Bcc"] is None


def test_a_webhook_gets_the_events_as_the_feed_has_them() -> None:
    said = json.loads(body("d", [SIGNED], NOW))
    assert said["type"] == "department.notices"
    (event,) = said["data"]["events"]
    assert (event["id"], event["thing"]) == ("1-7", "a" * 32)
    assert event["data"] == {"due_on": "2026-03-16", "resource_name": "企业登记信息"}


@pytest.mark.parametrize(
    ("hour", "day", "sent"), [(23, 1, "2026-03-02T00:00"), (0, 2, "2026-03-03T00:00"),
                              (9, 2, "2026-03-03T00:00")],
)  # fmt: skip
def test_a_daily_notice_is_sent_in_the_morning(hour: int, day: int, sent: str) -> None:
    now = datetime(2026, 3, day, hour, 0, tzinfo=UTC)
    at = next_digest("daily", now)
    assert at is not None
    assert at.astimezone(UTC).isoformat()[:16] == sent
    assert next_digest("immediate", now) is None


def test_events_that_departments_hear_of_have_words() -> None:
    heard = [each for each in ExchangeEvent if each.partition(".")[0] in
             ("application", "subscription", "dispute", "demand", "endpoint")]  # fmt: skip
    told = {each.partition(".")[0] for each in heard}
    assert told <= THINGS.keys()
    silent = {"created", "changed", "tested", "rotated", "set", "version_accepted",
              "version_objected", "change_filed", "termination_filed",
              "settlement_proposed"}  # fmt: skip
    steps = {each.partition(".")[2] for each in heard} - silent
    assert steps - STEPS.keys() == set()
