"""The naive service of the benchmark shows what the exchange shows: its pages are compared."""

import orjson
import pytest
from pydantic import ValidationError

from loadtests import naive, records
from loadtests.pages import expected


def test_the_naive_service_masks_as_the_exchange_does() -> None:
    # Once the masks of the exchange kept no length any more, those of the naive service still did:
    # every run of the benchmark ended before its first row.
    for line in records.lines()[:100]:
        shown = naive._shown(line)
        assert shown == expected(records.NARROW, orjson.loads(line))


def test_the_naive_service_checks_what_the_exchange_checks() -> None:
    for number in range(300):
        naive.Person.model_validate(records.record(number))
    for item, wrong in (("employer", "91450103000000001X"), ("id_number", "450103195001010009")):
        with pytest.raises(ValidationError):
            naive.Person.model_validate(records.record(0) | {item: wrong})
