"""Documents are told by their content, and read by the parties to what they prove."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from exchange.attachments import keeping
from kernel import clock
from kernel.database import Database
from tests.support.callers import Person, Refused
from tests.support.world import World
from tests.unit.exchange.attachments.test_kinds import PDF, WORD, package

Json = dict[str, Any]
MOST = 10 * 1024 * 1024


async def send(person: Person, content: bytes, name: str = "证明.pdf") -> httpx.Response:
    return await person.send("POST", "/v1/attachments", files={"file": (name, content)})


async def kept(person: Person, content: bytes = PDF, name: str = "证明.pdf") -> Json:
    answer = await send(person, content, name)
    assert answer.status_code == 201, answer.text
    told: Json = answer.json()
    return told


async def test_a_document_is_told_by_its_content_and_refused_where_it_lies(world: World) -> None:
    clerk = (await world.department()).clerk
    told = await kept(clerk, PDF, "../../申请书.exe")
    assert (told["kind"], told["name"], told["bytes"]) == ("pdf", "申请书.exe", len(PDF))
    macros = package({**WORD, "word/vbaProject.bin": b"x"})
    for content, status, code in (
        (b"MZ", 422, "file_kind_refused"),
        (macros, 422, "active_content"),
        (b"", 422, "validation_failed"),
        (PDF[:-6] + bytes(MOST + 1 - len(PDF)) + PDF[-6:], 413, "body_too_large"),
    ):
        answer = await send(clerk, content)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await kept(clerk, PDF[:-6] + bytes(MOST - len(PDF)) + PDF[-6:]))["bytes"] == MOST
    answer = await clerk.send("POST", "/v1/attachments", {"file": "x"})
    assert answer.status_code == 415


async def test_the_parties_and_their_authority_read_it_and_nobody_else(world: World) -> None:
    provider, consumer, other = [await world.department() for _ in range(3)]
    resource = await world.resource(provider)
    client = await world.client(consumer)
    told = await kept(consumer.clerk)
    path = f"/v1/attachments/{told['id']}"
    with pytest.raises(Refused) as refused:
        await world.application(
            resource, consumer, client, attachments=[told["id"], (await kept(other.clerk))["id"]]
        )
    [error] = refused.value.answer.json()["errors"]
    assert (error["path"], error["code"]) == ("attachments[1]", "not_found")
    application = await world.application(resource, consumer, client, attachments=[told["id"]])
    assert (await provider.head.get(path)).status_code == 404
    await consumer.head.ask("POST", f"/v1/applications/{application}/sign")
    shown = await provider.head.ask("GET", f"/v1/applications/{application}")
    assert shown["attachments"] == [told]
    for reader in (consumer.head, provider.clerk, world.authority):
        answer = await reader.get(path)
        assert (answer.content, answer.headers["content-type"]) == (PDF, "application/pdf")
        assert "attachment" in answer.headers["content-disposition"]
    assert (await other.head.get(path)).status_code == 404


async def test_what_nothing_refers_to_is_swept(world: World, database: Database) -> None:
    consumer, provider = await world.department(), await world.department()
    used, unused = await kept(consumer.clerk), await kept(consumer.clerk)
    resource, client = await world.resource(provider), await world.client(consumer)
    await world.application(resource, consumer, client, attachments=[used["id"]])
    later = clock.now() + keeping.UNUSED + timedelta(minutes=1)
    async with database.transaction() as session:
        assert await keeping.sweep_unused(session, later) >= 1
    assert (await consumer.clerk.get(f"/v1/attachments/{used['id']}")).status_code == 200
    assert (await consumer.clerk.get(f"/v1/attachments/{unused['id']}")).status_code == 404


async def test_demands_orders_and_answers_have_documents_too(world: World) -> None:
    demander, assigned = [await world.department() for _ in range(2)]
    said, asked, done = [
        await kept(who) for who in (demander.clerk, world.authority, assigned.head)
    ]
    demand = await world.demand(demander, attachments=[said["id"]])
    shown = await demander.head.ask("GET", f"/v1/demands/{demand}")
    assert [each["id"] for each in shown["attachments"]] == [said["id"]]
    proof = f"/v1/attachments/{said['id']}"
    assert (await assigned.head.get(proof)).status_code == 404
    assert (await world.authority.get(proof)).content == PDF
    await world.authority.ask("POST", f"/v1/demands/{demand}/assign", {"department": assigned.uscc})
    assert (await assigned.head.get(proof)).content == PDF

    body = {
        "department": assigned.uscc,
        "violations": ["use_not_recorded"],
        "text": "请限期整改",
        "due_on": (clock.now() + timedelta(days=60)).date().isoformat(),
        "attachments": [asked["id"]],
    }
    stolen = await world.authority.post("/v1/orders", {**body, "attachments": [said["id"]]})
    [error] = stolen.json()["errors"]
    assert (error["path"], error["code"]) == ("attachments[0]", "not_found")
    order = await world.authority.ask("POST", "/v1/orders", body)
    answered = await assigned.head.ask(
        "POST",
        f"/v1/orders/{order['id']}/answer",
        {"text": "已整改", "attachments": [done["id"]]},
    )
    assert [each["id"] for each in answered["attachments"]] == [asked["id"]]
    assert [each["id"] for each in answered["answer_attachments"]] == [done["id"]]
    for who, document in ((assigned.clerk, asked), (world.auditor, done), (world.authority, done)):
        assert (await who.get(f"/v1/attachments/{document['id']}")).content == PDF
    assert (await demander.head.get(f"/v1/attachments/{done['id']}")).status_code == 404
