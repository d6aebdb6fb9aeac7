"""What a receiver of pushes believes: only what is signed, was published, and comes first."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from loadtests import records
from loadtests.receiver import Receivers
from shuyuan_client.webhooks import NotVerified, WebhookVerifier

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
async def receivers() -> Receivers:
    made = Receivers("http://127.0.0.1:1", 1, "", "", "r", ["s"], Path("nowhere"), backlog=3)
    made.get_ready()
    made.verifiers.append(WebhookVerifier(SECRET))
    return made


def line(number: int, **changes: object) -> dict[str, Any]:
    data = records.record(number) | changes
    return {"op": "upsert", "key": data[records.KEY], "data": data}


def message(id_: str, *lines: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    body = json.dumps({"type": "records.delivered", "data": {"records": lines}}).encode()
    now = datetime.now(UTC)
    head = {
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(id_, now, body.decode()),
    }
    return head, body


async def test_a_message_that_comes_again_is_counted_once(receivers: Receivers) -> None:
    for id_ in ("a", "a", "b"):
        receivers.received(0, *message(id_, line(0), line(1)))
    total = receivers.tally.total()
    assert (total.records, total.checked) == (4, 4)
    assert receivers.all_here.is_set()


async def test_a_record_that_was_not_published_is_not_read_back(receivers: Receivers) -> None:
    receivers.received(0, *message("a", line(0), line(1, name="某某")))
    total = receivers.tally.total()
    assert (total.records, total.checked) == (2, 1)
    assert not receivers.all_here.is_set()


async def test_what_nobody_signed_is_refused(receivers: Receivers) -> None:
    head, body = message("a", line(0))
    with pytest.raises(NotVerified):
        receivers.received(0, head, body + b" ")
    assert receivers.tally.total().records == 0
