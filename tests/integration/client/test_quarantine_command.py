"""`shuyuan quarantine` from refusal to correction, and `shuyuan pull --past-gap`."""

import json
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from deploy.local.stack import Endpoints
from exchange.log.topics import topic_of
from tests.support.desk import Desk


def good(number: int) -> str:
    return json.dumps({"id": f"r{number}", "name": f"名称{number}"}, ensure_ascii=False)


async def test_invalid_records_are_kept_corrected_and_resolved(desk: Desk, tmp_path: Path) -> None:
    file, out = tmp_path / "in.ndjson", tmp_path / "to-correct.ndjson"
    odd = '{"id":"r3",  "name":1.50}'
    lines = [good(0), "not json", good(1), odd, good(2), good(4), '{"id":"r5"}']
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    publish = ("publish", file, *desk.to, "--batch", "2", "--on-invalid", "quarantine")
    for _time in range(2):
        published = await desk.provider.run(*publish)
        assert published.code == 1
        for line in (2, 4, 7):
            assert f"第 {line} 行" in published.err
        assert "quarantine list" in published.err
    assert await desk.keys() == ["r0", "r1", "r2", "r4"]
    listed = await desk.provider.run("quarantine", "list", *desk.to, "--out", out)
    assert listed.code == 0, listed.err
    assert listed.out.count("\n") == 3
    assert out.read_text(encoding="utf-8").splitlines() == ["not json", odd, '{"id":"r5"}']
    first, *others = await desk.kept()
    one = await desk.provider.run("quarantine", "resolve", *desk.to, "--entry", first["id"])
    assert one.code == 0, one.err
    assert [entry["id"] for entry in await desk.kept()] == [entry["id"] for entry in others]
    for entry in others:
        receipt = ("--receipt", entry["receipt_id"])
        resolved = await desk.provider.run("quarantine", "resolve", *desk.to, *receipt)
        assert resolved.code == 0, resolved.err
    assert await desk.kept() == []


async def test_a_file_stored_in_part_goes_on_into_quarantine(desk: Desk, tmp_path: Path) -> None:
    """What an earlier run stored without the option is not stored once more with it."""
    file = tmp_path / "in.ndjson"
    # The first two and the last two are a batch each: none of them ends one by its content.
    file.write_text("\n".join([good(0), good(1), good(4), '{"id":"r3"}']), encoding="utf-8")
    usual = ("publish", file, *desk.to, "--batch", "2")
    assert (await desk.provider.run(*usual)).code == 1
    assert await desk.keys() == ["r0", "r1"]
    assert (await desk.provider.run(*usual, "--on-invalid", "quarantine")).code == 1
    assert await desk.keys() == ["r0", "r1", "r4"]
    assert len(await desk.kept()) == 1


async def test_resolving_wants_to_know_what(desk: Desk) -> None:
    nothing = await desk.provider.run("quarantine", "resolve", *desk.to)
    assert nothing.code == 1
    assert "--receipt" in nothing.err


async def test_a_gap_is_told_and_passed_when_asked_to(
    desk: Desk, endpoints: Endpoints, tmp_path: Path
) -> None:
    sharing = desk.sharing
    path = f"/v1/subscriptions/{sharing.subscription}"
    start = await sharing.subscriber.ask("POST", f"{path}/rewind", {"to": "earliest"})
    await sharing.publisher.publish(sharing.resource, good(1).encode())
    await sharing.publisher.publish(sharing.resource, good(2).encode())
    await sharing.subscriber.ask("PUT", f"{path}/position", start)
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.kafka_bootstrap)
    await admin.start()
    place = TopicPartition(topic_of(sharing.resource), 0)
    await admin.delete_records({place: RecordsToDelete(before_offset=1)})
    await admin.close()
    out = tmp_path / "out.ndjson"
    stopped = await desk.consumer.run("pull", *desk.of, "--out", out)
    assert stopped.code == 1
    assert "--past-gap" in stopped.err
    assert not out.exists()
    went_on = await desk.consumer.run("pull", *desk.of, "--out", out, "--past-gap", "--commit")
    assert went_on.code == 0, went_on.err
    assert "超出保留期" in went_on.err
    [line] = out.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["key"] == "r2"
    again = await desk.consumer.run("pull", *desk.of)
    assert (again.code, again.out) == (0, "")
