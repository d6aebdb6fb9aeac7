"""The demo tells its story on the test platform: the first time, and again on what that left."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from deploy.demo import exchange, registry, story
from deploy.demo.cast import APPROVED, BUREAUS, CONSUMER, PROVIDER, STATISTICS
from deploy.demo.divisions import COUNT, divisions
from deploy.demo.narrator import Narrator
from deploy.demo.proof import ProofFailed, only, require_same
from deploy.demo.stage import Platform, Stage
from deploy.demo.tampering import COPY_NAME
from kernel.identifiers import uscc
from tests.support.terminal import Terminal
from tests.support.world import World

STEPS = 21
STORY_SECONDS = 600


@pytest.fixture(scope="module")
def played(
    world: World, settings: dict[str, str], logs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Platform:
    folder = tmp_path_factory.mktemp("demo")
    return Platform(world.base_url, logs / "credentials.json", settings, folder)


def steps(told: str) -> list[int]:
    return [int(number) for number in re.findall(r"^ *(\d+)\. ✓", told, re.MULTILINE)]


async def tell(played: Platform) -> None:
    async with asyncio.timeout(STORY_SECONDS):
        await asyncio.to_thread(story.tell, played, Narrator())


def command(told: str, comment: str) -> list[str]:
    """Return the words of the command below a comment, without the program and the pipe."""
    line = told.split(f"# {comment}")[1].splitlines()[1]
    return line.partition(" | ")[0].split()[1:]


@pytest.mark.slow
async def test_the_story_is_told_and_told_again(
    played: Platform, settings: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    await tell(played)
    first = capsys.readouterr().out
    assert steps(first) == list(range(1, STEPS + 1))
    await tell(played)
    second = capsys.readouterr().out
    assert steps(second) == steps(first)
    for told in (first, second):
        assert f"提交 {COUNT:,} 条" in told
        assert f"提取 {COUNT:,} 条" in told
        assert "写入后被改动" in told
    await _commands_work(Terminal(settings), second)
    await _nothing_is_left_over(played)


async def _commands_work(terminal: Terminal, told: str) -> None:
    pulled = await terminal.run(*command(told, "提取"))
    assert pulled.code == 0, pulled.err
    assert len(pulled.lines) >= 2 * COUNT
    token = await terminal.run(*command(told, "令牌"))
    assert token.out.count(".") == 2
    publish = [word for word in command(told, "提交") if not word.startswith(("$", "+"))]
    published = await terminal.run(*publish[: publish.index("--run")])
    assert published.code == 0, published.err


async def _nothing_is_left_over(played: Platform) -> None:
    for file in played.folder.glob("*.env"):
        assert file.stat().st_mode & 0o077 == 0, file
    connection = await asyncpg.connect(played.environment["SHUYUAN_DATABASE_URL"])
    try:
        found = "SELECT count(*) FROM pg_database WHERE datname = $1"
        assert await connection.fetchval(found, COPY_NAME) == 0
    finally:
        await connection.close()


async def test_forgotten_passwords_and_secrets_are_replaced(played: Platform) -> None:
    await asyncio.to_thread(_gather, played)
    (played.folder / "secrets.json").unlink()
    await asyncio.to_thread(_gather, played)


def _gather(played: Platform) -> None:
    with Stage(played) as stage:
        registry.register_bureaus(stage)
        for system in (PROVIDER, CONSUMER):
            client_id = registry.register_system(stage, system)
            assert stage.as_(system.name).ask("GET", "/v1/me")["id"] == client_id
        for bureau in BUREAUS:
            me = stage.as_(bureau.head).ask("GET", "/v1/me")
            assert (me["department"], me["roles"]) == (bureau.uscc, ["head"])


def test_credit_codes_are_valid_and_their_own() -> None:
    codes = [bureau.uscc for bureau in BUREAUS]
    assert [uscc(code) for code in codes] == [None] * len(BUREAUS)
    assert len(set(codes)) == len(BUREAUS)
    assert STATISTICS.uscc.startswith("11450000DEM")


def test_the_file_is_the_whole_tree_of_divisions() -> None:
    rows = divisions()
    codes = {row["code"] for row in rows}
    assert len(rows) == len(codes) == COUNT
    assert Counter(row["level"] for row in rows) == {
        "region": 1, "city": 14, "county": 111, "township": 1_284, "village": 16_681,
    }  # fmt: skip
    assert {row.get("parent_code", row["code"]) for row in rows} <= codes


def lines(**changes: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - items of a record
    """What would arrive, with one record changed."""
    for place, record in enumerate(only(divisions(), APPROVED)):
        yield {"op": "upsert", "data": {**record, **changes} if place == COUNT // 2 else record}


def test_the_order_of_arrival_does_not_matter() -> None:
    assert exchange.require_everything(list(reversed(list(lines()))))


@pytest.mark.parametrize(
    "arrived",
    [
        [*lines()][1:],
        [*lines(), next(lines())],
        [*lines(name="别名")],
        [*lines(level="village")],
        [{"op": "delete", "key": "450000000000"}, *lines()],
    ],
    ids=["one is missing", "one too many", "one differs", "an item not granted", "a deletion"],
)
def test_what_did_not_arrive_as_approved_fails_the_proof(arrived: list[dict[str, Any]]) -> None:
    with pytest.raises(ProofFailed, match=r"演示的证明未通过|could not prove"):
        exchange.require_everything(arrived)


def test_equal_records_have_equal_digests() -> None:
    assert require_same([{"a": "1", "b": "2"}], [{"b": "2", "a": "1"}])
