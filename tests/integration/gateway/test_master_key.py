"""The master key is rotated as docs/how-to/rotate-the-master-key.md tells it (I15).

It could not be: cursors, receipts and hashes came from it, and a new one read nothing of the old.
"""

import base64
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.stack import Endpoints
from kernel.starting import UNFIT
from tests.support import processes
from tests.support.callers import fill_sign_in_form, told
from tests.support.databases import connected, new_database
from tests.support.eventually import eventually
from tests.support.terminal import Terminal
from tests.support.world import Sharing, World

pytestmark = pytest.mark.slow
HASHED = {"name": "id", "key": True, "max_length": 64, "mask": {"kind": "hash"}}
NAMED = {"name": "name", "required": True, "max_length": 200}
RECORDS = [{"id": str(number), "name": "x"} for number in range(3)]
BAD = b'{"id":"9","name":7}'
SIGN_OUT = "/oauth/logout"
SIGN_IN = (
    "/oauth/authorize?response_type=code&client_id=shuyuan-cli&state=s"
    "&redirect_uri=http://127.0.0.1:47113/callback"
    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
)


def messages(receipt: Mapping[str, Any]) -> list[str]:
    return [error["message"] for error in receipt["errors"]]


def new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True)
class Issued:
    """What callers had before the rotation."""

    sharing: Sharing
    token: str
    publisher_token: str
    head_token: str
    lines: list[str]
    cursor: str
    receipt: str
    quarantined: str
    errors: list[str]
    client: dict[str, Any]
    body: dict[str, Any]
    cookies: httpx.Cookies
    sign_out_token: str

    async def is_good_at(self, base_url: str) -> None:
        """Present all of it to a node."""
        async with httpx.AsyncClient(base_url=base_url, timeout=120) as http:
            await self._reads(http)
            await self._receipts(http)
            await self._repeats(http)
        async with httpx.AsyncClient(base_url=base_url, cookies=self.cookies) as browser:
            page = await browser.get(SIGN_OUT, timeout=120)
            assert self.sign_out_token in page.text

    async def signs_out_at(self, base_url: str) -> None:
        """Send the form that a node showed before to another one."""
        async with httpx.AsyncClient(base_url=base_url, cookies=self.cookies) as browser:
            left = await browser.post(SIGN_OUT, data={"token": self.sign_out_token}, timeout=120)
            assert left.status_code == 303, left.text

    async def _reads(self, http: httpx.AsyncClient) -> None:
        path = f"/v1/subscriptions/{self.sharing.subscription}/records"
        headers = {"Authorization": f"Bearer {self.token}"}
        again = await http.get(path, headers=headers)
        assert again.is_success, again.text
        # Consumers join what they have by these hashes.
        assert again.text.splitlines() == self.lines
        after = await http.get(path, headers=headers, params={"cursor": self.cursor})
        assert (after.is_success, after.text) == (True, "")

    async def _receipts(self, http: httpx.AsyncClient) -> None:
        headers = {"Authorization": f"Bearer {self.publisher_token}"}
        for receipt, errors in ((self.receipt, []), (self.quarantined, self.errors)):
            read = told(await http.get(f"/v1/receipts/{receipt}", headers=headers))
            assert (read["receipt_id"], messages(read)) == (receipt, errors)
        listed = await http.get(
            f"/v1/resources/{self.sharing.resource}/quarantine", headers=headers
        )
        assert listed.is_success, listed.text
        assert '"9"' in listed.text

    async def _repeats(self, http: httpx.AsyncClient) -> None:
        headers = {"Authorization": f"Bearer {self.head_token}", "Idempotency-Key": "rotation"}
        repeated = told(await http.post("/v1/clients", json=self.body, headers=headers))
        assert repeated["client_id"] == self.client["client_id"]


async def issue(world: World) -> Issued:
    sharing = await world.sharing([HASHED, NAMED])
    publisher, subscriber, head = sharing.publisher, sharing.subscriber, sharing.provider.head
    receipt = await publisher.publish(sharing.resource, RECORDS)
    page = await subscriber.pull(sharing.subscription)
    bad = await publisher.publish(sharing.resource, BAD, on_invalid="quarantine")
    body = {
        "name": "系统",
        "department": sharing.provider.uscc,
        "scopes": ["catalog:read"],
        "auth_method": "client_secret_basic",
    }
    client = await head.ask("POST", "/v1/clients", body, headers={"Idempotency-Key": "rotation"})
    person = world.recruit(sharing.provider.uscc, "clerk")
    await person.register()
    async with httpx.AsyncClient(base_url=world.base_url, timeout=120) as browser:
        await fill_sign_in_form(browser, SIGN_IN, person.username, person.password)
        [form_token] = re.findall(r'value="([0-9a-f]{32})"', (await browser.get(SIGN_OUT)).text)
    return Issued(
        sharing=sharing,
        token=await subscriber.token(),
        publisher_token=await publisher.token(),
        head_token=await head.token(),
        lines=page.answer.text.splitlines(),
        cursor=page.cursor,
        receipt=receipt["receipt_id"],
        quarantined=bad["receipt_id"],
        errors=messages(bad),
        client=client,
        body=body,
        cookies=browser.cookies,
        sign_out_token=form_token,
    )


