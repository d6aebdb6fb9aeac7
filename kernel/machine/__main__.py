"""`python -m kernel.machine`: compile every pass now, so that no worker has to."""

import importlib

PASSES = (
    "catalog.contracts.scanning.machine",
    "exchange.log.packing.machine",
    "exchange.log.unpacking.machine",
    "exchange.delivery.showing.machine",
)

for module in PASSES:
    importlib.import_module(module)
