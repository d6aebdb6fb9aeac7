"""Departments are told of their own events, once, and nobody waits for who never answers."""

from typing import Any

import pytest

from exchange.notices.mail import Mailer, MailError
from exchange.notices.wording import Event, mail
from kernel.clock import now
from kernel.settings import Settings
from tests.support.eventually import eventually
from tests.support.mailing import mail_server
from tests.support.problems import problem
from tests.support.receiving import allow_loopback, receiving
from tests.support.world import World

Json = dict[str, Any]


async def test_a_webhook_is_told_what_concerns_its_department_and_nothing_twice(
    world: World,
) -> None:
    async with receiving() as receiver, receiving() as silent:
        sharing = await world.sharing()
        for department, each in ((sharing.consumer, receiver), (sharing.provider, silent)):
            await allow_loopback(world, department)
            path = f"/v1/departments/{department.uscc}/notices"
            made = await department.head.put(path, {"webhook": each.url})
            assert made.status_code == 200, made.text
            each.secrets = [made.json()["secret"]]
        silent.held.clear()
        subscription = f"/v1/subscriptions/{sharing.subscription}"
        suspension = {"reason": "测试", "remedy_by": "2098-01-01"}
        head = sharing.provider.head
        await head.ask("POST", f"{subscription}/suspend", suspension)
        await eventually(lambda: bool(receiver.messages))
        await head.ask("POST", f"{subscription}/resume")
        await eventually(lambda: len(receiver.messages) == 2)
        told = [each for _, body in receiver.messages for each in body["data"]["events"]]
        assert [each["type"] for each in told] == [
            "subscription.suspended",
            "subscription.resumed",
        ]
        assert {each["thing"] for each in told} == {sharing.subscription}
        assert len({each["id"] for each in told}) == 2
        assert len({message for message, _ in receiver.messages}) == 2
        shown = await sharing.consumer.head.ask(
            "GET", f"/v1/departments/{sharing.consumer.uscc}/notices"
        )
        assert shown["secret"] is None
        assert [each["kind"] for each in shown["channels"]] == ["webhook"]


async def test_a_head_says_who_is_told(world: World) -> None:
    department, other = await world.department(), await world.department()
    path = f"/v1/departments/{department.uscc}/notices"
    problem(await department.head.get(path), 404, "not_found")
    wanted: Json = {"email": ["office@example.org"], "digest": "daily"}
    problem(await department.clerk.put(path, wanted), 403, "role_required")
    problem(await other.head.put(path, wanted), 403, "not_your_department")
    made = await department.head.put(path, wanted)
    assert made.status_code == 200, made.text
    assert (made.json()["mail_on"], made.json()["secret"]) == (False, None)
    assert made.json()["channels"][0]["next_at"] is not None
    problem(await department.head.put(path, wanted), 428, "precondition_required")
    tag = {"If-Match": made.headers["ETag"]}
    for wrong, where in (
        ({"email": ["office"]}, "email[0]"),
        ({"email": ["a@b.example\nBcc: c@d.example"]}, "email[0]"),
        ({"webhook": "http://127.0.0.1:9/"}, "webhook"),
        ({"webhook": "ftp://a.example/"}, "webhook"),
        ({"digest": "hourly"}, "digest"),
    ):
        refused = problem(
            await department.head.put(path, wrong, headers=tag), 422, "validation_failed"
        )
        assert [each["path"] for each in refused["errors"]] == [where], wrong
    nobody = await department.head.put(path, {}, headers=tag)
    assert (nobody.json()["email"], nobody.json()["channels"]) == ([], [])
    problem(await department.head.put(path, wanted, headers=tag), 412, "stale")
    problem(await other.head.get(path), 404, "not_found")


async def test_mail_is_handed_to_the_server_that_settings_name() -> None:
    """A server of a few lines takes it; one that refuses, or says nothing, is an error."""
    event = Event("1", "application.signed", now(), "a", {}, "企业登记信息")
    async with mail_server() as server:
        mailer = Mailer(
            Settings(
                smtp_host="127.0.0.1",
                smtp_port=server.port,
                smtp_tls="none",
                smtp_from="no-reply@x.example",
            )
        )
        sender, to = mailer.sender, ["a@y.example"]
        message = mail(sender, to, "msg_1", "民政厅", [event], "https://x", now())
        await mailer.send(message, to)
        assert [each["Subject"] for each in server.mails] == ["【数源】共享申请待答复"]
        server.answer = b"552 full\r\n"
        with pytest.raises(MailError, match="smtp_552"):
            await mailer.send(message, to)
    with pytest.raises(MailError, match="connect_failed"):
        await mailer.send(message, to)
    mailer.close()
