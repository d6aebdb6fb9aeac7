"""Networks of a department, in which alone it is called (`docs/api.md` section 2)."""

from auth import networks
from kernel.database import Database
from tests.support.world import World


async def test_security_names_the_networks_of_a_department(
    world: World, database: Database
) -> None:
    department = await world.department()
    path = f"/v1/departments/{department.uscc}/networks"
    before = await department.head.ask("GET", path)
    assert before == {
        "department": department.uscc,
        "department_name": department.name,
        "cidrs": [],
        "changed_at": None,
    }
    named = {"cidrs": ["10.1.2.0/24", "fd00:1::/32", "10.1.2.0/24"]}
    for other in (department.head, world.operator, world.auditor):
        answer = await other.put(path, named)
        assert (answer.status_code, answer.json()["code"]) == (403, "role_required")
    made = await world.security.put(path, named)
    assert made.status_code == 200, made.text
    assert made.json()["cidrs"] == ["10.1.2.0/24", "fd00:1::/32"]
    async with database.reading() as session:
        allowed = await networks.allowed(session, department.uscc)
    assert [str(each) for each in allowed] == made.json()["cidrs"]

    assert (await world.security.put(path, named)).status_code == 428
    tag = made.headers["ETag"]
    changed = await world.security.put(path, {"cidrs": []}, headers={"If-Match": tag})
    assert changed.json()["cidrs"] == []
    stale = await world.security.put(path, named, headers={"If-Match": tag})
    assert stale.status_code == 412
    read = await world.operator.get(path)
    assert read.headers["ETag"] == changed.headers["ETag"]


async def test_networks_that_cannot_be_are_named(world: World) -> None:
    department, other = await world.department(), await world.department()
    path = f"/v1/departments/{department.uscc}/networks"
    cidrs = ["10.0.0.0/7", "0.0.0.0/0", "169.254.0.0/16", "10.1.2.3/24", "local", "::/0",
             "224.0.0.0/8", "10.1.2.3"]  # fmt: skip
    answer = await world.security.put(path, {"cidrs": cidrs})
    assert answer.status_code == 422
    assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [
        ("cidrs[0]", "out_of_range"),
        ("cidrs[1]", "out_of_range"),
        ("cidrs[2]", "out_of_range"),
        ("cidrs[3]", "pattern"),
        ("cidrs[4]", "pattern"),
        ("cidrs[5]", "out_of_range"),
        ("cidrs[6]", "out_of_range"),
    ]
    assert (await world.security.put(path, {"cidrs": ["10.0.0.0/24"] * 65})).status_code == 422
    assert (await world.security.put(path, {"cidrs": "10.0.0.0/24"})).status_code == 422
    early = await world.security.put(path, {"cidrs": []}, headers={"If-Match": '"1"'})
    assert early.status_code == 412
    assert (await department.head.ask("GET", path))["changed_at"] is None
    assert (await other.head.get(path)).status_code == 404
    assert (
        await world.security.put("/v1/departments/1/networks", {"cidrs": []})
    ).status_code == 404
