"""The naive service of the benchmark shows what the exchange shows: its pages are compared."""

import orjson

from loadtests import records
from loadtests.compare import naive
from loadtests.pages import expected


def test_the_naive_service_masks_as_the_exchange_does() -> None:
    # Once the masks of the exchange kept no length any more, those of the naive service still did:
    # every run of the benchmark ended before its first row.
    for line in records.lines()[:100]:
        shown = naive._shown(line)
        assert shown == expected(records.NARROW, orjson.loads(line), masked=True)
