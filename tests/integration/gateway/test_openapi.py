"""OpenAPI says the truth: generated requests find nothing that it does not describe."""

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.support.world import Caller, ClientApp, World

# `make fuzz` looks for longer.
SECONDS = int(os.environ.get("TESTS_FUZZ_SECONDS", "60"))
OF_SYSTEMS = "^/(oauth|v1/(me|resources|subscriptions|receipts|clients))|z$"
SEED = "20260101"
EXAMPLES = SECONDS // 4
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
ROOT = Path(__file__).parents[3]
HOOKS = {"SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks", "PYTHONPATH": str(ROOT)}
HOT = {("/v1/resources/{id}/records", "post"), ("/v1/subscriptions/{id}/records", "get")}


async def described(world: World) -> dict[str, Any]:
    told: dict[str, Any] = (await world.http.get("/openapi.json")).json()
    return told


def operations(told: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


async def test_it_is_3_1_and_has_every_path_hot_ones_included(world: World) -> None:
    told = await described(world)
    assert told["openapi"].startswith("3.1")
    assert {(path, method) for path, method, _ in operations(told)} >= HOT | {
        ("/oauth/token", "post"),
        ("/v1/audit", "get"),
        ("/readyz", "get"),
    }


async def test_every_refusal_is_described_as_a_problem(world: World) -> None:
    told = await described(world)
    assert "HTTPValidationError" not in told["components"]["schemas"]
    for path, method, operation in operations(told):
        if not path.startswith("/v1"):
            continue
        refusals = {status: it for status, it in operation["responses"].items() if status >= "4"}
        assert set(refusals) >= {"400", "401", "403", "503"}, (method, path)
        for told_of in refusals.values():
            name = told_of["$ref"].rpartition("/")[2]
            content = told["components"]["responses"][name]["content"]
            assert list(content) == ["application/problem+json"]


async def test_every_creation_takes_an_idempotency_key(world: World) -> None:
    for path, method, operation in operations(await described(world)):
        if method == "post" and "201" in operation["responses"]:
            named = {each["name"].lower() for each in operation.get("parameters", [])}
            assert "idempotency-key" in named, path


async def test_every_list_is_paged(world: World) -> None:
    told = await described(world)
    for path, method, operation in operations(told):
        answer = operation["responses"].get("200", {}).get("content", {}).get("application/json")
        name = (answer or {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
        schema = told["components"]["schemas"].get(name, {})
        if "next_cursor" in schema.get("properties", {}) and method == "get":
            named = {each["name"] for each in operation["parameters"]}
            unpaged = ("/versions", "/history", "/sources")
            assert {"limit", "cursor"} <= named or path.endswith(unpaged), path


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_its_pages_need_nothing_from_elsewhere(world: World, page: str) -> None:
    answer = await world.http.get(page)
    assert answer.status_code == 200
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)""", answer.text)
    assert loaded
    assert not [place for place in loaded if re.match(r"(?i)(https?:)?//", place)]
    for place in loaded:
        asset = await world.http.get(urljoin(page, place))
        assert asset.status_code == 200, place
    assert "/openapi.json" in answer.text


async def explore(world: World, who: Caller, reports: Path, *only: str) -> str:
    """Let Schemathesis send what the description allows, and what it forbids; what it found."""
    arguments = [
        "-m", "schemathesis.cli", "run", f"{world.base_url}/openapi.json",
        "--header", f"Authorization: Bearer {await who.token()}", "--checks", ",".join(CHECKS),
        "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", SEED,
        "--max-time", str(SECONDS), "--no-shrink", "--no-color",
        "--suppress-health-check", "all", "--request-timeout", "20", "--warnings", "off",
        "--generation-database", "none", "--exclude-path-regex", "^/v1/me/password$", *only,
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=reports, env=os.environ | HOOKS,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(SECONDS * 4):
        said, _ = await process.communicate()
    return "" if process.returncode == 0 else said.decode()


@pytest.mark.slow
async def test_whatever_is_sent_is_answered_as_described(
    world: World, system: ClientApp, tmp_path: Path
) -> None:
    """By the authority, somebody new so that no one else's people are touched; by a system."""
    explorer = await world.new_person(world.authority_department, "authority", "clerk", "head")
    found = await asyncio.gather(
        explore(world, explorer, tmp_path),
        explore(world, system, tmp_path, "--include-path-regex", OF_SYSTEMS),
    )
    assert not any(found), "\n".join(found)
