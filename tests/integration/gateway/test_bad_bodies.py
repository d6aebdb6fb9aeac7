"""Whatever a body may be, it is answered with a problem, and nothing is stored."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from kernel.database import Database
from tests.support.problems import field_codes, problem
from tests.support.world import Department, Sharing, World, unique

JSON = {"Content-Type": "application/json"}
STANDARDS = "/v1/standards"
MIB = 1024 * 1024


async def standards(database: Database) -> int:
    async with database.reading() as session:
        found = await session.execute(text("SELECT count(*) FROM catalog.standard"))
        return int(found.scalar_one())


def body(**fields: Any) -> bytes:  # noqa: ANN401 - any JSON
    return json.dumps({"code": unique("GB/T "), "title": "标准", **fields}).encode()


UNREADABLE = {
    "not JSON": (b"{code", 400, "malformed_json"),
    "half of it": (b'{"code": "GB', 400, "malformed_json"),
    "two values": (b"{} {}", 400, "malformed_json"),
    "a raw NUL": (b'{"code": "GB\x00", "title": "x"}', 400, "malformed_json"),
    "only white space": (b"   ", 400, "malformed_json"),
    "broken UTF-8": (b'{"code": "GB", "title": "\xff\xfe"}', 400, "invalid_utf8"),
    "half of a pair in UTF-8": (b'{"code": "GB", "title": "\xed\xa0\x80"}', 400, "invalid_utf8"),
    "a byte order mark": (b"\xef\xbb\xbf" + body(), 400, "invalid_utf8"),
    "UTF-16": (body().decode().encode("utf-16"), 400, "invalid_utf8"),
    "UTF-32 of another order": (body().decode().encode("utf-32-be"), 400, "malformed_json"),
    "cut UTF-8": ('{"code": "GB", "title": "数'.encode()[:-1], 400, "invalid_utf8"),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_an_unreadable_body_is_a_400(world: World, database: Database, name: str) -> None:
    content, status, code = UNREADABLE[name]
    before = await standards(database)
    answer = await world.authority.post(STANDARDS, content=content, headers=JSON)
    problem(answer, status, code)
    assert await standards(database) == before


WRONG = {
    "no body": (b"", {("", "missing")}),
    "null": (b"null", {("", "wrong_type")}),
    "a list": (b"[]", {("", "wrong_type")}),
    "a string": (b'"GB"', {("", "wrong_type")}),
    "an empty object": (b"{}", {("code", "missing"), ("title", "missing")}),
    "an unknown item": (body(colour="red"), {("colour", "unknown_item")}),
    "a number for text": (body(title=5), {("title", "wrong_type")}),
    "null for text": (body(title=None), {("title", "wrong_type")}),
    "too long": (body(title="长" * 10_000), {("title", "too_long")}),
    "an escaped NUL": (body(title="a\x00b"), {("title", "pattern")}),
    "half of a pair": (body(title="\ud800"), {("title", "pattern")}),
    "half of a pair in a name": (body(**{"\udfff": 1}), {("\ufffd", "pattern")}),
    "a name twice": (b'{"code": "GB", "title": "x", "code": "GB"}', {("code", "duplicate_key")}),
    "writing turned round": (body(title="某\u202e表"), {("title", "pattern")}),
    "a sign that takes no room": (body(title="某\u200b表"), {("title", "pattern")}),
    "NaN": (b'{"code": NaN, "title": "x"}', {("code", "wrong_type")}),
    "an infinite number": (b'{"code": 1e999, "title": "x"}', {("code", "wrong_type")}),
    "a number of 5,000 digits": (b'{"code": ' + b"9" * 5_000 + b"}", {("code", "out_of_range")}),
    # More than any reader is asked to look at, however deep they nest.
    "100,000 brackets": (b"[" * 100_000, {("", "too_long")}),
    "100,000 braces": (b'{"a":' * 100_000, {("", "too_long")}),
    "100,000 pairs of brackets": (b"[" * 100_000 + b"]" * 100_000, {("", "too_long")}),
    "20,000 brackets": (b"[" * 20_000, {("", "too_deep")}),
    "10,000 pairs of brackets": (b"[" * 10_000 + b"]" * 10_000, {("", "too_deep")}),
    "no such day": (body(effective_from="2026-02-30"), {("effective_from", "wrong_type")}),
    "a moment for a day": (body(effective_from=0), {("effective_from", "wrong_type")}),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_body_is_told_where_and_why(
    world: World, database: Database, name: str
) -> None:
    content, errors = WRONG[name]
    before = await standards(database)
    said = problem(
        await world.authority.post(STANDARDS, content=content, headers=JSON),
        422,
        "validation_failed",
    )
    assert field_codes(said) == errors
    assert await standards(database) == before


@pytest.mark.parametrize("depth", [40, 500, 800, 850, 880, 900, 910, 920, 930, 940, 950, 960, 980])
async def test_a_deep_value_is_refused_at_every_depth(world: World, depth: int) -> None:
    """Parser and validator each have a limit of their own; no depth may fall between the two."""
    deep = b'{"code": ' + b"[" * depth + b"]" * depth + b', "title": "x"}'
    answer = await world.authority.post(STANDARDS, content=deep, headers=JSON)
    assert ("", "too_deep") in field_codes(problem(answer, 422, "validation_failed"))


async def test_a_hundred_errors_are_listed_and_all_are_counted(world: World) -> None:
    items = [{"value": 1, "name": 1}] * 300
    edition = {"edition": "1", "effective_from": "2026-01-01", "items": items}
    code = unique("L")
    about = {"code": code, "name": "代码", "standard": await world.standard()}
    await world.authority.ask("POST", "/v1/code-lists", about)
    answer = await world.authority.post(f"/v1/code-lists/{code}/editions", edition)
    said = problem(answer, 422, "validation_failed")
    assert len(said["errors"]) == 100
    assert said["error_count"] == 600


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/xml",
        "application/x-ndjson",
        "multipart/form-data; boundary=x",
        "",
    ],
)
async def test_only_json_is_taken(world: World, database: Database, media: str) -> None:
    before = await standards(database)
    headers = {"Content-Type": media} if media else {}
    answer = await world.authority.post(STANDARDS, content=body(), headers=headers)
    problem(answer, 415, "unsupported_media_type")
    assert await standards(database) == before


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_is_taken_however_its_name_is_written(world: World, media: str) -> None:
    answer = await world.authority.post(STANDARDS, content=body(), headers={"Content-Type": media})
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("size", [MIB + 1, 10 * MIB])
async def test_a_body_of_more_than_one_mebibyte_is_too_large(world: World, size: int) -> None:
    answer = await world.authority.post(STANDARDS, content=b" " * size, headers=JSON)
    assert problem(answer, 413, "body_too_large")["limit_bytes"] == MIB


async def test_a_body_of_one_mebibyte_is_not_too_large(world: World) -> None:
    content = body()
    content += b" " * (MIB - len(content))
    answer = await world.authority.post(STANDARDS, content=content, headers=JSON)
    assert answer.status_code == 201, answer.text


async def test_records_may_be_eight_mebibytes(sharing: Sharing) -> None:
    path = f"/v1/resources/{sharing.resource}/records"
    answer = await sharing.publisher.post(path, content=b" " * (8 * MIB + 1), headers=JSON)
    assert problem(answer, 413, "body_too_large")["limit_bytes"] == 8 * MIB
    answer = await sharing.publisher.post(path, content=b"x" * (8 * MIB), headers=JSON)
    problem(answer, 422, "line_too_long")


RECORDS = {
    "empty": (b"", 422, "empty_body"),
    "not JSON": (b"{id", 400, "malformed_json"),
    "broken UTF-8": (b'{"id":"\xff","name":"x"}', 400, "invalid_utf8"),
    "deep": (b"[" * 100_000, 422, "validation_failed"),
    "deep in a record": (
        b'{"id":"1","name":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        422,
        "validation_failed",
    ),
    "a raw NUL": (b'{"id":"\x00","name":"x"}', 400, "malformed_json"),
    "an escaped NUL": (b'{"id":"\\u0000","name":"x"}', 422, "validation_failed"),
    "half of a pair": (b'{"id":"\\ud800","name":"x"}', 422, "validation_failed"),
    "an unknown item": (b'{"id":"1","name":"x","colour":1}', 422, "validation_failed"),
}


@pytest.mark.parametrize("media", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("name", RECORDS)
async def test_records_are_refused_like_everything_else(
    sharing: Sharing, name: str, media: str
) -> None:
    content, status, code = RECORDS[name]
    path = f"/v1/resources/{sharing.resource}/records"
    headers = {"Content-Type": media}
    answer = await sharing.publisher.post(path, content=content, headers=headers)
    problem(answer, status, code)
    page = await sharing.subscriber.pull(sharing.subscription)
    assert page.records == []


async def test_a_thing_in_another_state_says_what_may_be_done(
    world: World, department: Department
) -> None:
    resource = await world.resource(department, publish=False)
    answer = await world.authority.post(f"/v1/resources/{resource}/approve")
    said = problem(answer, 409, "illegal_transition")
    assert said["state"] == "draft"
    assert "submit" in said["allowed"]
    shown = await department.clerk.ask("GET", f"/v1/resources/{resource}")
    assert shown["status"] == "draft"


async def test_the_language_is_the_callers(world: World) -> None:
    told = {}
    for language in ("en", "en-GB,zh;q=0.5", "zh-CN", "fr", "*", ""):
        answer = await world.authority.post(STANDARDS, {}, headers={"Accept-Language": language})
        said = problem(answer, 422, "validation_failed")
        told[language] = (said["title"], said["detail"], said["errors"][0]["message"])
    assert all(sentence.isascii() for sentence in told["en"])
    assert told["en-GB,zh;q=0.5"] == told["en"]
    assert not any(sentence.isascii() for sentence in told["zh-CN"])
    assert told["fr"] == told["*"] == told[""] == told["zh-CN"]