@pytest.fixture
async def url(endpoints: Endpoints) -> AsyncIterator[str]:
    async with new_database(endpoints.database_url) as made:
        yield made


@contextmanager
def node(settings: dict[str, str], log: Path, **keys: str) -> Iterator[processes.Running]:
    """A gateway of the platform with these master keys."""
    names = {f"SHUYUAN_{name.upper()}": value for name, value in keys.items()}
    with processes.gateway(processes.beside(settings) | names, log) as running:
        yield running


async def test_a_master_key_is_rotated_and_nothing_that_was_issued_ends(
    url: str, endpoints: Endpoints, tmp_path: Path
) -> None:
    old, new = new_key(), new_key()
    settings = processes.environment(url, endpoints.kafka_bootstrap, SHUYUAN_MASTER_KEY=old)
    with_both = {"SHUYUAN_MASTER_KEY": new, "SHUYUAN_OTHER_MASTER_KEYS": old}
    first = Terminal(settings)
    assert (await first.run("keys", "rotate")).code == 0
    # 1. Every node learns to read the new key.
    reading = settings | {"SHUYUAN_OTHER_MASTER_KEYS": new, "SHUYUAN_WORKERS": "1"}
    with ExitStack() as nodes:
        before = nodes.enter_context(processes.gateway(reading, tmp_path / "1.log"))
        nodes.enter_context(processes.worker(reading, tmp_path / "worker.log"))
        async with World.begin(before.base_url, reading, tmp_path / "people.json") as world:
            issued = await issue(world)
            # 2. One after the other writes with it; both kinds serve.
            both = nodes.enter_context(
                node(settings, tmp_path / "2.log", master_key=new, other_master_keys=old)
            )
            await issued.is_good_at(both.base_url)
            rotated = await Terminal(settings | with_both).run("keys", "rotate")
            assert rotated.code == 0, rotated.err
            await _understands(before.base_url, both.base_url, issued, rotated.out.split()[-1])
    await _finish(issued, settings, with_both, tmp_path, url)


async def _understands(before: str, both: str, issued: Issued, kid: str) -> None:
    """A node that writes under the old key signs and reads with what came under the new one."""
    client = issued.sharing.publisher
    path = f"/v1/resources/{issued.sharing.resource}/records"
    async with (
        httpx.AsyncClient(base_url=before, timeout=120) as here,
        httpx.AsyncClient(base_url=both, timeout=120) as there,
    ):
        tokens: list[str] = []

        async def signs() -> bool:
            form = {"grant_type": "client_credentials"}
            answer = await here.post("/oauth/token", data=form, auth=(client.id, client.secret))
            tokens.append(told(answer)["access_token"])
            head = tokens[-1].partition(".")[0]
            return bool(json.loads(base64.urlsafe_b64decode(head + "=="))["kid"] == kid)

        await eventually(signs)
        headers = {"Authorization": f"Bearer {tokens[-1]}", "Content-Type": "application/x-ndjson"}
        query = {"on_invalid": "quarantine"}
        written = told(await there.post(path, content=BAD, headers=headers, params=query))
        read = told(await here.get(f"/v1/receipts/{written['receipt_id']}", headers=headers))
        assert messages(read) == messages(written) != []


async def _finish(
    issued: Issued, settings: dict[str, str], both: dict[str, str], logs: Path, url: str
) -> None:
    terminal = Terminal(settings | both)
    # 3. What is stored is encrypted under the new key; repeating finds nothing to do.
    done = await terminal.run("keys", "reencrypt")
    assert done.code == 0, done.err
    told_columns = {line.split("\t")[0] for line in done.lines[:-1]}
    assert told_columns == {
        "auth.signing_key.private",
        "exchange.quarantine_batch.errors",
        "exchange.quarantine_entry.sealed",
        "kernel.kept_answer.body",
        "kernel.root_key.sealed",
    }
    again = await terminal.run("keys", "reencrypt")
    assert (again.code, len(again.lines)) == (0, 1), again.out
    async with connected(url) as database:
        events = await database.fetchval(
            "SELECT count(*) FROM kernel.audit_event WHERE event = 'keys.reencrypted'"
        )
    assert events == 1
    # 4. The former key is gone, and all of it is good still.
    with node(settings, logs / "3.log", master_key=both["SHUYUAN_MASTER_KEY"]) as alone:
        await issued.is_good_at(alone.base_url)
        await issued.signs_out_at(alone.base_url)
    # A node that was forgotten says so, instead of making keys of its own.
    refused = await Terminal(settings).run("keys", "rotate")
    assert refused.code == 1
    assert "SHUYUAN_OTHER_MASTER_KEYS" in refused.err
    with processes.running(["gateway", "serve"], settings, logs / "4.log") as forgotten:
        assert forgotten.process.wait(processes.READY_SECONDS) == UNFIT
    assert "reads the root key" in (logs / "4.log").read_text()
