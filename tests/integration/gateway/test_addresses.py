"""Paths, methods, queries and heads that nobody should send: problems all of them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support import raw_http
from tests.support.problems import problem
from tests.support.raw_http import chunk, head
from tests.support.world import ClientApp, Sharing, World

MIB = 1024 * 1024


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/v1", "/v1/resources//records", "/v1/数", "/v1/../etc/passwd"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_path_is_a_404(world: World, method: str, path: str) -> None:
    body: Any = {} if method == "POST" else None
    said = problem(await world.authority.send(method, path, body), 404, "not_found")
    assert said["instance"].startswith("/")


METHODS = {
    ("DELETE", "/v1/standards"): {"GET", "HEAD", "POST"},
    ("PUT", "/v1/standards"): {"GET", "HEAD", "POST"},
    ("OPTIONS", "/v1/standards"): {"GET", "HEAD", "POST"},
    ("PUT", "/v1/resources/x/records"): {"GET", "HEAD", "POST"},
    ("POST", "/v1/subscriptions/x/records"): {"GET", "HEAD"},
    ("GET", "/v1/resources/x/submit"): {"POST"},
    ("HEAD", "/v1/resources/x/submit"): {"POST"},
    ("PATCH", "/v1/resources/x"): {"GET", "HEAD", "PUT"},
    ("POST", "/healthz"): {"GET", "HEAD"},
    ("GET", "/oauth/token"): {"POST"},
}


@pytest.mark.parametrize(("method", "path"), METHODS)
async def test_a_wrong_method_is_told_the_right_ones(world: World, method: str, path: str) -> None:
    body: Any = {} if method in ("POST", "PUT", "PATCH") and not path.startswith("/oauth") else None
    answer = await world.authority.send(method, path, body)
    allowed = set(answer.headers["allow"].replace(" ", "").split(","))
    assert allowed == METHODS[method, path]
    if method == "HEAD":
        assert (answer.status_code, answer.content) == (405, b"")
        assert answer.headers["exchange-worker"]
    elif path == "/oauth/token":
        # Its refusals are those of RFC 6749 section 5.2.
        assert (answer.status_code, answer.json()["error"]) == (405, "invalid_request")
    else:
        problem(answer, 405, "method_not_allowed")


async def test_head_is_answered_wherever_get_is(world: World, sharing: Sharing) -> None:
    """Every GET of OpenAPI, with the status, media type and length that GET has."""
    paths = (await world.http.get("/openapi.json")).json()["paths"]
    gets = [path for path, methods in paths.items() if "get" in methods]
    for path in [*gets, "/openapi.json", "/docs"]:
        asked = path.replace("{", "").replace("}", "")
        get, answer = await asyncio.gather(
            *(world.authority.send(method, asked) for method in ("GET", "HEAD"))
        )
        assert answer.status_code == get.status_code, path
        assert answer.headers.get("content-type") == get.headers.get("content-type"), path
        assert answer.content == b""
    assert len(gets) > 25


async def test_a_head_of_records_says_what_a_pull_would(world: World) -> None:
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, [{"id": "h", "name": "某"}])
    path = f"/v1/subscriptions/{sharing.subscription}/records"
    get = await sharing.subscriber.get(path)
    answer = await sharing.subscriber.send("HEAD", path)
    assert (answer.status_code, answer.content) == (200, b"")
    for name in ("content-length", "exchange-count", "exchange-next-cursor"):
        assert answer.headers[name] == get.headers[name]
    assert int(answer.headers["content-length"]) == len(get.content)


async def test_nothing_of_a_body_follows_the_head(world: World) -> None:
    """A second answer on the same connection begins where the first ends."""
    for _time in range(3):
        answer = await world.http.head("/healthz")
        assert answer.status_code == 200
    assert (await world.http.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "/v1/standards/a%00b",
        "/v1/standards?q=a%00b",
        "/v1/resources/%00/records",
        "/v1/subscriptions/%00",
        "/v1/audit?actor=%00",
        "/v1/receipts/%00",
    ],
)
async def test_a_nul_in_the_address_is_refused(world: World, target: str) -> None:
    problem(await world.auditor.get(target), 400, "invalid_parameter")


@pytest.mark.parametrize(
    "target",
    [
        "/v1/standards?q=%FF%FE",
        "/v1/standards?q=%ED%A0%80",
        "/v1/standards/%FF%FE",
        "/v1/standards/%ED%A0%80",
        "/v1/resources/%ED%A0%80",
        "/v1/people/%F0%9F",
        "/v1/elements?q=%",
        "/v1/resources?class=%D9%A1",
        "/v1/standards?q=%25%5F%5C",
    ],
)
async def test_broken_utf8_in_the_address_finds_nothing_and_breaks_nothing(
    world: World, target: str
) -> None:
    answer = await world.authority.get(target)
    assert answer.status_code in (200, 400, 403, 404), answer.text
    if answer.status_code == 200:
        assert answer.json()["items"] == []


@pytest.mark.parametrize(
    "target", ["/v1/standards/" + "x" * 20_000, "/v1/standards?q=" + "x" * 20_000]
)
async def test_an_endless_address_is_refused(world: World, target: str) -> None:
    answer = await world.authority.get(target)
    problem(answer, 400, "invalid_parameter")


async def test_huge_heads_are_cut_off_and_the_worker_lives(gateway: str, world: World) -> None:
    huge = head("GET", "/healthz", X_Filler="x" * 256 * 1024)
    try:
        answer = await raw_http.send(gateway, huge)
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    else:
        assert answer.status_code == 431
    assert (await world.http.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"BREW /v1/standards HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"\x00\x01\x02\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"POST /v1/standards HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400),
    ],
)
async def test_what_is_not_http_is_refused_by_its_kind(
    gateway: str, request_: bytes, status: int
) -> None:
    answer = await raw_http.send(gateway, request_)
    assert answer.status_code == status


@pytest.mark.parametrize("path", ["/v1/standards", "/v1/resources/{resource}/validate"])
async def test_a_body_without_a_length_is_cut_at_one_mebibyte(
    world: World, sharing: Sharing, gateway: str, path: str
) -> None:
    """The limit once became FastAPI's 400 "error parsing the body"."""
    token = await world.authority.token()
    target = path.format(resource=sharing.resource)
    begin = head(
        "POST", target, token, Content_Type="application/json", Transfer_Encoding="chunked"
    )
    parts = (chunk(b" " * 65_536) for _ in range(160))
    answer = await raw_http.send(gateway, begin, then=parts)
    assert problem(answer, 413, "body_too_large")["limit_bytes"] == MIB


