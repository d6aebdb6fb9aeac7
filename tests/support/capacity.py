"""Costs of round numbers, with which a capacity plan can be reckoned by hand."""

from deploy.capacity.costs import (
    BROKER,
    COUNT,
    DATABASE,
    FETCH,
    GATEWAY,
    KEYED,
    PAGE,
    POLL,
    PROJECT,
    PUBLISH,
    SEAL,
    WORKER,
    Bytes,
    Costs,
    Line,
    Point,
    Projection,
)
from gateway.console.load_reports import Machine

MACHINE = Machine(2, 24 * 2**30, "3.11", "4.3.0", "18.0")
MIXED = Point(
    name="mixed",
    seconds=2.0,
    done={PUBLISH: (1_000, 50_000), PAGE: (500, 250_000), PROJECT: (500, 250_000)},
    cpu_seconds={GATEWAY: 2.0, BROKER: 0.5, WORKER: 0.01, DATABASE: 0.02},
    shape=(6, 2),
)
COSTS = Costs(
    measured_at="2026-01-05T00:00+00:00",
    rounds=3,
    workers=2,
    machine=MACHINE,
    work={
        PUBLISH: {GATEWAY: Line(200, 5), BROKER: Line(100, 1)},
        KEYED: {GATEWAY: Line(200), DATABASE: Line(100)},
        PAGE: {GATEWAY: Line(100, 0.5)},
        PROJECT: {GATEWAY: Line(0, 3)},
        FETCH: {GATEWAY: Line(200, 1), BROKER: Line(200, 0.5)},
        POLL: {GATEWAY: Line(400), BROKER: Line(200)},
        COUNT: {GATEWAY: Line(50), DATABASE: Line(20)},
        SEAL: {WORKER: Line(1_000), DATABASE: Line(100)},
    },
    idle_cores={GATEWAY: 0.01, WORKER: 0.01, BROKER: 0.05, DATABASE: 0.02},
    projection=Projection(0.4, 0.1, 0.5, 6, 2),
    tls_ns_per_byte=1.0,
    bytes=Bytes(320, 200, 360, 400, 250, 500, 500, 400),
    memory_bytes={GATEWAY: 200_000_000},
    fitted=[MIXED],
    checked=[MIXED],
    bounded=[],
)
