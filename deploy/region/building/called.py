"""Uses that need a program of the department's own: pushes to a receiver, calls of a service."""

import json
import time
from math import ceil

from deploy.demo.proof import line_of
from deploy.demo.stage import Json, find
from deploy.region.building.doors import Doors, Receiver
from deploy.region.building.records import expected, latest
from deploy.region.building.stage import Stage
from deploy.region.records.cast import Cast
from deploy.region.records.making import records
from deploy.region.region import Pair, Resource
from shuyuan_client.failures import Failure
from shuyuan_client.webhooks import WebhookVerifier

PUSH_SECONDS, PUSH_PAUSE_SECONDS = 180.0, 0.3
# A service answers at most 1 MiB at once, and mounts 50 operations: a part is so many rows.
PART_ROWS = 500
OPERATION = "rows"


def receive(stage: Stage, doors: Doors, pair: Pair, subscription: str, cast: Cast) -> list[Json]:
    """Open a receiver, have it tested, and wait for what the platform pushes from the first on.

    What was pushed to a run whose notes are lost is not pushed again: it is pulled, as a push may.
    """
    head, path = stage.head(pair.department), f"/v1/subscriptions/{subscription}/endpoint"
    if find(head, path):
        client = stage.system(pair.consumer.id)
        return latest(client.pages(subscription, client.rewind(subscription, "earliest")))
    receiver = doors.receivers[f"/push/{subscription}"] = Receiver()
    body = {"url": doors.url(f"/push/{subscription}"), "format": "webhook"}
    receiver.verifier = WebhookVerifier(head.ask("PUT", path, body)["secret"])
    tested = head.ask("POST", f"{path}/test")
    if not tested["passed"]:
        raise Failure(
            f"{pair.id} 的推送端点未通过测试：{tested['failure']}",
            f"the endpoint of {pair.id} did not pass its test: {tested['failure']}",
        )
    meant, until = len(expected(pair, cast)), time.monotonic() + PUSH_SECONDS
    while len(receiver.records) < meant and time.monotonic() < until:
        time.sleep(PUSH_PAUSE_SECONDS)
    arrived = receiver.records
    head.ask("POST", f"{path}/pause")
    return arrived


def answers(resource: Resource, cast: Cast) -> dict[str, bytes]:
    """What the department's own service says, by path."""
    made, name, step = [*records(resource, cast)], resource.system.id, len(parts_of(resource))
    return {
        f"/{name}/rows/{part}": f"[{','.join(map(line_of, made[part::step]))}]".encode()
        for part in parts_of(resource)
    }


def parts_of(resource: Resource) -> range:
    """The parts in which a service answers for all of its rows."""
    return range(ceil(resource.records / PART_ROWS))


def mount(stage: Stage, base_url: str, resource: Resource) -> None:
    """Let the resource's department mount its own service, where it listens now."""
    name = resource.system.id
    head, path = stage.head(resource.department), f"/v1/resources/{stage.resource_id(name)}/service"
    body = {
        "base_url": f"{base_url}/{name}",
        "operations": [
            {
                "name": f"{OPERATION}{part}", "method": "GET", "path": f"/rows/{part}",
                "query": [], "response": "records",
            }
            for part in parts_of(resource)
        ],
        "auth": {"kind": "none"},
        "timeouts": {"connect": 5, "first_byte": 30, "idle": 30},
    }  # fmt: skip
    known = find(head, path)
    headers = {} if known is None else {"If-Match": head.send("GET", path).headers["ETag"]}
    head.ask("PUT", path, body, headers=headers)
    stage.notes.note(f"service {name}", mounted(base_url, resource))


def mounted(base_url: str, resource: Resource) -> str:
    """What is noted of a service that is mounted: where, and in how many parts it answers."""
    return f"{base_url} {len(parts_of(resource))}"


def call(stage: Stage, pair: Pair, subscription: str) -> list[Json]:
    """Ask the mounted service for all rows, through the platform."""
    client = stage.system(pair.consumer.id)
    arrived: list[Json] = []
    for part in parts_of(pair.resource):
        path = f"/v1/subscriptions/{subscription}/call/{OPERATION}{part}"
        answer = json.loads(client.send("GET", path).content)
        arrived += [item["data"] for item in answer["items"]]
    return arrived