async def test_records_without_a_length_are_cut_at_eight_mebibytes(
    sharing: Sharing, gateway: str
) -> None:
    token = await sharing.publisher.token()
    begin = head(
        "POST", f"/v1/resources/{sharing.resource}/records", token,
        Content_Type="application/x-ndjson", Transfer_Encoding="chunked",
    )  # fmt: skip
    parts = (chunk(b"x" * 262_144) for _ in range(40))
    answer = await raw_http.send(gateway, begin, then=parts)
    assert problem(answer, 413, "body_too_large")["limit_bytes"] == 8 * MIB


async def test_a_body_without_a_length_is_read_like_any_other(
    sharing: Sharing, gateway: str
) -> None:
    token = await sharing.publisher.token()
    begin = head(
        "POST", f"/v1/resources/{sharing.resource}/validate", token,
        Content_Type="application/x-ndjson", Transfer_Encoding="chunked",
    )  # fmt: skip
    parts = [chunk(b'{"id":'), chunk(b'"1","name":"x"}\n'), chunk(b"")]
    answer = await raw_http.send(gateway, begin, then=parts)
    assert answer.json()["valid"] == 1, answer.text


async def test_a_caller_that_leaves_amid_its_body_disturbs_nobody(
    world: World, system: ClientApp, sharing: Sharing, gateway: str, logs: Path
) -> None:
    """Each was an error of two tracebacks in the log (I7)."""
    log = logs / "gateway.log"
    before = log.stat().st_size
    records = f"/v1/resources/{sharing.resource}/records"
    for who, path in ((world.authority, "/v1/standards"), (sharing.publisher, records)):
        token = await who.token()
        begin = head("POST", path, token, Content_Type="application/json", Content_Length="100")
        with pytest.raises(TimeoutError):
            await raw_http.send(gateway, begin, then=[b"{"], timeout_seconds=0.3)
    assert (await world.http.get("/readyz")).status_code == 200
    written = log.read_bytes()[before:]
    assert b'"level": "error"' not in written
    assert b"Traceback" not in written


