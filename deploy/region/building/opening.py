"""What is open, as anybody fetches it: without signing in, whole by its digest."""

import base64
import hashlib
import json
import time
from http import HTTPStatus

import httpx

from deploy.demo.proof import digest
from deploy.region.building.crowd import Crowd
from deploy.region.building.stage import Stage
from deploy.region.records.cast import Cast
from deploy.region.records.making import records
from deploy.region.region import Resource
from shuyuan_client.failures import Failure

PATIENCE_SECONDS, PAUSE_SECONDS, TIMEOUT_SECONDS = 180.0, 2.0, 60.0


def download(stage: Stage, crowd: Crowd, cast: Cast) -> int:
    """Fetch each open entry that was not fetched yet; return how many are open."""
    opened = [each for each in stage.region.resources.values() if each.is_open]
    todo = [
        each
        for each in opened
        if (stage.notes.get(f"open {each.system.id}") or {}).get("print") != each.records_print
    ]
    crowd.each(todo, lambda it: _download(stage, it, cast))
    return len(opened)


def _download(stage: Stage, resource: Resource, cast: Cast) -> None:
    url = f"{stage.base_url}/open/{stage.resource_id(resource.system.id)}.ndjson"
    meant, until = digest(records(resource, cast)), time.monotonic() + PATIENCE_SECONDS
    # The file of other records that were published before is offered until it is made anew.
    while (came := _digest(body := _fetched(url))) != meant and time.monotonic() < until:
        time.sleep(PAUSE_SECONDS)
    if came != meant:
        raise Failure(
            f"开放数据 {resource.name} 的下载与所提交的不一致：{came[:16]}，{meant[:16]}",
            f"the open download of {resource.name} is not what was published: {came} {meant}",
        )
    noted = {"rows": body.count(b"\n"), "digest": came, "print": resource.records_print}
    stage.notes.note(f"open {resource.system.id}", noted)


def _digest(body: bytes) -> str:
    return digest(json.loads(line)["data"] for line in body.splitlines())


def _fetched(url: str) -> bytes:
    """Return the file, once it is made (503 until then)."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = httpx.get(url, timeout=TIMEOUT_SECONDS)
        if answer.status_code == HTTPStatus.OK:
            break
        if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > until:
            raise Failure(f"{url} 下载失败：{answer.status_code}", f"{url}: {answer.status_code}")
        time.sleep(PAUSE_SECONDS)
    told = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    if f"sha-256=:{told}:" not in answer.headers["Content-Digest"]:
        raise Failure(f"{url} 的摘要不符", f"the digest of {url} is wrong")
    return answer.content
