"""A full replacement: loaded beside everything else, committed by a job, whoever dies of it."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from auth.authors import principal_of
from exchange.replacements import committing, register
from kernel import clock, jobs
from kernel.actor import Actor
from kernel.blobs import Blobs
from kernel.database import Database
from kernel.jobs import Run
from kernel.master_key import open_box
from kernel.settings import Settings
from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.world import Caller, Sharing, World

Json = dict[str, Any]
KIND = "test.replacement.commit"


@pytest.fixture(scope="module")
def parsed(settings: dict[str, str]) -> Settings:
    named = {name: value for name, value in settings.items() if name.startswith("SHUYUAN_")}
    return Settings(**{name.removeprefix("SHUYUAN_").lower(): named[name] for name in named})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
async def sharing(world: World) -> Sharing:
    return await world.sharing(partitions=2)


def good(ids: Sequence[str], name: str = "甲") -> list[Json]:
    return [{"id": id_, "name": name, "amount": 1} for id_ in ids]


def place(sharing: Sharing, replacement: str = "", act: str = "") -> str:
    parts = ["/v1/resources", sharing.resource, "replacements", replacement, act]
    return "/".join(part for part in parts if part)


async def begin(sharing: Sharing) -> str:
    begun = await sharing.publisher.ask("POST", place(sharing))
    id_: str = begun["replacement_id"]
    return id_


async def load(sharing: Sharing, replacement: str, ids: Sequence[str], **params: str) -> Json:
    return await sharing.publisher.publish(
        sharing.resource, good(ids, "乙"), replacement=replacement, **params
    )


async def ended(who: Caller, job_id: str) -> Json:
    found: Json = {}

    async def over() -> bool:
        found.update(await who.ask("GET", f"/v1/jobs/{job_id}"))
        return found["status"] not in ("queued", "running")

    await eventually(over)
    return found


async def commit(sharing: Sharing, replacement: str, **body: int) -> Json:
    """Commit when the latest state is folded, and return the job when it has ended."""
    answer = None

    async def accepted() -> bool:
        nonlocal answer
        answer = await sharing.publisher.post(place(sharing, replacement, "commit"), body)
        return answer.status_code == 202

    await eventually(accepted)
    assert answer is not None
    return await ended(sharing.publisher, answer.json()["job_id"])


async def state(sharing: Sharing) -> dict[str, str]:
    """Return what a consumer has after reading all of the log: names by key."""
    shown: dict[str, str] = {}
    for record in (await sharing.subscriber.pull_all(sharing.subscription)).records:
        if record["op"] == "delete":
            shown.pop(record["key"], None)
        else:
            shown[record["key"]] = record["data"]["name"]
    return shown


async def test_what_was_not_loaded_anew_is_deleted_and_nothing_else(sharing: Sharing) -> None:
    publisher, resource = sharing.publisher, sharing.resource
    await publisher.publish(resource, good([f"k{n}" for n in range(20)]))
    replacement = await begin(sharing)
    again = await publisher.post(place(sharing))
    problem(again, 409, "replacement_open")
    wrong = await publisher.try_publish(
        resource, [{"id": "k1"}], op="delete", replacement=replacement
    )
    problem(wrong, 400, "invalid_parameter")
    problem(await publisher.try_publish(resource, good(["x"]), replacement="no"), 404, "not_found")
    stranger = sharing.subscriber
    problem(await stranger.get(place(sharing, replacement)), 404, "not_found")
    await load(sharing, replacement, [f"k{n}" for n in range(15)])
    assert (await state(sharing))["k3"] == "乙"
    # Published as ever: it stays.
    await publisher.publish(resource, good(["k15"], "丙"))
    # Refused, with a readable key: it counts as present.
    bad = b'{"id":"k16"}'
    receipt = await publisher.publish(
        resource, bad, replacement=replacement, on_invalid="quarantine"
    )
    assert receipt["rejected"] == 1
    unreadable = await publisher.publish(
        resource, b'{"name":"?"}', replacement=replacement, on_invalid="quarantine"
    )

    async def refused() -> bool:
        answer = await publisher.post(place(sharing, replacement, "commit"), {"max_deletes": 9})
        assert answer.status_code == 409, answer.text
        return bool(answer.json()["code"] == "keys_unreadable")

    await eventually(refused)
    done = {"receipt_id": unreadable["receipt_id"]}
    await publisher.ask("POST", f"/v1/resources/{resource}/quarantine/resolve", done)
    too_many = await publisher.post(place(sharing, replacement, "commit"))
    assert problem(too_many, 409, "too_many_deletes")["deletes"] == 3
    dry = await publisher.ask(
        "POST", place(sharing, replacement, "commit"), params={"dry_run": True}
    )
    told = await ended(publisher, dry["job_id"])
    assert told["status"] == "done", told
    figures = (await publisher.get(told["result"]["url"])).json()
    assert (figures["records"], figures["deletes"], figures["max_deletes"]) == (20, 3, 2)
    assert figures["kept_in_quarantine"] == 1
    job = await commit(sharing, replacement, max_deletes=3)
    assert (job["status"], job["done"]) == ("done", 3), job
    left = await state(sharing)
    assert left.keys() == {f"k{n}" for n in range(17)}
    assert (left["k15"], left["k16"]) == ("丙", "甲")
    view = await sharing.provider.clerk.ask("GET", place(sharing, replacement))
    assert (view["status"], view["deletes"], view["allowed"]) == ("committed", 3, [])
    problem(await publisher.post(place(sharing, replacement, "abort")), 409, "illegal_transition")
    late = await publisher.try_publish(resource, good(["x"]), replacement=replacement)
    problem(late, 409, "illegal_transition")


async def test_an_aborted_one_undoes_nothing_and_lets_another_begin(sharing: Sharing) -> None:
    replacement = await begin(sharing)
    await load(sharing, replacement, ["new"])
    ended_ = await sharing.provider.head.ask("POST", place(sharing, replacement, "abort"))
    assert ended_["status"] == "aborted"
    assert "new" in await state(sharing)
    other = await begin(sharing)
    listed = await sharing.publisher.ask("GET", place(sharing))
    assert [each["replacement_id"] for each in listed["items"]][:2] == [other, replacement]
    await sharing.publisher.ask("POST", place(sharing, other, "abort"))


async def test_one_ends_by_itself(sharing: Sharing, database: Database) -> None:
    replacement = await begin(sharing)
    async with database.transaction() as session:
        past = "UPDATE exchange.replacement SET ends_at = now() WHERE id = :id"
        await session.execute(text(past).bindparams(id=replacement))
    view = await sharing.publisher.ask("GET", place(sharing, replacement))
    assert (view["status"], view["allowed"]) == ("expired", [])
    late = await sharing.publisher.try_publish(
        sharing.resource, good(["x"]), replacement=replacement
    )
    problem(late, 409, "illegal_transition")
    await sharing.publisher.ask("POST", place(sharing, await begin(sharing), "abort"))


async def test_a_commit_that_breaks_off_in_each_step_goes_on_and_loses_nothing(
    world: World, database: Database, parsed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker dies before and after each publish, and a record overtakes a delete each time."""
    sharing = await world.sharing()
    ids = [f"k{n}" for n in range(7)]
    await sharing.publisher.publish(sharing.resource, good(ids))
    replacement = await begin(sharing)
    await load(sharing, replacement, ids[:3])
    monkeypatch.setattr(committing, "KEYS", 2)
    monkeypatch.setattr(register, "KIND", KIND)
    async with database.transaction() as session:
        principal = await _principal(session, sharing)
        job = await register.commit(
            session, principal, sharing.resource, replacement, 10, dry_run=False, now=clock.now()
        )
        box = await open_box(session, parsed)
    body, keep = committing._Erasing._body, committing._Erasing._keep
    saved: list[str] = []
    seen: set[bytes] = set()
    dies = iter([True, False] * 40)

    async def overtaken(self: Any, *args: Any) -> Any:  # noqa: ANN401
        """Publish a key between the look at it and its delete, once for each of two deletes."""
        lines, keys = await body(self, *args)
        if args[2].op == "delete" and keys[0] not in seen:
            seen.add(keys[0])
            saved.append(keys[0].decode())
            await sharing.publisher.publish(sharing.resource, good(saved[-1:], "丁"))
        return lines, keys

    async def mortal(self: Any, *args: Any) -> None:  # noqa: ANN401
        """Die before what was done is kept, then after the same step is kept."""
        if next(dies):
            raise SystemError("dead before it was kept")
        await keep(self, *args)
        raise SystemError("dead after it was kept")

    monkeypatch.setattr(committing._Erasing, "_body", overtaken)
    monkeypatch.setattr(committing._Erasing, "_keep", mortal)
    deaths = 0
    while not await _turn(database, parsed, box, job.id):
        deaths += 1
        assert deaths < 60
    assert deaths > 8
    left = await state(sharing)
    assert left.keys() == {*ids[:3], *saved}
    assert {left[key] for key in saved} == {"丁"}
    view = await sharing.publisher.ask("GET", place(sharing, replacement))
    assert (view["status"], view["deletes"]) == ("committed", 2)


async def _turn(database: Database, parsed: Settings, box: Any, job_id: str) -> bool:  # noqa: ANN401
    """Take the job as another worker would, and tell whether it came to its end."""
    async with database.transaction() as session:
        past = "UPDATE kernel.job SET leased_until = clock_timestamp() - interval '1 s'"
        await session.execute(text(f"{past} WHERE id = :id").bindparams(id=job_id))
    async with database.transaction() as session:
        row = await jobs.claim(session, [KIND])
    assert row is not None
    try:
        await committing.commit(Run(row, database, Blobs(None), box, parsed))
    except SystemError:
        return False
    return True


async def _principal(session: Any, sharing: Sharing) -> Any:  # noqa: ANN401
    author = Actor("client", sharing.publisher.id, sharing.provider.uscc)
    return await principal_of(session, author, ["records:publish"], "test")
