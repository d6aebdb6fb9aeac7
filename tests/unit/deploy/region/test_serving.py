"""The departments' own services answer with the records of their resources, until stopped."""

import json
import threading

import httpx

from deploy.local.ports import HOST, any_free
from deploy.region import checking, serving
from deploy.region.building.called import parts_of
from deploy.region.records.cast import Cast
from deploy.region.records.making import records


def test_what_is_mounted_is_served_until_stopped() -> None:
    region = checking.region().only({"zgt-infrastructure"})
    resource = region.resources["tianditu"]
    port, stop = any_free(), threading.Event()
    serving_thread = threading.Thread(target=serving.serve, args=(region, port, stop))
    serving_thread.start()
    try:
        base_url = f"http://{HOST}:{port}"
        # Each waits twice as long as the one before: half a minute in all.
        transport = httpx.HTTPTransport(retries=7)
        with httpx.Client(base_url=base_url, transport=transport) as client:
            assert client.get(serving.HEALTH).is_success
            parts = [client.get(f"/tianditu/rows/{part}").json() for part in parts_of(resource)]
            assert client.get("/tianditu/rows/99").status_code == httpx.codes.NOT_FOUND
    finally:
        stop.set()
        serving_thread.join()
    rows = [json.dumps(row, sort_keys=True) for part in parts for row in part]
    made = [json.dumps(row, sort_keys=True) for row in records(resource, Cast(region.files))]
    assert sorted(rows) == sorted(made)
