"""Records of open entries, for anybody: masked as the entry says, judged when asked for."""

import hashlib
from base64 import b64encode
from typing import Any

import httpx
import orjson
import pytest

from tests.support.eventually import eventually
from tests.support.world import World

OPEN: dict[str, Any] = {"open_type": "open", "grade": 1}
ITEMS: tuple[dict[str, Any], ...] = (
    {"name": "id", "key": True},
    {"name": "name", "personal": True, "mask": {"kind": "full"}},
    {"name": "total", "data_type": "integer"},
)
RECORDS = [{"id": "450100", "name": "韦某", "total": 8}, {"id": "450200", "total": 4}]


async def downloaded(http: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
    """Return the file once it is made."""
    answers: list[httpx.Response] = []

    async def there() -> bool:
        answers.append(await http.get(path, headers=headers))
        return answers[-1].status_code != 503

    await eventually(there, within_seconds=30)
    return answers[-1]


async def test_all_records_of_an_open_entry_are_anybodys(world: World) -> None:
    provider = await world.department()
    resource = await world.resource(provider, ITEMS, **OPEN)
    publisher = await world.client(provider)
    await publisher.publish(resource, RECORDS)
    path = f"/open/{resource}"
    told = (await world.http.get(path)).json()
    assert {each["format"] for each in told["downloads"]} == {"csv", "ndjson", "parquet"}
    file = await downloaded(world.http, f"{path}.ndjson")
    assert file.status_code == 200, file.text
    lines = sorted(map(orjson.loads, file.content.splitlines()), key=lambda each: each["key"])
    assert [each["data"] for each in lines] == [
        {"id": "450100", "name": "***", "total": 8}, {"id": "450200", "total": 4},
    ]  # fmt: skip
    digest = b64encode(hashlib.sha256(file.content).digest()).decode()
    assert file.headers["content-digest"] == f"sha-256=:{digest}:"
    assert 'rel="license"' in file.headers["link"]
    assert file.headers["last-modified"]
    part = await world.http.get(f"{path}.ndjson", headers={"Range": "bytes=0-0"})
    assert (part.status_code, part.content) == (206, b"{")
    again = await world.http.get(f"{path}.ndjson", headers={"If-None-Match": file.headers["etag"]})
    assert again.status_code == 304
    csv = await downloaded(world.http, f"{path}.csv")
    assert csv.text.startswith("\ufeffexchange_key,id,name,total\r\n")
    page = await world.http.get(path, headers={"Accept": "text/html"})
    assert f'href="{path}.csv"' in page.text
    await world.authority.ask("POST", f"/v1/resources/{resource}/retire", {"reason": "停止开放"})
    assert (await world.http.get(f"{path}.ndjson")).status_code == 404


@pytest.mark.parametrize("suffix", ["csv", "docx", "xlsx"])
async def test_what_is_not_open_has_no_file(world: World, suffix: str) -> None:
    provider = await world.department()
    fields = OPEN if suffix != "csv" else {}
    resource = await world.resource(provider, **fields)
    assert (await world.http.get(f"/open/{resource}.{suffix}")).status_code == 404