@pytest.mark.parametrize(
    "target",
    [
        "/v1/subscriptions/{subscription}/records?limit=0",
        "/v1/subscriptions/{subscription}/records?limit=10001",
        "/v1/subscriptions/{subscription}/records?limit=abc",
        "/v1/subscriptions/{subscription}/records?limit=",
        "/v1/subscriptions/{subscription}/records?limit=1.5",
        "/v1/subscriptions/{subscription}/records?limit=%2B5",
        "/v1/subscriptions/{subscription}/records?limit=%D9%A1",
        "/v1/subscriptions/{subscription}/records?limit=1&limit=2",
        "/v1/subscriptions/{subscription}/records?wait=31",
        "/v1/subscriptions/{subscription}/records?wait=-1",
        "/v1/subscriptions/{subscription}/records?wait=nan",
        "/v1/subscriptions/{subscription}/records?colour=red",
        "/v1/subscriptions/{subscription}/records?limit=" + "9" * 400,
        "/v1/subscriptions/{subscription}/records?limit=" + "9" * 5000,
        "/v1/subscriptions/{subscription}/records?cursor=" + "x" * 5000,
    ],
)
async def test_a_bad_parameter_of_a_pull_is_refused(sharing: Sharing, target: str) -> None:
    answer = await sharing.subscriber.get(target.format(subscription=sharing.subscription))
    problem(answer, 400, "invalid_parameter")


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "数", "A" * 200, "%00", "%FF"])
async def test_a_forged_position_is_refused(sharing: Sharing, cursor: str) -> None:
    path = f"/v1/subscriptions/{sharing.subscription}"
    answer = await sharing.subscriber.get(f"{path}/records?cursor={cursor}")
    problem(answer, 400, "invalid_cursor", "invalid_parameter")
    answer = await sharing.subscriber.put(f"{path}/position", {"cursor": cursor})
    problem(answer, 400, "invalid_cursor")


@pytest.mark.parametrize(
    "to",
    [
        "tomorrow",
        "2026-01-01T00:00:00",
        "",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9" * 20,
        "-1",
        "1767225600",
        "2026-01-01 00:00:00+08:00",
    ],
)
async def test_a_rewind_to_no_time_is_refused(sharing: Sharing, to: str) -> None:
    path = f"/v1/subscriptions/{sharing.subscription}/rewind"
    answer = await sharing.subscriber.post(path, {"to": to})
    assert 400 <= answer.status_code < 500, answer.text
    problem(answer, answer.status_code, "invalid_parameter", "validation_failed")


LISTS = (
    "standards", "code-lists", "elements", "resources", "departments", "people", "clients",
    "applications", "subscriptions", "audit",
)  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
async def test_a_bad_page_of_any_list_is_refused(world: World, name: str) -> None:
    who = {"people": world.security, "audit": world.auditor}.get(name, world.authority)
    path = f"/v1/{name}"
    params = {"role": "authority"} if name == "applications" else {}
    for limit in ("0", "201", "abc", "-1", "1.5", "9" * 30, ""):
        answer = await who.get(path, params={**params, "limit": limit})
        problem(answer, 400, "invalid_parameter")
    for limit in ("1", "200"):
        answer = await who.get(path, params={**params, "limit": limit})
        assert answer.status_code == 200, answer.text
    for cursor in (
        "",
        "x",
        "=",
        "数",
        "_w",
        "AA",
        "AAAA",
        "x" * 513,
        "\ud800".encode("utf-8", "surrogatepass"),
    ):
        answer = await who.get(path, params={**params, "cursor": cursor})
        problem(answer, 400, "invalid_cursor", "invalid_parameter")
